//! Scanning, from outside: round trips, every flipped bit, any bytes at all.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use warrenmq_log::record::{
    ACK, BODY, CHANGE, CHECKPOINT, COUNT, HEADER_BYTES, Head, IMPORT, PUBLISH, QUEUE, Salt, pad8,
    put_u32,
};
use warrenmq_log::scan::{ENTRY_WORDS, Scan, Tail, scan};
use warrenmq_log::segment::HEADERS_BYTES;
use warrenmq_log::{block, record};

static NEVER: AtomicBool = AtomicBool::new(false);
const BASE: u64 = 1 << 20;

fn salt() -> Salt {
    Salt::new(b"a log of a test!")
}

fn record_of(kind: u8, count: usize, content: &[u8]) -> Vec<u8> {
    let bytes = pad8(HEADER_BYTES + content.len());
    let mut record = vec![0; bytes];
    Head { bytes, kind, flags: 0, count }.write(&mut record);
    record[HEADER_BYTES..HEADER_BYTES + content.len()].copy_from_slice(content);
    record
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn publish(targets: &[(u32, u32)], data: &[u8]) -> Vec<u8> {
    let mut content = words(&[0, 0, data.len() as u32, 0]);
    for &(queue, sequence) in targets {
        content.extend(words(&[queue, sequence]));
    }
    content.extend_from_slice(data);
    record_of(PUBLISH, targets.len(), &content)
}

fn block_of(records: &[Vec<u8>]) -> Vec<u8> {
    let raw = records.concat();
    let mut bytes = vec![0; block::bytes_at_most(raw.len())];
    let length = block::pack(&raw, records.len(), &mut vec![], &mut bytes);
    bytes.truncate(length);
    bytes
}

fn samples() -> Vec<Vec<u8>> {
    vec![
        publish(&[(1, 2)], b"hello"),
        publish(&[], b""),
        record_of(BODY, 0, &[words(&[1, 5]), b"piece".to_vec()].concat()),
        record_of(ACK, 2, &words(&[1, 2, 3, 4, 5, 6])),
        record_of(COUNT, 1, &words(&[1, 2, 3])),
        block_of(&[publish(&[(1, 3), (2, 1)], &[b'x'; 200]), publish(&[(1, 4)], b"y")]),
        record_of(IMPORT, 0, &words(&[1, 2, 3, 4, 5, 0])),
        record_of(CHANGE, 0, &[words(&[2, 0]), b"{}".to_vec()].concat()),
        record_of(CHECKPOINT, 0, &words(&[5, 0, 1, 1])),
        record_of(QUEUE, 0, &words(&[1, 9, 1, 1, 3, 2, 4, 1])),
    ]
}

/// A segment of `size` bytes with these records; where each begins, and where they end.
fn segment(records: &[Vec<u8>], size: usize) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = vec![0; size];
    let mut offsets = vec![];
    let mut at = HEADERS_BYTES;
    for record in records {
        bytes[at..at + record.len()].copy_from_slice(record);
        salt().seal(&mut bytes[at..at + record.len()], BASE + at as u64);
        offsets.push(at);
        at += record.len();
    }
    offsets.push(at);
    (bytes, offsets)
}

fn look(bytes: &[u8], tail: Tail) -> Scan {
    scan(bytes, salt(), BASE, tail, &NEVER).expect("nobody stops it")
}

/// Where the entries' records begin, each once.
fn offsets_in(entries: &[i32]) -> Vec<usize> {
    let mut offsets = vec![];
    let mut at = 0;
    while at < entries.len() {
        offsets.push(entries[at + 1] as usize);
        at += ENTRY_WORDS + entries[at + 5] as usize;
    }
    offsets.dedup();
    offsets
}

#[test]
fn all_kinds_come_back() {
    let (bytes, offsets) = segment(&samples(), 4096);
    let found = look(&bytes, Tail::Newest);
    let end = offsets[offsets.len() - 1];
    assert_eq!(offsets_in(&found.entries), offsets[..offsets.len() - 1]);
    assert_eq!((found.end, found.torn_at, found.corrupt.len()), (end, None, 0));
    let known = look(&bytes, Tail::Known(end));
    assert_eq!(known, found);
    // The BLOCK's entry, and those of the two records in it.
    let first =
        found.entries.iter().position(|&word| word == 5 | 1 << 8 | 2 << 16).expect("a BLOCK");
    let inner = &found.entries[first + ENTRY_WORDS..];
    assert_eq!(inner[..ENTRY_WORDS], [1 | 2 << 16, offsets[5] as i32, 0, 200, 248, 4]);
    assert_eq!(inner[ENTRY_WORDS..10], [1, 3, 2, 1]);
    assert_eq!(inner[10..16], [1 | 1 << 16, offsets[5] as i32, 248, 1, 48, 2]);
}

