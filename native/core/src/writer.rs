//! Appends batches of records to segments. One thread, no waiting but for the disk and for spares.
//!
//! Every record passes through memory of the writer's own (`tail`), so that its crc describes the
//! bytes that are written whatever happens to the batch's memory meanwhile. After an error a writer is
//! of no use any more: what the file holds is unknown, and a second fdatasync would lie.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::directory::Inventory;
use crate::disk::{Access, Disk, DiskFile, describe};
use crate::record::{HEADER_BYTES, Head, Salt, u32_at};
use crate::segment::{
    END_MARKER_BYTES, HEADERS_BYTES, Header, MAGIC_SEGMENT, place, position_of, segment_name,
};
use crate::source::{Areas, Part, Stream};
use crate::tail::Tail;

const REWRITE_BYTES: usize = 1024 * 1024;

/// The store id and segment size of a log: fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub store_id: [u8; 16],
    pub segment_bytes: u32,
}

impl Identity {
    pub fn of(inventory: &Inventory) -> Option<Identity> {
        let segment_bytes = inventory.segment_bytes;
        inventory.store_id.map(|store_id| Identity { store_id, segment_bytes })
    }

    pub fn random(segment_bytes: u32) -> io::Result<Identity> {
        let mut store_id = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut store_id)?;
        Ok(Identity { store_id, segment_bytes })
    }

    pub fn salt(&self) -> Salt {
        Salt::new(&self.store_id)
    }
}

/// Where new segments come from: names of files of the right length that may be overwritten.
pub trait SpareSource {
    /// May wait. Fails when there will be none.
    fn take_spare(&mut self) -> io::Result<String>;
}

/// Records to append and where the user of the log says they go.
pub struct Records<'a> {
    pub areas: &'a dyn Areas,
    pub parts: &'a [Part],
    pub first_position: u64,
    pub end_position: u64,
}

pub struct Writer {
    disk: Arc<dyn Disk>,
    identity: Identity,
    salt: Salt,
    epoch: u32,
    segment: u64,
    file: Arc<dyn DiskFile>,
    /// Where the next record goes: behind what is written and what waits in the tail.
    offset: usize,
    tail: Tail,
    is_dirty: bool,
    bytes_written: u64,
    syncs: u64,
}

pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

