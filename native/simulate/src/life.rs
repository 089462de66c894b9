//! A log's life: recovery, random operations, the end. And the model of what it must remember.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use warrenmq_log::checkpoint::write_checkpoint;
use warrenmq_log::directory::{Inventory, Scanner, take_inventory};
use warrenmq_log::disk::{Access, Disk};
use warrenmq_log::memory_disk::MemoryDisk;
use warrenmq_log::pack::pack;
use warrenmq_log::random::Random;
use warrenmq_log::reader::{Place, READ_HEAD_BYTES, Reader, Row, STATUS_OK};
use warrenmq_log::record::Head;
use warrenmq_log::segment::{HEADERS_BYTES, place, position_of, segment_name};
use warrenmq_log::source::{OwnAreas, Part};
use warrenmq_log::spares::{Pace, adopt_spares, make_spare, recycle, spare_name};
use warrenmq_log::unsynced_disk::UnsyncedDisk;
use warrenmq_log::writer::{Identity, Records, SpareSource, Writer};

use crate::Tally;
use crate::samples::{data_of, is_ack, numbers_in, record_of};

static NEVER: AtomicBool = AtomicBool::new(false);

/// From here on whole blocks are written at once.
const LARGE_BYTES: usize = 512 * 1024;

struct Kept {
    number: u32,
    bytes: usize,
    is_synced: bool,
    /// Recycled without an answer: it may be there or not, until the next beginning.
    is_leaving: bool,
    /// By the last recovery.
    is_found: bool,
    /// In a BLOCK, with others: not read back one by one.
    is_packed: bool,
}

#[derive(Default)]
struct Checkpoints {
    /// The newest durable one: its number and that of the record in it.
    durable: Option<(u64, u32)>,
}

pub struct World {
    random: Random,
    memory: Arc<MemoryDisk>,
    disk: Arc<UnsyncedDisk>,
    pub has_flips: bool,
    is_large: bool,
    segment_bytes: u32,
    next_number: u32,
    /// By position.
    kept: BTreeMap<u64, Kept>,
    checkpoints: Checkpoints,
    /// Found before, and still there.
    known_corrupt: BTreeSet<(u64, usize)>,
    flips_since: usize,
    has_flipped: bool,
    /// All was synced when the last life ended.
    is_clean: bool,
    pub tally: Tally,
}

/// Spares as a keeper would have them, and a disk that is full at times.
struct Spares<'a> {
    disk: &'a dyn Disk,
    random: Random,
    ready: Vec<u32>,
    next: u32,
    segment_bytes: u32,
}

fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

impl SpareSource for Spares<'_> {
    fn take_spare(&mut self) -> io::Result<String> {
        if self.ready.is_empty() {
            self.make()?;
        }
        self.ready.pop().map(spare_name).ok_or_else(|| io::Error::other("no spare"))
    }
}

impl Spares<'_> {
    fn make(&mut self) -> io::Result<()> {
        if self.random.one_in(40) {
            return Err(io::Error::from_raw_os_error(28));
        }
        self.next += 1;
        let pace = if self.random.one_in(3) { Pace::HandOver } else { Pace::Fill };
        make_spare(self.disk, self.next, self.segment_bytes, &|| pace)?;
        self.ready.push(self.next);
        Ok(())
    }
}

/// A log that is open.
struct Open<'a> {
    writer: Writer,
    spares: Spares<'a>,
    identity: Identity,
    epoch: u32,
    disk: Arc<UnsyncedDisk>,
}

impl World {
    pub fn new(
        mut random: Random,
        memory: Arc<MemoryDisk>,
        disk: Arc<UnsyncedDisk>,
        is_large: bool,
    ) -> World {
        let smallest = if is_large { 2 << 20 } else { 4096 };
        let segment_bytes = smallest << random.below(2 + usize::from(!is_large));
        World {
            random,
            memory,
            disk,
            has_flips: false,
            is_large,
            segment_bytes,
            next_number: 1,
            kept: BTreeMap::new(),
            checkpoints: Checkpoints::default(),
            known_corrupt: BTreeSet::new(),
            flips_since: 0,
            has_flipped: false,
            is_clean: false,
            tally: Tally::default(),
        }
    }

