//! Records: their header, tag and crc, and whether their fields fit together.
//!
//! A record is trusted only as a whole: `Salt::check` says whether one begins at a place, `is_sound`
//! whether what it says about its own content is possible. Source: docs/log-format.md, "Record".

pub const HEADER_BYTES: usize = 16;
pub const PUBLISH_HEADER_BYTES: usize = 32;
pub const DATA_HEADER_BYTES: usize = 24;
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
pub const PIECE_BYTES: usize = 256 * 1024;
pub const BLOCK_RAW_BYTES_MAX: usize = 256 * 1024;

pub const PUBLISH: u8 = 1;
pub const BODY: u8 = 2;
pub const ACK: u8 = 3;
pub const COUNT: u8 = 4;
pub const BLOCK: u8 = 5;
pub const IMPORT: u8 = 6;
pub const CHANGE: u8 = 7;
pub const CHECKPOINT: u8 = 8;
pub const QUEUE: u8 = 9;

pub const CONTINUED: u8 = 4;
pub const COMPRESSED: u8 = 1;

/// The next multiple of 8: where the record behind one of this length begins.
pub const fn pad8(bytes: usize) -> usize {
    (bytes + 7) & !7
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The first 16 bytes of a record, without crc and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub bytes: usize,
    pub kind: u8,
    pub flags: u8,
    pub count: usize,
}

impl Head {
    /// `None` when no record has such a header, whatever follows. `bytes` holds at least 16 bytes.
    pub fn read(bytes: &[u8]) -> Option<Head> {
        let head = Head {
            bytes: u32_at(bytes, 4) as usize,
            kind: bytes[8],
            flags: bytes[9],
            count: usize::from(u16_at(bytes, 10)),
        };
        let possible = head.bytes.is_multiple_of(8)
            && (HEADER_BYTES..=RECORD_BYTES_MAX).contains(&head.bytes)
            && (PUBLISH..=QUEUE).contains(&head.kind);
        possible.then_some(head)
    }

    pub fn write(self, bytes: &mut [u8]) {
        put_u32(bytes, 0, 0);
        put_u32(bytes, 4, self.bytes as u32);
        bytes[8] = self.kind;
        bytes[9] = self.flags;
        bytes[10..12].copy_from_slice(&(self.count as u16).to_le_bytes());
        put_u32(bytes, 12, 0);
    }

    /// kind | flags << 8 | count << 16, as a scan's entries and LogRead's users have it.
    pub fn word(self) -> u32 {
        u32::from(self.kind) | u32::from(self.flags) << 8 | (self.count as u32) << 16
    }
}

/// What makes the records of one log valid nowhere else: its store id.
#[derive(Clone, Copy, Debug)]
pub struct Salt {
    crc: u32,
}

impl Salt {
    pub fn new(store_id: &[u8; 16]) -> Salt {
        Salt { crc: crc32c::crc32c(store_id) }
    }

    pub fn tag(self, position: u64) -> u32 {
        crc32c::crc32c_append(self.crc, &position.to_le_bytes())
    }

    /// The crc of a whole record, tag included. It begins as the tag does: with id and position.
    pub fn crc(self, position: u64, record: &[u8]) -> u32 {
        crc32c::crc32c_append(self.tag(position), &record[4..])
    }

    /// Fills tag and crc of a record that is about to be written at `position`.
    pub fn seal(self, record: &mut [u8], position: u64) {
        let tag = self.tag(position);
        put_u32(record, 12, tag);
        let crc = crc32c::crc32c_append(tag, &record[4..]);
        put_u32(record, 0, crc);
    }

    /// The header of the record that begins at the start of `bytes`, if tag and crc fit and it ends
    /// within `bytes`.
    pub fn check(self, bytes: &[u8], position: u64) -> Option<Head> {
        if bytes.len() < HEADER_BYTES || u32_at(bytes, 12) != self.tag(position) {
            return None;
        }
        let head = Head::read(bytes)?;
        let record = bytes.get(..head.bytes)?;
        (u32_at(record, 0) == self.crc(position, record)).then_some(head)
    }
}

/// Where the parts of a PUBLISH record lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    pub exrk_bytes: usize,
    pub props_bytes: usize,
    pub body_bytes: usize,
    /// Where its data begin: behind the targets.
    pub data_at: usize,
    /// How many data bytes stand in this record.
    pub piece_bytes: usize,
    /// exrk + props + body.
    pub data_bytes: usize,
}

