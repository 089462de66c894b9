//! What a segment or checkpoint holds: every record checked, damage searched over.
//!
//! Never fails and never panics, whatever the bytes are. Memory: the entries are at most twice as
//! long as the file, but for BLOCKs, which count unpacked. Source: docs/log-format.md, "Torn or
//! corrupt"; the layout of the entries is that of `Scan` in src/log/log.ts.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::block;
use crate::record::{
    BLOCK, BODY, CHANGE, HEADER_BYTES, Head, PUBLISH, PUBLISH_HEADER_BYTES, Publish, Salt,
    is_sound, read_body, u32_at,
};
use crate::segment::{END_MARKER_BYTES, HEADERS_BYTES};

pub const ENTRY_WORDS: usize = 6;
/// `tornAt` and the like when there is nothing.
pub const NONE: i32 = -1;

/// What is known about where the records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Here, exactly: the next segment says so, or it is a checkpoint's end.
    Known(usize),
    /// The newest segment: what does not check out at its end is a torn write.
    Newest,
    /// The segment behind this one is gone, and with it what it said.
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub entries: Vec<i32>,
    pub end: usize,
    pub torn_at: Option<usize>,
    /// (from, to)
    pub corrupt: Vec<(usize, usize)>,
}

/// Looks through the records of a file. `base` is the position of the file's first byte. `None`
/// when `stop` was set meanwhile.
pub fn scan(bytes: &[u8], salt: Salt, base: u64, tail: Tail, stop: &AtomicBool) -> Option<Scan> {
    let limit = match tail {
        Tail::Known(end) => end.clamp(HEADERS_BYTES, bytes.len().max(HEADERS_BYTES)),
        Tail::Newest | Tail::Unknown => bytes.len(),
    };
    // A file shorter than the headers has nothing to look at.
    let area = bytes.get(..limit).unwrap_or(bytes);
    let mut found = Scan { end: limit, ..Scan::default() };
    let mut offset = HEADERS_BYTES;
    let mut records = 0u32;
    while offset < limit {
        if let Some(head) = take(area, salt, base, offset, &mut found.entries) {
            offset += head.bytes;
        } else if let Some(next) = search(area, salt, base, offset, stop) {
            found.corrupt.push((offset, next));
            offset = next;
        } else {
            close(area, tail, offset, &mut found);
            break;
        }
        records = records.wrapping_add(1);
        if records.is_multiple_of(1024) && stop.load(Ordering::Relaxed) {
            return None;
        }
    }
    (!stop.load(Ordering::Relaxed)).then_some(found)
}

/// Nothing valid stands at `offset` or behind it.
fn close(area: &[u8], tail: Tail, offset: usize, found: &mut Scan) {
    let rest = &area[offset..];
    let is_clean = rest.len() < END_MARKER_BYTES || is_zero(&rest[..END_MARKER_BYTES]);
    match tail {
        Tail::Newest => {
            found.end = offset;
            found.torn_at = (!is_clean).then_some(offset);
        }
        Tail::Unknown if is_clean => found.end = offset,
        Tail::Known(_) | Tail::Unknown => found.corrupt.push((offset, area.len())),
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// The next place behind `offset` where a valid record stands.
fn search(area: &[u8], salt: Salt, base: u64, offset: usize, stop: &AtomicBool) -> Option<usize> {
    let mut at = offset + 8;
    while at + HEADER_BYTES <= area.len() {
        if u32_at(area, at + 12) == salt.tag(base + at as u64)
            && read_valid(area, salt, base, at).is_some()
        {
            return Some(at);
        }
        at += 8;
        if at.is_multiple_of(1 << 16) && stop.load(Ordering::Relaxed) {
            return None;
        }
    }
    None
}

/// A record that checks out at `offset`, with its unpacked content if it is a BLOCK.
fn read_valid(area: &[u8], salt: Salt, base: u64, offset: usize) -> Option<(Head, Vec<u8>)> {
    let rest = &area[offset..];
    let head = salt.check(rest, base + offset as u64)?;
    let record = &rest[..head.bytes];
    if head.kind == BLOCK {
        return Some((head, block::unpack(head, record)?));
    }
    is_sound(head, record).then_some((head, vec![]))
}

/// Adds the entry of the record at `offset`, and of those in it; `None` if none is valid there.
fn take(area: &[u8], salt: Salt, base: u64, offset: usize, to: &mut Vec<i32>) -> Option<Head> {
    let (head, raw) = read_valid(area, salt, base, offset)?;
    let record = &area[offset..offset + head.bytes];
    match head.kind {
        PUBLISH => {
            let data_bytes = Publish::read(head, record)?.data_bytes;
            entry(to, head, offset, NONE, data_bytes, targets(head, record));
        }
        BODY => {
            let (index, data_bytes) = read_body(head, record)?;
            entry(to, head, offset, index as i32, data_bytes, &[]);
        }
        BLOCK => {
            entry(to, head, offset, NONE, 0, &[]);
            for (at, inner, publish) in block::Inner::new(&raw).flatten() {
                let extra = targets(inner, &raw[at..at + inner.bytes]);
                entry(to, inner, offset, at as i32, publish.data_bytes, extra);
            }
        }
        kind => {
            let data_bytes = if kind == CHANGE { u32_at(record, HEADER_BYTES) as usize } else { 0 };
            entry(to, head, offset, NONE, data_bytes, &record[HEADER_BYTES..]);
        }
    }
    Some(head)
}

fn targets(head: Head, record: &[u8]) -> &[u8] {
    &record[PUBLISH_HEADER_BYTES..PUBLISH_HEADER_BYTES + 8 * head.count]
}

fn entry(to: &mut Vec<i32>, head: Head, at: usize, inner: i32, data_bytes: usize, extra: &[u8]) {
    to.extend_from_slice(&[
        head.word() as i32,
        at as i32,
        inner,
        data_bytes as i32,
        head.bytes as i32,
        (extra.len() / 4) as i32,
    ]);
    to.extend(extra.chunks_exact(4).map(|word| u32_at(word, 0) as i32));
}