    fn room(&self) -> usize {
        self.segment_bytes as usize - HEADERS_BYTES - 64
    }

    /// From a start to an end, be it a crash.
    pub fn live(&mut self) -> Result<(), String> {
        self.tally.lives += 1;
        let inventory = match take_inventory(&*self.disk) {
            Ok(inventory) => inventory,
            // One flip in each copy of the only header: nothing tells any more whose log it is.
            Err(error) if is_damage(&error) && self.tally.bit_flips > 1 => return Ok(()),
            Err(error) => return Err(format!("look: {error}")),
        };
        let previous_end = self.recover(&inventory)?;
        self.is_clean = false;
        if self.random.one_in(2) {
            let operations = self.random.below(if self.is_large { 60 } else { 400 }) as u64;
            self.disk.crash_after(Some(operations));
        }
        let disk = self.disk.clone();
        let opened = self.begin(&disk, &inventory, previous_end);
        if let Ok(mut open) = opened {
            self.assume_durable();
            let mut is_sound = true;
            for _ in 0..self.random.below(if self.is_large { 15 } else { 60 }) {
                is_sound = self.operate(&mut open)?.is_ok();
                if !is_sound {
                    break;
                }
            }
            if is_sound && self.random.one_in(4) {
                // An error is the end of this life like any other.
                self.is_clean = self.sync(&mut open).is_ok();
            }
        }
        self.end()
    }

    /// After a beginning all that recovery found is durable, and what it missed is void.
    fn assume_durable(&mut self) {
        self.kept.retain(|_, kept| kept.is_found);
        for kept in self.kept.values_mut() {
            kept.is_synced = true;
            kept.is_leaving = false;
        }
    }

    fn recover(&mut self, inventory: &Inventory) -> Result<usize, String> {
        let is_new = inventory.store_id.is_none();
        let synced = self.kept.values().filter(|kept| kept.is_synced && !kept.is_leaving).count();
        if is_new && synced > 0 {
            return Err("the log is gone".to_owned());
        }
        let mut scanner = Scanner::new(self.disk.clone(), inventory.clone(), false);
        let mut found = BTreeMap::new();
        let mut damage = vec![];
        let mut end = 0;
        for &segment in &inventory.segments {
            self.check_size(&segment_name(segment))?;
            let scan = scanner.segment(segment, &NEVER);
            let scan = scan.map_err(|error| format!("scan {segment}: {error}"))?;
            let scan = scan.ok_or("stopped")?;
            let base = position_of(self.segment_bytes, segment, 0);
            for (offset, number) in numbers_in(&scan.entries) {
                found.insert(base + offset as u64, number);
            }
            self.check_corrupt(inventory, segment, &scan.corrupt)?;
            damage.extend(
                scan.corrupt.iter().map(|&(from, to)| (base + from as u64, base + to as u64)),
            );
            damage.extend(
                scan.torn_at.map(|at| (base + at as u64, base + u64::from(self.segment_bytes))),
            );
            if self.is_clean && !self.has_flipped && scan.torn_at.is_some() {
                return Err(format!("segment {segment} is torn, though all of it was synced"));
            }
            end = scan.end;
        }
        self.compare(&found, &damage)?;
        self.check_checkpoints(inventory, &mut scanner)?;
        self.flips_since = 0;
        Ok(end)
    }

    /// A write that goes on to the end of a block still ends with its segment.
    fn check_size(&self, name: &str) -> Result<(), String> {
        let size = self.disk.open(name, Access::Read).and_then(|file| file.size());
        let size = size.map_err(|error| format!("{name}: {error}"))?;
        if size <= u64::from(self.segment_bytes) { Ok(()) } else { Err(format!("{name}: {size}")) }
    }