#[test]
fn a_flipped_bit_costs_its_record_and_no_other() {
    let (bytes, offsets) = segment(&samples(), 4096);
    let end = offsets[offsets.len() - 1];
    let begins = &offsets[..offsets.len() - 1];
    for bit in HEADERS_BYTES * 8..end * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let hit = begins.partition_point(|&offset| offset <= bit / 8) - 1;
        let mut left = begins.to_vec();
        left.remove(hit);
        for tail in [Tail::Newest, Tail::Unknown, Tail::Known(end)] {
            let found = look(&flipped, tail);
            assert_eq!(offsets_in(&found.entries), left, "bit {bit}, {tail:?}");
            let range = (offsets[hit], offsets[hit + 1]);
            let is_last = hit == begins.len() - 1;
            match tail {
                Tail::Newest if is_last => assert_eq!(found.torn_at, Some(range.0)),
                Tail::Unknown if is_last => {
                    assert_eq!(found.corrupt, [(range.0, flipped.len())]);
                }
                _ => assert_eq!(found.corrupt, [range], "bit {bit}, {tail:?}"),
            }
        }
    }
}

#[test]
fn records_of_the_file_s_earlier_life_are_not_found() {
    let old = samples();
    let (mut bytes, _) = segment(&old, 4096);
    let moved = Salt::new(b"a log of a test!");
    let record = publish(&[(9, 9)], b"new");
    let at = HEADERS_BYTES;
    let base = BASE + 4096;
    bytes[at..at + record.len()].copy_from_slice(&record);
    moved.seal(&mut bytes[at..at + record.len()], base + at as u64);
    bytes[at + record.len()..at + record.len() + 16].fill(0);
    let found = scan(&bytes, moved, base, Tail::Newest, &NEVER).expect("nobody stops it");
    assert_eq!(offsets_in(&found.entries), [at]);
    assert_eq!((found.end, found.torn_at), (at + record.len(), None));
}

#[test]
fn a_scan_can_be_stopped() {
    let stop = AtomicBool::new(true);
    assert_eq!(scan(&vec![0; 1 << 20], salt(), BASE, Tail::Newest, &stop), None);
}

/// Any bytes, but with crc and tag made right at some places: what a broken writer might leave.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let head = (any::<u8>(), any::<u8>(), any::<u16>(), 2usize..40);
    (prop::collection::vec(any::<u8>(), 0..4096), prop::collection::vec((head, 0usize..500), 0..9))
        .prop_map(|(mut bytes, places)| {
            for ((kind, flags, count, length), place) in places {
                let at = HEADERS_BYTES + place * 8;
                let length = length * 8;
                if at + length > bytes.len() {
                    continue;
                }
                let record = &mut bytes[at..at + length];
                let count = usize::from(count % 4);
                Head { bytes: length, kind: kind % 11, flags, count }.write(record);
                for word in (HEADER_BYTES..length.min(32)).step_by(4) {
                    let value = record::u32_at(record, word) % 64;
                    put_u32(record, word, value);
                }
                salt().seal(record, BASE + at as u64);
            }
            bytes
        })
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_without_panic_or_excess(
        bytes in forged(),
        end in 0usize..5000,
        which in 0..3,
    ) {
        let tail = [Tail::Newest, Tail::Unknown, Tail::Known(end)][which as usize];
        let found = look(&bytes, tail);
        prop_assert!(found.end <= bytes.len().max(HEADERS_BYTES));
        let mut last = 0;
        for &(from, to) in &found.corrupt {
            prop_assert!(last <= from && from < to && to <= bytes.len());
            last = to;
        }
        // A record's entry is at most 2.5 times as long; one in a BLOCK stands for 32 raw bytes.
        prop_assert!(found.entries.len() * 4 <= bytes.len() * 3 + 256 * 1024);
        offsets_in(&found.entries);
    }

    #[test]
    fn whatever_was_written_comes_back(
        messages in prop::collection::vec(
            (prop::collection::vec(any::<(u32, u32)>(), 0..4),
             prop::collection::vec(any::<u8>(), 0..300)),
            1..12,
        ),
        is_packed in any::<bool>(),
    ) {
        let records: Vec<_> =
            messages.iter().map(|(targets, data)| publish(targets, data)).collect();
        let written = if is_packed { vec![block_of(&records)] } else { records };
        let (bytes, offsets) = segment(&written, 8192);
        let found = look(&bytes, Tail::Newest);
        prop_assert_eq!(found.end, offsets[offsets.len() - 1]);
        let mut expected = vec![];
        for (targets, data) in &messages {
            expected.push((data.len() as i32, targets.clone()));
        }
        let mut seen = vec![];
        let mut at = 0;
        while at < found.entries.len() {
            let extra = found.entries[at + 5] as usize;
            if found.entries[at] & 255 == i32::from(PUBLISH) {
                let words = &found.entries[at + ENTRY_WORDS..at + ENTRY_WORDS + extra];
                let targets =
                    words.chunks(2).map(|pair| (pair[0] as u32, pair[1] as u32)).collect();
                seen.push((found.entries[at + 3], targets));
            }
            at += ENTRY_WORDS + extra;
        }
        prop_assert_eq!(seen, expected);
    }
}
