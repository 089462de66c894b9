//! A log's directory: which files there are, what their headers say, and reading one whole file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::disk::{Access, Disk};
use crate::record::Salt;
use crate::scan::{Scan, Tail, scan};
use crate::segment::{
    CHECKPOINT_BASE, FileKind, HEADERS_BYTES, Header, MAGIC_CHECKPOINT, MAGIC_SEGMENT,
    checkpoint_name, file_kind, position_of, segment_name,
};

/// What a log directory holds, before it is scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// `None` for a log that does not exist yet.
    pub store_id: Option<[u8; 16]>,
    /// 0 for a log that does not exist yet.
    pub segment_bytes: u32,
    /// Ascending.
    pub segments: Vec<u64>,
    /// Ascending.
    pub checkpoints: Vec<u64>,
    pub epoch: u32,
}

fn read_header(disk: &dyn Disk, name: &str, magic: u32) -> io::Result<Option<Header>> {
    let file = disk.open(name, Access::Read)?;
    let mut bytes = [0; HEADERS_BYTES];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(Header::decode_either(&bytes[..length], magic))
}

/// Reads all headers. The newest file whose header is whole says whose log this is.
pub fn take_inventory(disk: &dyn Disk) -> io::Result<Inventory> {
    let mut found = Inventory::default();
    for name in disk.list()? {
        match file_kind(&name) {
            FileKind::Segment(number) => found.segments.push(number),
            FileKind::Checkpoint(number) => found.checkpoints.push(number),
            FileKind::Spare(_) | FileKind::Unfinished | FileKind::Other => {}
        }
    }
    found.segments.sort_unstable();
    found.checkpoints.sort_unstable();
    let mut headers = vec![];
    for &number in found.segments.iter().rev() {
        let header = read_header(disk, &segment_name(number), MAGIC_SEGMENT)?;
        headers.extend(header.filter(|header| header.number == number));
    }
    for &number in found.checkpoints.iter().rev() {
        let header = read_header(disk, &checkpoint_name(number), MAGIC_CHECKPOINT)?;
        headers.extend(header.filter(|header| header.number == number));
    }
    if let Some(first) = headers.first() {
        found.store_id = Some(first.store_id);
        found.segment_bytes = first.segment_bytes;
        let own = headers.iter().filter(|header| header.store_id == first.store_id);
        found.epoch = own.map(|header| header.epoch).max().unwrap_or(0);
    } else if !found.segments.is_empty() {
        let text = "no segment in this directory has a header that can be read: \
                    no log of WarrenMQ";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(found)
}

/// Scans files of one log. `is_read_only` leaves the directory as it is.
pub struct Scanner {
    disk: Arc<dyn Disk>,
    inventory: Inventory,
    is_read_only: bool,
    /// The file's bytes: a large memory is slow to come by.
    bytes: Vec<u8>,
}

impl Scanner {
    pub fn new(disk: Arc<dyn Disk>, inventory: Inventory, is_read_only: bool) -> Scanner {
        Scanner { disk, inventory, is_read_only, bytes: vec![] }
    }

    fn salt(&self) -> io::Result<Salt> {
        let id = self.inventory.store_id;
        id.map(|id| Salt::new(&id)).ok_or_else(|| io::Error::other("there is no log yet"))
    }

    /// The file's bytes, as many as `size` wants or the file has, the rest zero.
    fn read_whole(&mut self, name: &str, size: Option<usize>) -> io::Result<()> {
        let file = self.disk.open(name, Access::Read)?;
        let size = match size {
            Some(size) => size,
            // Offsets in a scan's entries are 31 bits long.
            None => file.size()?.min(i32::MAX as u64) as usize,
        };
        self.bytes.resize(size, 0);
        let length = file.read_at(&mut self.bytes, 0)?;
        self.bytes[length..].fill(0);
        Ok(())
    }

    /// Where the segment before `next` ends, if `next` can tell.
    fn previous_end(&self, segment: u64) -> io::Result<Tail> {
        let Some(&newest) = self.inventory.segments.last() else { return Ok(Tail::Newest) };
        if segment >= newest {
            return Ok(Tail::Newest);
        }
        let next = segment + 1;
        if self.inventory.segments.binary_search(&next).is_err() {
            return Ok(Tail::Unknown);
        }
        let header = read_header(&*self.disk, &segment_name(next), MAGIC_SEGMENT)?;
        let own = header.filter(|header| {
            Some(header.store_id) == self.inventory.store_id && header.number == next
        });
        Ok(own.map_or(Tail::Unknown, |header| Tail::Known(header.previous_end as usize)))
    }

    /// `None` when `stop` was set meanwhile.
    pub fn segment(&mut self, number: u64, stop: &AtomicBool) -> io::Result<Option<Scan>> {
        let salt = self.salt()?;
        let name = segment_name(number);
        let segment_bytes = self.inventory.segment_bytes;
        let tail = self.previous_end(number)?;
        self.read_whole(&name, Some(segment_bytes as usize))?;
        let base = position_of(segment_bytes, number, 0);
        let found = scan(&self.bytes, salt, base, tail, stop);
        Ok(found.map(|found| self.finish(found, MAGIC_SEGMENT, number)))
    }

    pub fn checkpoint(&mut self, number: u64, stop: &AtomicBool) -> io::Result<Option<Scan>> {
        let salt = self.salt()?;
        let name = checkpoint_name(number);
        self.read_whole(&name, None)?;
        let found = scan(&self.bytes, salt, CHECKPOINT_BASE, Tail::Known(self.bytes.len()), stop);
        Ok(found.map(|found| self.finish(found, MAGIC_CHECKPOINT, number)))
    }

    /// Adds damage to the headers and keeps copies of all that is corrupt.
    fn finish(&self, mut found: Scan, magic: u32, number: u64) -> Scan {
        let bytes = &self.bytes;
        let headers = &bytes[..bytes.len().min(HEADERS_BYTES)];
        let mut corrupt = Header::broken_copies(headers, magic);
        corrupt.append(&mut found.corrupt);
        found.corrupt = corrupt;
        if !self.is_read_only {
            for &(from, to) in &found.corrupt {
                let stem = if magic == MAGIC_SEGMENT { "" } else { ".ckpt" };
                let range = bytes.get(from..to.min(bytes.len())).unwrap_or(&[]);
                // Best effort: a full disk must not keep the log from opening.
                let _ = self.disk.quarantine(&format!("{number:016}{stem}-{from}.bad"), range);
            }
        }
        found
    }
}