    /// Without bit flips only what nobody relied on can be corrupt.
    fn check_corrupt(
        &mut self,
        inventory: &Inventory,
        segment: u64,
        corrupt: &[(usize, usize)],
    ) -> Result<(), String> {
        for &(from, _) in corrupt {
            let position = position_of(self.segment_bytes, segment, from);
            let is_newest = inventory.segments.last() == Some(&segment);
            let behind = self.kept.range(position..).any(|(_, kept)| kept.is_synced);
            let is_known = !self.known_corrupt.insert((segment, from));
            if !(is_known || self.has_flipped || is_newest && !behind) {
                return Err(format!("segment {segment} is corrupt at {from}"));
            }
        }
        Ok(())
    }

    fn compare(&mut self, found: &BTreeMap<u64, u32>, damage: &[(u64, u64)]) -> Result<(), String> {
        for (position, number) in found {
            if self.kept.get(position).map(|kept| kept.number) != Some(*number) {
                return Err(format!("unexpected: record {number} at {position}"));
            }
        }
        let mut lost = vec![];
        for (&position, kept) in &self.kept {
            if kept.is_synced && !kept.is_leaving && !found.contains_key(&position) {
                lost.push(position);
                let is_reported =
                    damage.iter().any(|&(from, to)| from <= position && position < to);
                if !is_reported {
                    return Err(format!("record {} at {position} is gone", kept.number));
                }
            }
        }
        if lost.len() > self.flips_since {
            return Err(format!("{} bit flips cost records at {lost:?}", self.flips_since));
        }
        self.kept.retain(|position, kept| {
            kept.is_found = found.contains_key(position);
            kept.is_found || kept.is_leaving
        });
        Ok(())
    }

    fn check_checkpoints(
        &mut self,
        inventory: &Inventory,
        scanner: &mut Scanner,
    ) -> Result<(), String> {
        let Some((durable, number)) = self.checkpoints.durable else { return Ok(()) };
        let newest = inventory.checkpoints.last().copied().unwrap_or(0);
        if newest < durable {
            return Err(format!("checkpoint {durable} is gone, {newest} is the newest"));
        }
        if newest > durable {
            return Ok(());
        }
        let scan = scanner.checkpoint(durable, &NEVER).map_err(|error| error.to_string())?;
        let scan = scan.ok_or("stopped")?;
        let is_whole = scan.corrupt.is_empty() && numbers_in(&scan.entries)[0].1 == number;
        if is_whole || self.has_flipped { Ok(()) } else { Err(format!("checkpoint: {scan:?}")) }
    }

