//! Reads messages back: alone, in BLOCKs, continued over BODY records and segments' ends.
//!
//! Every record is checked before any of it is handed out as a message; what does not check out is
//! corrupt, and so is what cannot be read. Source: docs/log-format.md, "Record".

use std::sync::Arc;

use crate::block;
use crate::disk::{Access, Disk, DiskFile};
use crate::record::{
    BLOCK, BODY, CONTINUED, DATA_HEADER_BYTES, HEADER_BYTES, Head, PIECE_BYTES,
    PUBLISH_HEADER_BYTES, Publish, RECORD_BYTES_MAX, Salt, pad8, read_body,
};
use crate::segment::{place, position_of, segment_name};
use crate::source::{Areas, Part, Stream};
use crate::writer::Identity;

pub const STATUS_OK: i32 = 0;
pub const STATUS_CORRUPT: i32 = 1;
pub const READ_HEAD_BYTES: usize = 16;

const FILES_KEPT: usize = 64;
const BLOCKS_KEPT: usize = 4;
/// Rows are read together up to this many bytes, with gaps up to that many.
const WINDOW_BYTES: usize = 1024 * 1024;
const GAP_BYTES: u64 = 16 * 1024;
/// What a record may hold beside its data before a second read is needed.
const SLACK_BYTES: usize = 512;

/// A message by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub position: u64,
    /// Offset in the unpacked BLOCK at `position`.
    pub inner: Option<usize>,
    pub data_bytes: usize,
}

impl Place {
    /// About how many bytes from `position` on have to be read.
    fn reach(&self) -> usize {
        match self.inner {
            None => pad8(PUBLISH_HEADER_BYTES + self.data_bytes.min(PIECE_BYTES) + SLACK_BYTES),
            Some(_) => WINDOW_BYTES / 16,
        }
    }
}

/// Where a message goes: head and, without parts, data to area 0 from `at` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub place: Place,
    pub at: usize,
    pub first_part: usize,
    pub part_count: usize,
}

pub struct Reader {
    disk: Arc<dyn Disk>,
    identity: Identity,
    salt: Salt,
    files: Vec<(u64, Arc<dyn DiskFile>)>,
    window: Vec<u8>,
    window_bytes: usize,
    window_position: u64,
    blocks: Vec<(u64, Vec<u8>)>,
    parts: Vec<Part>,
}

impl Reader {
    pub fn new(disk: Arc<dyn Disk>, identity: Identity) -> Reader {
        Reader {
            disk,
            identity,
            salt: identity.salt(),
            files: vec![],
            window: vec![],
            window_bytes: 0,
            window_position: 0,
            blocks: vec![],
            parts: vec![],
        }
    }

    /// Forgets what was read: the file may have grown since.
    pub fn refresh(&mut self) {
        self.window_bytes = 0;
    }

    /// Lets go of a segment's file.
    pub fn forget(&mut self, segment: u64) {
        self.files.retain(|&(number, _)| number != segment);
        let size = u64::from(self.identity.segment_bytes);
        self.blocks.retain(|&(position, _)| position / size != segment);
        self.window_bytes = 0;
    }

    /// How many bytes to read at once for the first of `places` and those close behind it; 0 when
    /// they have been read already.
    pub fn reach_of(&self, mut places: impl Iterator<Item = Place>) -> usize {
        let Some(first) = places.next() else { return 0 };
        let window_end = self.window_position + self.window_bytes as u64;
        if (self.window_position..window_end).contains(&first.position) {
            return 0;
        }
        let mut end = first.position + first.reach() as u64;
        for place in places {
            let is_near = (first.position..=end + GAP_BYTES).contains(&place.position)
                && place.position - first.position < WINDOW_BYTES as u64;
            if !is_near {
                break;
            }
            end = end.max(place.position + place.reach() as u64);
        }
        (end - first.position) as usize
    }

    fn file(&mut self, segment: u64) -> Option<Arc<dyn DiskFile>> {
        if let Some((_, file)) = self.files.iter().find(|&&(number, _)| number == segment) {
            return Some(file.clone());
        }
        let file = self.disk.open(&segment_name(segment), Access::Read).ok()?;
        if self.files.len() == FILES_KEPT {
            self.files.remove(0);
        }
        self.files.push((segment, file.clone()));
        Some(file)
    }