fn wrong(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl Writer {
    /// Makes what is there durable and begins a new segment behind it. `previous_end`: where the
    /// newest segment's records end, 0 without one.
    pub fn begin(
        disk: Arc<dyn Disk>,
        identity: Identity,
        inventory: &Inventory,
        previous_end: usize,
        spares: &mut dyn SpareSource,
    ) -> io::Result<Writer> {
        let newest = inventory.segments.last().copied();
        if let Some(newest) = newest {
            let size = identity.segment_bytes as usize;
            if !(HEADERS_BYTES..=size).contains(&previous_end) || !previous_end.is_multiple_of(8) {
                return Err(wrong(format!("segment {newest} cannot end at {previous_end}")));
            }
            settle(&*disk, newest, previous_end, size)?;
        }
        let previous_end = if newest.is_some() { previous_end } else { 0 };
        let segment = newest.unwrap_or(0) + 1;
        let epoch = inventory.epoch + 1;
        let header = header_of(identity, segment, epoch, previous_end);
        let file = start_segment(&*disk, &header, spares)?;
        Ok(Writer {
            disk,
            identity,
            salt: identity.salt(),
            epoch,
            segment,
            file,
            offset: HEADERS_BYTES,
            tail: Tail::new(&header.encode_start()[..HEADERS_BYTES]),
            is_dirty: false,
            bytes_written: 0,
            syncs: 0,
        })
    }

    /// Where the next record goes, unless it is too long for the rest of the segment.
    pub fn position(&self) -> u64 {
        position_of(self.identity.segment_bytes, self.segment, self.offset)
    }

    pub fn is_dirty(&self) -> bool {
        self.is_dirty || self.tail.waiting() > 0
    }

    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Takes over all records of a batch. They are in the file after the next `flush`.
    pub fn append(&mut self, records: &Records, spares: &mut dyn SpareSource) -> io::Result<()> {
        let mut stream = Stream::new(records.parts);
        let mut is_first = true;
        while stream.remaining() > 0 {
            let mut header = [0; HEADER_BYTES];
            let is_whole = stream.copy_out(records.areas, &mut header);
            let head = Head::read(&header)
                .filter(|head| is_whole && head.bytes - HEADER_BYTES <= stream.remaining())
                .ok_or_else(|| {
                    let (bytes, kind) = (u32_at(&header, 4), header[8]);
                    wrong(format!("no record: kind {kind}, {bytes} bytes, in a batch"))
                })?;
            self.make_room(head.bytes, spares)?;
            if is_first && self.position() != records.first_position {
                return Err(self.misplaced("first record lies", records.first_position));
            }
            is_first = false;
            let position = position_of(self.identity.segment_bytes, self.segment, self.offset);
            let record = self.tail.add(head.bytes);
            record[..HEADER_BYTES].copy_from_slice(&header);
            stream.copy_out(records.areas, &mut record[HEADER_BYTES..]);
            self.salt.seal(record, position);
            self.offset += head.bytes;
        }
        if self.position() != records.end_position {
            return Err(self.misplaced("records end", records.end_position));
        }
        Ok(())
    }

    fn misplaced(&self, what: &str, position: u64) -> io::Error {
        let own = self.position();
        wrong(format!("a batch's {what} at {position} for its sender, at {own} for the log"))
    }

    fn make_room(&mut self, bytes: usize, spares: &mut dyn SpareSource) -> io::Result<()> {
        let (is_next, at) = place(self.identity.segment_bytes, self.offset, bytes);
        if at + bytes > self.identity.segment_bytes as usize {
            return Err(wrong(format!("a record of {bytes} bytes fits in no segment")));
        }
        if is_next {
            self.roll(spares)?;
        }
        if self.tail.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what waits and the end marker behind it.
    pub fn flush(&mut self) -> io::Result<()> {
        let waiting = self.tail.waiting();
        if waiting == 0 {
            return Ok(());
        }
        let room = self.identity.segment_bytes as usize - self.offset;
        let marker = if room < END_MARKER_BYTES { 0 } else { END_MARKER_BYTES };
        let (before, bytes) = self.tail.to_write(marker);
        let start = self.offset - waiting - before;
        self.is_dirty = true;
        self.file
            .write_at(bytes, start as u64)
            .map_err(|error| describe("writing", &segment_name(self.segment), &error))?;
        self.bytes_written += waiting as u64;
        self.tail.written(self.offset);
        Ok(())
    }

    /// Makes everything appended durable.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        if self.is_dirty {
            self.syncs += 1;
            self.file
                .sync()
                .map_err(|error| describe("syncing", &segment_name(self.segment), &error))?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// The current segment is durable before the next one exists: its end is what that one says.
    fn roll(&mut self, spares: &mut dyn SpareSource) -> io::Result<()> {
        self.sync()?;
        let header = header_of(self.identity, self.segment + 1, self.epoch, self.offset);
        self.file = start_segment(&*self.disk, &header, spares)?;
        self.tail.restart(&header.encode_start()[..HEADERS_BYTES]);
        self.segment += 1;
        self.offset = HEADERS_BYTES;
        Ok(())
    }
}

fn header_of(identity: Identity, number: u64, epoch: u32, previous_end: usize) -> Header {
    Header {
        magic: MAGIC_SEGMENT,
        segment_bytes: identity.segment_bytes,
        store_id: identity.store_id,
        number,
        epoch,
        previous_end: previous_end as u32,
        created_millis: now_millis(),
    }
}

/// Turns a spare into a segment. Until its name is durable nothing may be written to it.
fn start_segment(
    disk: &dyn Disk,
    header: &Header,
    spares: &mut dyn SpareSource,
) -> io::Result<Arc<dyn DiskFile>> {
    let spare = spares.take_spare()?;
    let name = segment_name(header.number);
    let start = || -> io::Result<Arc<dyn DiskFile>> {
        let file = disk.open(&spare, Access::Write)?;
        file.write_at(&header.encode_start(), 0)?;
        file.sync()?;
        disk.rename(&spare, &name)?;
        disk.sync_directory()?;
        Ok(file)
    };
    start().map_err(|error| describe("beginning segment", &name, &error))
}

/// Makes the newest segment's records durable and ends it with zero bytes, whatever stood there.
///
/// Written anew, not only synced: after a failed fdatasync Linux shows pages that are not on disk
/// and counts them as clean. The end marker is for the day when the next segment, which knows the
/// end, has been recycled before this one.
fn settle(disk: &dyn Disk, segment: u64, end: usize, segment_bytes: usize) -> io::Result<()> {
    let name = segment_name(segment);
    let rewrite = || -> io::Result<()> {
        let file = disk.open(&name, Access::Write)?;
        let mut bytes = vec![0; REWRITE_BYTES.min(end)];
        let mut at = 0;
        while at < end {
            let piece = &mut bytes[..REWRITE_BYTES.min(end - at)];
            // What cannot be read has been reported as corrupt by the scan, and stays as it is.
            let length = file.read_at(piece, at as u64).unwrap_or(0);
            file.write_at(&piece[..length], at as u64)?;
            at += piece.len();
        }
        if end + END_MARKER_BYTES <= segment_bytes {
            file.write_at(&[0; END_MARKER_BYTES], end as u64)?;
        }
        file.sync()
    };
    rewrite().map_err(|error| describe("ending segment", &name, &error))
}