    fn begin<'a>(
        &mut self,
        disk: &'a Arc<UnsyncedDisk>,
        inventory: &Inventory,
        previous_end: usize,
    ) -> io::Result<Open<'a>> {
        let identity = Identity::of(inventory).unwrap_or(Identity {
            store_id: [self.random.word() as u8; 16],
            segment_bytes: self.segment_bytes,
        });
        disk.create_directory()?;
        disk.sync_directory()?;
        let ready = adopt_spares(&**disk, identity.segment_bytes)?;
        let next = ready.last().map_or(0, |last| last + 1);
        let random = Random::new(self.random.word());
        let mut spares =
            Spares { disk: &**disk, random, ready, next, segment_bytes: self.segment_bytes };
        let writer = Writer::begin(disk.clone(), identity, inventory, previous_end, &mut spares)?;
        let epoch = inventory.epoch + 1;
        Ok(Open { writer, spares, identity, epoch, disk: disk.clone() })
    }

    /// The outer error is a broken promise, the inner one the end of this life.
    fn operate(&mut self, open: &mut Open) -> Result<io::Result<()>, String> {
        match self.random.below(20) {
            0..10 => Ok(self.append(open)),
            10..13 => Ok(self.sync(open)),
            13 => Ok(open.writer.flush()),
            14 => Ok(self.recycle(open)),
            15 => Ok(self.checkpoint(open)),
            16 => self.read(open),
            17 => Ok(self.repack(open)),
            18 => Ok(open.spares.make()),
            _ => {
                if self.random.one_in(8) {
                    open.disk.fail_sync(1 + self.random.below(3) as u64);
                }
                Ok(Ok(()))
            }
        }
    }

    fn append(&mut self, open: &mut Open) -> io::Result<()> {
        let numbers: Vec<u32> =
            (0..1 + self.random.below(8)).map(|at| self.next_number + at as u32).collect();
        self.next_number += numbers.len() as u32;
        let room = self.room();
        let records: Vec<_> =
            numbers.iter().map(|&number| (number, record_of(number, room), false)).collect();
        self.append_records(open, records)
    }

    fn append_records(
        &mut self,
        open: &mut Open,
        records: Vec<(u32, Vec<u8>, bool)>,
    ) -> io::Result<()> {
        let size = u64::from(self.segment_bytes);
        let end = open.writer.position();
        let mut segment = (end - 1) / size;
        let mut offset = (end - segment * size) as usize;
        let mut first = None;
        let mut bytes = vec![];
        for (number, record, is_packed) in records {
            let (is_next, at) = place(self.segment_bytes, offset, record.len());
            segment += u64::from(is_next);
            offset = at + record.len();
            let position = position_of(self.segment_bytes, segment, at);
            first.get_or_insert(position);
            let kept = Kept {
                number,
                bytes: record.len(),
                is_synced: false,
                is_leaving: false,
                is_found: false,
                is_packed,
            };
            self.kept.insert(position, kept);
            bytes.extend_from_slice(&record);
            self.tally.records += 1;
        }
        self.tally.large += u64::from(bytes.len() > LARGE_BYTES);
        let cut = self.random.below(bytes.len());
        let parts = [
            Part { area: 0, offset: 0, bytes: cut },
            Part { area: 1, offset: 0, bytes: bytes.len() - cut },
        ];
        let rest = bytes.split_off(cut);
        let areas = OwnAreas::new(vec![bytes, rest]);
        let records = Records {
            areas: &areas,
            parts: &parts,
            first_position: first.unwrap_or(end),
            end_position: position_of(self.segment_bytes, segment, offset),
        };
        open.writer.append(&records, &mut open.spares)
    }

    fn sync(&mut self, open: &mut Open) -> io::Result<()> {
        open.writer.sync()?;
        self.tally.syncs += 1;
        for kept in self.kept.values_mut() {
            kept.is_synced = true;
        }
        Ok(())
    }

    fn recycle(&mut self, open: &mut Open) -> io::Result<()> {
        let size = u64::from(self.segment_bytes);
        let current = (open.writer.position() - 1) / size;
        let segments = take_inventory(&*open.disk)?.segments;
        let old: Vec<_> = segments.into_iter().filter(|&segment| segment < current).collect();
        if old.is_empty() {
            return Ok(());
        }
        let segment = old[self.random.below(old.len())];
        let range = segment * size..(segment + 1) * size;
        for (_, kept) in self.kept.range_mut(range.clone()) {
            kept.is_leaving = true;
        }
        let spare = if self.random.one_in(3) {
            None
        } else {
            open.spares.next += 1;
            Some(open.spares.next)
        };
        recycle(&*open.disk, segment, spare)?;
        open.spares.ready.extend(spare);
        self.kept.retain(|position, _| !range.contains(position));
        self.tally.recycled += 1;
        Ok(())
    }

    fn checkpoint(&mut self, open: &mut Open) -> io::Result<()> {
        let number = self.next_number;
        self.next_number += 1;
        let record = record_of(number, self.room());
        let part = Part { area: 0, offset: 0, bytes: record.len() };
        let areas = OwnAreas::new(vec![record]);
        let (identity, epoch) = (open.identity, open.epoch);
        let written = write_checkpoint(&*open.disk, identity, epoch, &areas, part)?;
        self.checkpoints.durable = Some((written, number));
        self.tally.checkpoints += 1;
        Ok(())
    }

    fn some_places(&mut self) -> Vec<(u64, u32)> {
        let mut places = vec![];
        for (&position, kept) in &self.kept {
            if !kept.is_packed && !is_ack(kept.number) && self.random.one_in(4) {
                places.push((position, kept.number));
            }
        }
        places
    }

    fn place_of(&self, position: u64, number: u32) -> Place {
        let data_bytes = data_of(number, self.room()).len();
        Place { position, inner: None, data_bytes }
    }

    fn read(&mut self, open: &mut Open) -> Result<io::Result<()>, String> {
        if let Err(error) = open.writer.flush() {
            return Ok(Err(error));
        }
        let mut reader = Reader::new(open.disk.clone(), open.identity);
        for (position, number) in self.some_places() {
            let expected = data_of(number, self.room());
            let areas = OwnAreas::new(vec![vec![0; READ_HEAD_BYTES + expected.len()]]);
            let place = self.place_of(position, number);
            let row = Row { place, at: 0, first_part: 0, part_count: 0 };
            let reach = reader.reach_of([place].into_iter());
            let status = reader.read(&row, &[], &areas, reach);
            // The disk of a crashed machine gives nothing back.
            if status != STATUS_OK && take_inventory(&*open.disk).is_ok() {
                return Err(format!("record {number} at {position} cannot be read"));
            }
            if status == STATUS_OK && areas.area(0)[READ_HEAD_BYTES..] != expected {
                return Err(format!("record {number} at {position} reads differently"));
            }
            self.tally.reads += 1;
        }
        Ok(Ok(()))
    }

    /// Cleaning: packs some messages and appends them again.
    fn repack(&mut self, open: &mut Open) -> io::Result<()> {
        open.writer.flush()?;
        let chosen = self.some_places();
        let places: Vec<_> =
            chosen.iter().map(|&(position, number)| self.place_of(position, number)).collect();
        let mut reader = Reader::new(open.disk.clone(), open.identity);
        // A block has to fit a segment.
        let areas = OwnAreas::new(vec![vec![0; self.room()]]);
        let (results, used) = pack(&mut reader, &places, &areas);
        let bytes = areas.area(0);
        let mut records = vec![];
        let mut at = 0;
        while at < used {
            let head = Head::read(&bytes[at..]).ok_or_else(|| io::Error::other("no record"))?;
            let first = results.iter().position(|result| result[1] == at as i32 && result[0] == 0);
            let number = first.map_or(0, |index| chosen[index].1);
            records.push((number, bytes[at..at + head.bytes].to_vec(), true));
            at += head.bytes;
        }
        if records.is_empty() { Ok(()) } else { self.append_records(open, records) }
    }

    /// The process ends, perhaps with the machine.
    fn end(&mut self) -> Result<(), String> {
        self.disk.crash_after(None);
        self.disk.fail_sync(0);
        if self.random.one_in(3) {
            return Ok(());
        }
        self.tally.power_cuts += 1;
        self.disk.power_cut().map_err(|error| error.to_string())?;
        if self.has_flips && self.random.one_in(2) {
            self.flip_bit()?;
        }
        let disk = UnsyncedDisk::new(self.memory.clone(), self.random.word());
        self.disk = Arc::new(disk.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Damages one bit, more often in a record than between them.
    fn flip_bit(&mut self) -> Result<(), String> {
        let names = self.memory.list().map_err(|error| error.to_string())?;
        let name = names.get(self.random.below(names.len()));
        let Some(name) = name.filter(|name| !name.contains("spare")).cloned() else {
            return Ok(());
        };
        let used = self.kept.values().map(|kept| kept.bytes).sum::<usize>().max(256);
        let random = &mut self.random;
        self.memory.damage(&name, |bytes| {
            if !bytes.is_empty() {
                let at = random.below(bytes.len().min(used));
                bytes[at] ^= 1 << random.below(8);
            }
        });
        self.flips_since += 1;
        self.has_flipped = true;
        self.tally.bit_flips += 1;
        Ok(())
    }
}