impl Publish {
    /// `None` when the numbers contradict each other or the record's length.
    pub fn read(head: Head, record: &[u8]) -> Option<Publish> {
        let data_at = PUBLISH_HEADER_BYTES + 8 * head.count;
        if head.kind != PUBLISH || head.bytes < data_at || record.len() < PUBLISH_HEADER_BYTES {
            return None;
        }
        let part = |at: usize| u64::from(u32_at(record, at));
        let total = part(16) + part(20) + part(24);
        if total > i32::MAX as u64 {
            return None;
        }
        let data_bytes = total as usize;
        let is_continued = head.flags & CONTINUED != 0;
        if is_continued != (data_bytes > PIECE_BYTES) {
            return None;
        }
        let piece_bytes = data_bytes.min(PIECE_BYTES);
        (head.bytes == pad8(data_at + piece_bytes)).then_some(Publish {
            exrk_bytes: part(16) as usize,
            props_bytes: part(20) as usize,
            body_bytes: part(24) as usize,
            data_at,
            piece_bytes,
            data_bytes,
        })
    }
}

/// Index and data length of a BODY record whose length fits them.
pub fn read_body(head: Head, record: &[u8]) -> Option<(u32, usize)> {
    if head.kind != BODY || head.bytes < DATA_HEADER_BYTES {
        return None;
    }
    let data_bytes = u32_at(record, 20) as usize;
    let fits = (1..=PIECE_BYTES).contains(&data_bytes)
        && head.bytes == pad8(DATA_HEADER_BYTES + data_bytes);
    fits.then_some((u32_at(record, 16), data_bytes))
}

/// Whether a record of any kind but BLOCK (block.rs) says possible things about its content.
pub fn is_sound(head: Head, record: &[u8]) -> bool {
    match head.kind {
        PUBLISH => Publish::read(head, record).is_some(),
        BODY => read_body(head, record).is_some(),
        ACK | COUNT => head.bytes == pad8(HEADER_BYTES + 12 * head.count),
        IMPORT => head.bytes == 40,
        CHANGE => {
            head.bytes >= DATA_HEADER_BYTES
                && head.bytes == pad8(DATA_HEADER_BYTES.saturating_add(u32_at(record, 16) as usize))
        }
        CHECKPOINT => head.bytes == 32,
        QUEUE => {
            let pairs = || u64::from(u32_at(record, 24)) + u64::from(u32_at(record, 28));
            head.bytes >= 32 && head.bytes as u64 == 32 + 8 * pairs()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salt() -> Salt {
        Salt::new(&[7; 16])
    }

    fn ack() -> Vec<u8> {
        let mut record = vec![0; 32];
        let head = Head { bytes: 32, kind: ACK, flags: 0, count: 1 };
        head.write(&mut record);
        put_u32(&mut record, 16, 5);
        record
    }

    #[test]
    fn crc_is_of_the_id_the_position_and_the_rest() {
        let mut record = ack();
        salt().seal(&mut record, 4224);
        let mut all = vec![7; 16];
        all.extend_from_slice(&4224u64.to_le_bytes());
        assert_eq!(u32_at(&record, 12), crc32c::crc32c(&all));
        all.extend_from_slice(&record[4..]);
        assert_eq!(u32_at(&record, 0), crc32c::crc32c(&all));
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_sealed_record_is_valid_at_its_place_only() {
        let mut record = ack();
        salt().seal(&mut record, 128);
        assert_eq!(salt().check(&record, 128).map(|head| head.bytes), Some(32));
        assert_eq!(salt().check(&record, 136), None);
        assert_eq!(Salt::new(&[8; 16]).check(&record, 128), None);
        assert_eq!(salt().check(&record[..31], 128), None);
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(salt().check(&flipped, 128), None, "bit {bit}");
        }
    }

    #[test]
    fn lengths_have_to_fit_the_numbers_inside() {
        let record = ack();
        let head = Head::read(&record).unwrap();
        assert!(is_sound(head, &record));
        assert!(!is_sound(Head { count: 2, ..head }, &record));
        let publish = Head { bytes: 40, kind: PUBLISH, flags: 0, count: 1 };
        let mut bytes = vec![0; 40];
        assert!(is_sound(publish, &bytes));
        put_u32(&mut bytes, 24, u32::MAX);
        assert!(!is_sound(publish, &bytes));
    }
}
