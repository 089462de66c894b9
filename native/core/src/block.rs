//! BLOCK records: PUBLISH records one behind the other, compressed as one LZ4 block or as they are.
//!
//! A block's inner records have crc and tag 0: the block's own crc covers them.

use crate::record::{
    BLOCK, BLOCK_RAW_BYTES_MAX, COMPRESSED, CONTINUED, DATA_HEADER_BYTES, HEADER_BYTES, Head,
    Publish, pad8, put_u32, u32_at,
};

/// Compressing has to save at least an eighth: else unpacking is not worth the while.
const KEPT_SHARE: (usize, usize) = (7, 8);

/// The PUBLISH records of a block, one behind the other, or `None` if it is not sound.
pub fn unpack(head: Head, record: &[u8]) -> Option<Vec<u8>> {
    if head.kind != BLOCK || head.bytes < DATA_HEADER_BYTES || record.len() < head.bytes {
        return None;
    }
    let raw_bytes = u32_at(record, 16) as usize;
    let packed_bytes = u32_at(record, 20) as usize;
    let fits = raw_bytes <= BLOCK_RAW_BYTES_MAX
        && packed_bytes <= head.bytes
        && head.bytes == pad8(DATA_HEADER_BYTES + packed_bytes);
    if !fits {
        return None;
    }
    let packed = &record[DATA_HEADER_BYTES..DATA_HEADER_BYTES + packed_bytes];
    let raw = if head.flags & COMPRESSED == 0 {
        packed.to_vec()
    } else {
        let mut raw = vec![0; raw_bytes];
        let bytes = lz4_flex::block::decompress_into(packed, &mut raw).ok()?;
        raw.truncate(bytes);
        raw
    };
    let count = Inner::new(&raw).try_fold(0, |count, inner| inner.map(|_| count + 1))?;
    (raw.len() == raw_bytes && count == head.count).then_some(raw)
}

/// The record at `at` of an unpacked block.
pub fn inner_record(raw: &[u8], at: usize) -> Option<(Head, Publish, &[u8])> {
    let rest = raw.get(at..)?;
    if rest.len() < HEADER_BYTES {
        return None;
    }
    let head = Head::read(rest)?;
    let record = rest.get(..head.bytes)?;
    if head.flags & CONTINUED != 0 {
        return None;
    }
    Some((head, Publish::read(head, record)?, record))
}

/// Walks over an unpacked block: offset, header and data length of each record; `None` and then
/// nothing more where no sound record stands.
pub struct Inner<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Inner<'a> {
    pub fn new(raw: &'a [u8]) -> Inner<'a> {
        Inner { raw, at: 0 }
    }
}

impl Iterator for Inner<'_> {
    type Item = Option<(usize, Head, Publish)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.raw.len() {
            return None;
        }
        let at = self.at;
        let found = inner_record(self.raw, at);
        self.at = found.map_or(self.raw.len(), |(head, ..)| at + head.bytes);
        Some(found.map(|(head, publish, _)| (at, head, publish)))
    }
}

/// The bytes of a block that holds `raw_bytes` uncompressed: the most it can take.
pub const fn bytes_at_most(raw_bytes: usize) -> usize {
    pad8(DATA_HEADER_BYTES + raw_bytes)
}

/// Writes the block of `raw`'s `count` records to `into`'s start, without crc and tag. Returns its
/// length; `into` has room for `bytes_at_most(raw.len())`.
pub fn pack(raw: &[u8], count: usize, scratch: &mut Vec<u8>, into: &mut [u8]) -> usize {
    scratch.resize(lz4_flex::block::get_maximum_output_size(raw.len()), 0);
    let compressed = lz4_flex::block::compress_into(raw, scratch).unwrap_or(usize::MAX);
    let is_worth_it = compressed <= raw.len() * KEPT_SHARE.0 / KEPT_SHARE.1;
    let packed = if is_worth_it { &scratch[..compressed] } else { raw };
    let bytes = pad8(DATA_HEADER_BYTES + packed.len());
    let flags = if is_worth_it { COMPRESSED } else { 0 };
    Head { bytes, kind: BLOCK, flags, count }.write(into);
    put_u32(into, 16, raw.len() as u32);
    put_u32(into, 20, packed.len() as u32);
    into[DATA_HEADER_BYTES..DATA_HEADER_BYTES + packed.len()].copy_from_slice(packed);
    into[DATA_HEADER_BYTES + packed.len()..bytes].fill(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PUBLISH;

    fn publish(data: &[u8]) -> Vec<u8> {
        let bytes = pad8(32 + 8 + data.len());
        let mut record = vec![0; bytes];
        Head { bytes, kind: PUBLISH, flags: 1, count: 1 }.write(&mut record);
        put_u32(&mut record, 24, data.len() as u32);
        record[40..40 + data.len()].copy_from_slice(data);
        record
    }

    fn round_trip(raw: &[u8], count: usize) -> (Head, Vec<u8>) {
        let mut into = vec![0xff; bytes_at_most(raw.len())];
        let bytes = pack(raw, count, &mut vec![], &mut into);
        let head = Head::read(&into).unwrap();
        assert_eq!(head.bytes, bytes);
        assert_eq!(unpack(head, &into).as_deref(), Some(raw));
        (head, into)
    }

    #[test]
    fn text_is_compressed_and_noise_is_not() {
        let text: Vec<u8> = (0..9).flat_map(|_| publish(&[b'a'; 500])).collect();
        let (head, into) = round_trip(&text, 9);
        assert_eq!(head.flags, COMPRESSED);
        assert!(head.bytes < text.len() / 4);
        assert_eq!(unpack(Head { count: 8, ..head }, &into), None);
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(3000)
        .collect();
        assert_eq!(round_trip(&publish(&noise), 1).0.flags, 0);
    }

    #[test]
    fn what_is_inside_has_to_be_whole() {
        let mut raw = publish(b"x");
        raw.extend_from_slice(&publish(b"y")[..40]);
        let mut into = vec![0; bytes_at_most(raw.len())];
        pack(&raw, 2, &mut vec![], &mut into);
        let head = Head::read(&into).unwrap();
        assert_eq!(unpack(head, &into), None);
    }
}