    /// Where in the window `bytes` bytes from `position` on stand; reads `reach` bytes if they do
    /// not stand there yet.
    fn load(&mut self, position: u64, bytes: usize, reach: usize) -> Option<usize> {
        let is_there = position >= self.window_position
            && position + bytes as u64 <= self.window_position + self.window_bytes as u64;
        if is_there {
            return Some((position - self.window_position) as usize);
        }
        let size = u64::from(self.identity.segment_bytes);
        let room = (size - position % size) as usize;
        if bytes > room {
            return None;
        }
        let file = self.file(position / size)?;
        let wanted = bytes.max(reach).min(room);
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        }
        self.window_bytes = 0;
        let length = file.read_at(&mut self.window[..wanted], position % size).ok()?;
        self.window_position = position;
        self.window_bytes = length;
        (length >= bytes).then_some(0)
    }

    /// Header and bytes of the valid record at `position`.
    fn record(&mut self, position: u64, reach: usize) -> Option<(Head, &[u8])> {
        let at = self.load(position, HEADER_BYTES, reach)?;
        let bytes = Head::read(&self.window[at..])?.bytes.min(RECORD_BYTES_MAX);
        let at = self.load(position, bytes, reach)?;
        let record = &self.window[at..at + bytes];
        let head = self.salt.check(record, position)?;
        Some((head, record))
    }

    /// The index of the unpacked BLOCK at `position` in `blocks`.
    fn block(&mut self, position: u64, reach: usize) -> Option<usize> {
        if let Some(index) = self.blocks.iter().position(|&(at, _)| at == position) {
            return Some(index);
        }
        let (head, record) = self.record(position, reach)?;
        let raw = if head.kind == BLOCK { block::unpack(head, record)? } else { return None };
        if self.blocks.len() == BLOCKS_KEPT {
            self.blocks.remove(0);
        }
        self.blocks.push((position, raw));
        Some(self.blocks.len() - 1)
    }

    /// The PUBLISH record of a message, valid and of the expected length.
    fn publish(&mut self, place: Place, reach: usize) -> Option<(Head, Publish, &[u8])> {
        let (head, publish, record) = match place.inner {
            Some(at) => {
                let index = self.block(place.position, reach)?;
                block::inner_record(&self.blocks[index].1, at)?
            }
            None => {
                let (head, record) = self.record(place.position, reach)?;
                (head, Publish::read(head, record)?, record)
            }
        };
        (publish.data_bytes == place.data_bytes).then_some((head, publish, record))
    }

    /// Data of the BODY record that follows at `position`; advances `position` behind it.
    fn body(&mut self, position: &mut u64, index: u32, data_bytes: usize) -> Option<&[u8]> {
        let bytes = pad8(DATA_HEADER_BYTES + data_bytes);
        *position = self.place_of(*position, bytes);
        let at = *position;
        let (head, record) = self.record(at, bytes)?;
        let fits = head.kind == BODY && read_body(head, record) == Some((index, data_bytes));
        if !fits {
            return None;
        }
        *position += head.bytes as u64;
        Some(&record[DATA_HEADER_BYTES..DATA_HEADER_BYTES + data_bytes])
    }

    /// Where a record lies that follows at `position`. A segment that is full to its last byte
    /// ends at the position at which the next one begins.
    fn place_of(&self, position: u64, bytes: usize) -> u64 {
        let size = u64::from(self.identity.segment_bytes);
        let segment = (position - 1) / size;
        let offset = (position - segment * size) as usize;
        let (is_next, at) = place(self.identity.segment_bytes, offset, bytes);
        position_of(self.identity.segment_bytes, segment + u64::from(is_next), at)
    }

    /// Reads a message to where its row says. `parts` are those of all rows.
    pub fn read(&mut self, row: &Row, parts: &[Part], areas: &dyn Areas, reach: usize) -> i32 {
        match self.read_message(row, parts, areas, reach) {
            Some(()) => STATUS_OK,
            None => STATUS_CORRUPT,
        }
    }

    fn read_message(
        &mut self,
        row: &Row,
        parts: &[Part],
        areas: &dyn Areas,
        reach: usize,
    ) -> Option<()> {
        let mut to = std::mem::take(&mut self.parts);
        to.clear();
        let (head, publish, record) = self.publish(row.place, reach)?;
        let inline_bytes =
            if row.part_count == 0 { publish.data_bytes } else { publish.exrk_bytes };
        if row.at + READ_HEAD_BYTES + inline_bytes > areas.area_bytes(0) {
            return None;
        }
        to.push(Part { area: 0, offset: row.at + READ_HEAD_BYTES, bytes: inline_bytes });
        to.extend_from_slice(parts.get(row.first_part..row.first_part + row.part_count)?);
        let mut start = [0; READ_HEAD_BYTES];
        start[0] = head.flags;
        start[4..].copy_from_slice(&record[HEADER_BYTES..HEADER_BYTES + 12]);
        areas.copy_in(0, row.at, &start);
        let mut stream = Stream::new(&to);
        let data = &record[publish.data_at..publish.data_at + publish.piece_bytes];
        if !stream.copy_in(areas, data) {
            return None;
        }
        let mut position = row.place.position + head.bytes as u64;
        let mut done = publish.piece_bytes;
        let mut index = 0;
        while done < publish.data_bytes {
            index += 1;
            let piece_bytes = (publish.data_bytes - done).min(PIECE_BYTES);
            let data = self.body(&mut position, index, piece_bytes)?;
            if !stream.copy_in(areas, data) {
                return None;
            }
            done += piece_bytes;
        }
        self.parts = to;
        Some(())
    }

    /// Appends a message's records to `into`, crc and tag 0: PUBLISH and any BODY behind it.
    pub fn copy_records(&mut self, place: Place, into: &mut Vec<u8>, reach: usize) -> Option<()> {
        let start = into.len();
        let (head, publish, record) = self.publish(place, reach)?;
        into.extend_from_slice(record);
        head.write(&mut into[start..]);
        let mut position = place.position + head.bytes as u64;
        let mut done = publish.piece_bytes;
        let mut index = 0;
        while head.flags & CONTINUED != 0 && done < publish.data_bytes {
            index += 1;
            let piece_bytes = (publish.data_bytes - done).min(PIECE_BYTES);
            let Some(data) = self.body(&mut position, index, piece_bytes) else {
                into.truncate(start);
                return None;
            };
            let at = into.len();
            let bytes = pad8(DATA_HEADER_BYTES + piece_bytes);
            into.resize(at + DATA_HEADER_BYTES, 0);
            Head { bytes, kind: BODY, flags: 0, count: 0 }.write(&mut into[at..]);
            crate::record::put_u32(into, at + 16, index);
            crate::record::put_u32(into, at + 20, piece_bytes as u32);
            into.extend_from_slice(data);
            into.resize(at + bytes, 0);
            done += piece_bytes;
        }
        Some(())
    }
}
