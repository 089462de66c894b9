//! File headers, file names and positions. Source: docs/log-format.md, "Files" and "Segment".

use crate::record::{put_u32, put_u64, u32_at, u64_at};

pub const HEADER_BYTES: usize = 64;
/// The header stands there twice, in checkpoints as well.
pub const HEADERS_BYTES: usize = 128;
pub const MAGIC_SEGMENT: u32 = 0x4c51_4d57;
pub const MAGIC_CHECKPOINT: u32 = 0x4351_4d57;
pub const VERSION: u32 = 1;
/// The positions of records in a checkpoint: this plus their offset in the file.
pub const CHECKPOINT_BASE: u64 = 1 << 52;
/// Zero bytes behind the last record of a write.
pub const END_MARKER_BYTES: usize = 16;
pub const SEGMENT_BYTES_MAX: u32 = 256 * 1024 * 1024;
/// Smaller than the format's 1 MiB: simulations want many segments from few bytes.
pub const SEGMENT_BYTES_MIN: u32 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub magic: u32,
    pub segment_bytes: u32,
    pub store_id: [u8; 16],
    /// Of the segment or checkpoint.
    pub number: u64,
    pub epoch: u32,
    pub previous_end: u32,
    pub created_millis: u64,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put_u32(&mut bytes, 4, self.magic);
        put_u32(&mut bytes, 8, VERSION);
        put_u32(&mut bytes, 12, self.segment_bytes);
        bytes[16..32].copy_from_slice(&self.store_id);
        put_u64(&mut bytes, 32, self.number);
        put_u32(&mut bytes, 40, self.epoch);
        put_u32(&mut bytes, 44, self.previous_end);
        put_u64(&mut bytes, 48, self.created_millis);
        let crc = crc32c::crc32c(&bytes[4..]);
        put_u32(&mut bytes, 0, crc);
        bytes
    }

    /// Both copies and the zero bytes behind them that say "no record yet".
    pub fn encode_start(&self) -> [u8; HEADERS_BYTES + END_MARKER_BYTES] {
        let mut bytes = [0; HEADERS_BYTES + END_MARKER_BYTES];
        let header = self.encode();
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        bytes[HEADER_BYTES..HEADERS_BYTES].copy_from_slice(&header);
        bytes
    }

    fn decode(bytes: &[u8], magic: u32) -> Option<Header> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        let segment_bytes = u32_at(bytes, 12);
        let is_valid = u32_at(bytes, 0) == crc32c::crc32c(&bytes[4..])
            && u32_at(bytes, 4) == magic
            && u32_at(bytes, 8) == VERSION
            && segment_bytes.is_power_of_two()
            && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes);
        let mut store_id = [0; 16];
        store_id.copy_from_slice(&bytes[16..32]);
        is_valid.then(|| Header {
            magic,
            segment_bytes,
            store_id,
            number: u64_at(bytes, 32),
            epoch: u32_at(bytes, 40),
            previous_end: u32_at(bytes, 44),
            created_millis: u64_at(bytes, 48),
        })
    }

    /// The header of a file that begins with `bytes`, from whichever copy is whole.
    pub fn decode_either(bytes: &[u8], magic: u32) -> Option<Header> {
        Header::decode(bytes, magic).or_else(|| Header::decode(bytes.get(HEADER_BYTES..)?, magic))
    }

    /// Which of the two copies are broken, as (from, to).
    pub fn broken_copies(bytes: &[u8], magic: u32) -> Vec<(usize, usize)> {
        let copy = |from: usize| bytes.get(from..).and_then(|rest| Header::decode(rest, magic));
        match (copy(0), copy(HEADER_BYTES)) {
            (Some(_), Some(_)) => vec![],
            (Some(_), None) => vec![(HEADER_BYTES, HEADERS_BYTES)],
            (None, Some(_)) => vec![(0, HEADER_BYTES)],
            (None, None) => vec![(0, HEADERS_BYTES)],
        }
    }
}

pub fn segment_name(number: u64) -> String {
    format!("{number:016}.seg")
}

pub fn checkpoint_name(number: u64) -> String {
    format!("{number:016}.ckpt")
}

/// A checkpoint that is being written.
pub const CHECKPOINT_UNFINISHED: &str = "checkpoint.new";

/// What a file of a log directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Segment(u64),
    Checkpoint(u64),
    Spare(u32),
    /// Left by a process that died while it made a spare or a checkpoint.
    Unfinished,
    Other,
}

pub fn file_kind(name: &str) -> FileKind {
    let number = |stem: &str| -> Option<u64> {
        let is_number = stem.len() == 16 && stem.bytes().all(|each| each.is_ascii_digit());
        is_number.then(|| stem.parse().ok())?.filter(|&number| number > 0)
    };
    if name.ends_with(".tmp") || name == CHECKPOINT_UNFINISHED {
        return FileKind::Unfinished;
    }
    let kind = match name.rsplit_once('.') {
        Some((stem, "seg")) => number(stem).map(FileKind::Segment),
        Some((stem, "ckpt")) => number(stem).map(FileKind::Checkpoint),
        Some((stem, "spare")) => stem.parse().ok().map(FileKind::Spare),
        _ => None,
    };
    kind.unwrap_or(FileKind::Other)
}

pub fn position_of(segment_bytes: u32, segment: u64, offset: usize) -> u64 {
    segment * u64::from(segment_bytes) + offset as u64
}

/// Where a record of `bytes` lies that follows at `offset`: there, or at the next segment's start
/// (`true`). The one rule by which writers, readers and users of the log find the next record.
pub fn place(segment_bytes: u32, offset: usize, bytes: usize) -> (bool, usize) {
    if offset + bytes <= segment_bytes as usize { (false, offset) } else { (true, HEADERS_BYTES) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_in_either_copy() {
        let header = Header {
            magic: MAGIC_SEGMENT,
            segment_bytes: 1 << 20,
            store_id: *b"0123456789abcdef",
            number: 3,
            epoch: 2,
            previous_end: 4096,
            created_millis: 1,
        };
        let bytes = header.encode_start();
        assert_eq!(Header::decode_either(&bytes, MAGIC_SEGMENT), Some(header));
        assert_eq!(Header::decode_either(&bytes, MAGIC_CHECKPOINT), None);
        assert_eq!(&bytes[4..8], b"WMQL");
        for bit in 0..HEADERS_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode_either(&flipped, MAGIC_SEGMENT), Some(header));
            let from = bit / 8 / HEADER_BYTES * HEADER_BYTES;
            let broken = Header::broken_copies(&flipped, MAGIC_SEGMENT);
            assert_eq!(broken, vec![(from, from + HEADER_BYTES)]);
        }
    }

    #[test]
    fn names_say_what_a_file_is() {
        assert_eq!(file_kind("0000000000000012.seg"), FileKind::Segment(12));
        assert_eq!(file_kind("0000000000000003.ckpt"), FileKind::Checkpoint(3));
        assert_eq!(file_kind("10.spare"), FileKind::Spare(10));
        assert_eq!(file_kind("0.spare.tmp"), FileKind::Unfinished);
        assert_eq!(file_kind("0000000000000000.seg"), FileKind::Other);
        assert_eq!(file_kind("12.seg"), FileKind::Other);
        assert_eq!(file_kind("quarantine"), FileKind::Other);
    }

    #[test]
    fn a_record_goes_where_it_ends_at_or_before_the_segments_end() {
        assert_eq!(place(4096, 4064, 32), (false, 4064));
        assert_eq!(place(4096, 4072, 32), (true, 128));
    }
}
