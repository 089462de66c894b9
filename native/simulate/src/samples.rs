//! Records whose content follows from a number, so that they can be recognized when found again.

use warrenmq_log::random::Random;
use warrenmq_log::record::{
    ACK, HEADER_BYTES, Head, PIECE_BYTES, PUBLISH, PUBLISH_HEADER_BYTES, pad8, put_u32,
};
use warrenmq_log::scan::ENTRY_WORDS;

/// The queue of PUBLISH records, whose sequence numbers are their numbers.
const QUEUE: u32 = 1;

/// The largest ACK: three quarters of what a record may have.
const ACKS_MAX: usize = 64 * 1024 - 1;

/// A segment with this much room has large records too.
fn is_large(room: usize) -> bool {
    room > 1 << 20
}

/// Most are small; `room` is what a segment has for records.
pub fn data_of(number: u32, room: usize) -> Vec<u8> {
    let mut random = Random::new(u64::from(number) << 20);
    let bytes_max = match random.below(20) {
        0..7 if is_large(room) => PIECE_BYTES,
        0 => room / 2,
        1..8 => 300,
        _ => 40,
    };
    let bytes = random.below(bytes_max);
    let is_noise = random.one_in(2);
    (0..bytes).map(|at| if is_noise { random.word() as u8 } else { (at % 7) as u8 }).collect()
}

/// A PUBLISH record, or an ACK for every fifth number.
pub fn record_of(number: u32, room: usize) -> Vec<u8> {
    if is_ack(number) {
        let mut random = Random::new(u64::from(number) << 21);
        let count = if is_large(room) && random.one_in(2) { 1 + random.below(ACKS_MAX) } else { 1 };
        let bytes = pad8(HEADER_BYTES + 12 * count);
        let mut record = vec![0; bytes];
        Head { bytes, kind: ACK, flags: 0, count }.write(&mut record);
        for ack in record[HEADER_BYTES..HEADER_BYTES + 12 * count].chunks_exact_mut(12) {
            put_u32(ack, 0, QUEUE);
            put_u32(ack, 4, number);
            put_u32(ack, 8, 1);
        }
        return record;
    }
    let data = data_of(number, room);
    let at = PUBLISH_HEADER_BYTES + 8;
    let bytes = pad8(at + data.len());
    let mut record = vec![0; bytes];
    Head { bytes, kind: PUBLISH, flags: 1, count: 1 }.write(&mut record);
    put_u32(&mut record, 24, data.len() as u32);
    put_u32(&mut record, 32, QUEUE);
    put_u32(&mut record, 36, number);
    record[at..at + data.len()].copy_from_slice(&data);
    record
}

pub fn is_ack(number: u32) -> bool {
    number.is_multiple_of(5)
}

/// Offset and number of each record in a scan; a BLOCK has the number of the first one in it.
pub fn numbers_in(entries: &[i32]) -> Vec<(usize, u32)> {
    let mut found: Vec<(usize, u32)> = vec![];
    let mut at = 0;
    while at < entries.len() {
        let extra = entries[at + 5] as usize;
        if extra >= 2 {
            let offset = entries[at + 1] as usize;
            if found.last().is_none_or(|&(last, _)| last != offset) {
                found.push((offset, entries[at + ENTRY_WORDS + 1] as u32));
            }
        }
        at += ENTRY_WORDS + extra;
    }
    found
}
