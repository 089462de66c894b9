//! Writes checkpoint files: whole and durable under their name, or not at all.
//! Source: docs/log-format.md, "Files of a log directory" and "Record".

use std::io;

use crate::disk::{Access, Disk};
use crate::record::{HEADER_BYTES, Head};
use crate::segment::{
    CHECKPOINT_BASE, CHECKPOINT_UNFINISHED, FileKind, HEADERS_BYTES, Header, MAGIC_CHECKPOINT,
    checkpoint_name, file_kind,
};
use crate::source::{Areas, Part, Stream};
use crate::writer::{Identity, now_millis};

const FLUSH_BYTES: usize = 256 * 1024;
/// The newest, and the one before it in case the newest turns out to be damaged.
const KEPT: usize = 2;

fn fill(
    disk: &dyn Disk,
    name: &str,
    header: &Header,
    identity: Identity,
    areas: &dyn Areas,
    part: Part,
) -> io::Result<()> {
    let file = disk.open(name, Access::Create)?;
    let mut buffer = vec![];
    buffer.extend_from_slice(&header.encode_start()[..HEADERS_BYTES]);
    let salt = identity.salt();
    let parts = [part];
    let mut stream = Stream::new(&parts);
    let mut written = 0;
    while stream.remaining() > 0 {
        let mut start = [0; HEADER_BYTES];
        let is_whole = stream.copy_out(areas, &mut start);
        let head = Head::read(&start)
            .filter(|head| is_whole && head.bytes - HEADER_BYTES <= stream.remaining())
            .ok_or_else(|| io::Error::other("no record in a checkpoint where one should begin"))?;
        let at = buffer.len();
        buffer.extend_from_slice(&start);
        buffer.resize(at + head.bytes, 0);
        stream.copy_out(areas, &mut buffer[at + HEADER_BYTES..]);
        salt.seal(&mut buffer[at..], CHECKPOINT_BASE + written + at as u64);
        if buffer.len() >= FLUSH_BYTES {
            file.write_at(&buffer, written)?;
            written += buffer.len() as u64;
            buffer.clear();
        }
    }
    file.write_at(&buffer, written)?;
    file.sync()
}

/// Writes the records in `part` as the next checkpoint and removes those it makes superfluous.
pub fn write_checkpoint(
    disk: &dyn Disk,
    identity: Identity,
    epoch: u32,
    areas: &dyn Areas,
    part: Part,
) -> io::Result<u64> {
    let mut numbers = vec![];
    for name in disk.list()? {
        if let FileKind::Checkpoint(number) = file_kind(&name) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    let number = numbers.last().copied().unwrap_or(0) + 1;
    let header = Header {
        magic: MAGIC_CHECKPOINT,
        segment_bytes: identity.segment_bytes,
        store_id: identity.store_id,
        number,
        epoch,
        previous_end: 0,
        created_millis: now_millis(),
    };
    let name = checkpoint_name(number);
    let unfinished = CHECKPOINT_UNFINISHED;
    let written = fill(disk, unfinished, &header, identity, areas, part)
        .and_then(|()| disk.rename(unfinished, &name));
    if let Err(error) = written {
        // Best effort: the next opening removes it otherwise.
        let _ = disk.unlink(unfinished).and_then(|()| disk.sync_directory());
        return Err(error);
    }
    disk.sync_directory()?;
    for &old in numbers.iter().rev().skip(KEPT - 1) {
        disk.unlink(&checkpoint_name(old))?;
    }
    Ok(number)
}
