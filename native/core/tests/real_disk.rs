//! The disk of the machine: what was written in whole blocks past the system's cache and in pieces
//! through it is one file. In the temporary directory, and in memory where the machine offers that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use warrenmq_log::disk::{Access, AlignedMemory, BLOCK_BYTES, Disk, DiskFile, RealDisk};
use warrenmq_log::fault_disk::{FaultDisk, Faults};
use warrenmq_log::random::Random;
use warrenmq_log::spares::{Pace, adopt_spares, make_spare, spare_name};

const FILE_BYTES: usize = 96 * BLOCK_BYTES;
/// A file system in memory: before Linux 6.6 it refuses O_DIRECT.
const IN_MEMORY: &str = "/dev/shm";

/// Directories of its own for one test, gone with it.
struct Place {
    directories: Vec<PathBuf>,
}

impl Place {
    fn new(name: &str) -> Place {
        let own = format!("warrenmq-disk-{}-{name}", std::process::id());
        let mut directories = vec![std::env::temp_dir().join(&own)];
        if Path::new(IN_MEMORY).is_dir() {
            directories.push(Path::new(IN_MEMORY).join(&own));
        }
        Place { directories }
    }

    fn disks(&self) -> impl Iterator<Item = RealDisk> {
        self.directories.iter().map(|directory| {
            let disk = RealDisk::new(directory.clone());
            disk.create_directory().unwrap();
            disk
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for directory in &self.directories {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

fn whole(file: &dyn DiskFile) -> Vec<u8> {
    let mut bytes = vec![0xaa; file.size().unwrap() as usize];
    let length = file.read_at(&mut bytes, 0).unwrap();
    assert_eq!(length, bytes.len());
    bytes
}

/// Somewhere in the file: whole blocks of aligned memory, or anything else.
fn write_some(
    random: &mut Random,
    memory: &mut AlignedMemory,
    file: &dyn DiskFile,
    model: &mut [u8],
) {
    let (mut from, mut to) = (random.below(FILE_BYTES), random.below(FILE_BYTES));
    (from, to) = (from.min(to), from.max(to));
    if random.one_in(2) {
        (from, to) = (from / BLOCK_BYTES * BLOCK_BYTES, to.next_multiple_of(BLOCK_BYTES));
    }
    // Not always where whole blocks would have to be.
    let at = if random.one_in(4) { random.below(BLOCK_BYTES) } else { 0 };
    let bytes = &mut memory[at..at + to - from];
    bytes.fill_with(|| random.word() as u8);
    file.write_at(bytes, from as u64).unwrap();
    model[from..to].copy_from_slice(bytes);
}

#[test]
fn whole_blocks_and_pieces_in_any_order_make_the_file_that_a_model_says() {
    let place = Place::new("model");
    for disk in place.disks() {
        for seed in 0..8 {
            let mut random = Random::new(seed);
            let made = disk.open("file", Access::Create).unwrap();
            if random.one_in(2) {
                made.allocate(FILE_BYTES as u64).unwrap();
            }
            made.write_at(&[0; FILE_BYTES], 0).unwrap();
            let writer = disk.open("file", Access::Write).unwrap();
            // Has the cache full of what is written over.
            let reader = disk.open("file", Access::Read).unwrap();
            let mut memory = AlignedMemory::new(FILE_BYTES + BLOCK_BYTES);
            let mut model = vec![0; FILE_BYTES];
            for step in 0..60 {
                write_some(&mut random, &mut memory, &*writer, &mut model);
                if random.one_in(8) {
                    writer.sync().unwrap();
                }
                assert!(whole(&*reader) == model, "seed {seed}, step {step}");
            }
        }
    }
}

#[test]
fn aligned_memory_is_as_long_as_was_asked_for() {
    for bytes in [1, 4095, 4096, 1_000_000] {
        let mut memory = AlignedMemory::new(bytes);
        assert_eq!(memory.len(), bytes);
        assert_eq!(memory.as_ptr().addr() % BLOCK_BYTES, 0);
        memory[bytes - 1] = 1;
        assert_eq!(memory.iter().map(|&byte| usize::from(byte)).sum::<usize>(), 1);
    }
}

#[test]
fn an_allocated_file_is_of_zeros() {
    let place = Place::new("zeros");
    for disk in place.disks() {
        let file = disk.open("file", Access::Create).unwrap();
        if file.allocate(FILE_BYTES as u64).unwrap() {
            assert!(whole(&*file) == [0; FILE_BYTES]);
        } else {
            assert_eq!(file.size().unwrap(), 0);
        }
    }
}

#[test]
fn a_file_that_cannot_be_had_is_an_error_and_leaves_nothing() {
    let place = Place::new("vast");
    for disk in place.disks() {
        let file = disk.open("file", Access::Create).unwrap();
        // More than any disk has: refused as too large where it is not refused as too full.
        let is_allocated = file.allocate(1 << 62);
        assert!(!matches!(is_allocated, Ok(true)), "{is_allocated:?}");
        assert_eq!(file.size().unwrap(), 0);
    }
}

/// Pace by the number of times that it was asked for.
fn paces(paces: &[Pace]) -> impl Fn() -> Pace {
    let asked = std::cell::Cell::new(0);
    move || {
        asked.set(asked.get() + 1);
        paces[(asked.get() - 1).min(paces.len() - 1)]
    }
}

const SPARE_BYTES: u32 = 16 << 20;

fn names(disk: &dyn Disk) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.sort_unstable();
    names
}

#[test]
fn a_spare_that_is_handed_over_early_can_be_used() {
    let place = Place::new("hand-over");
    for disk in place.disks() {
        for early in [&[Pace::HandOver][..], &[Pace::Fill, Pace::HandOver], &[Pace::Fill]] {
            assert!(make_spare(&disk, 7, SPARE_BYTES, &paces(early)).unwrap());
            assert_eq!(names(&disk), [spare_name(7)]);
            let spare = disk.open(&spare_name(7), Access::Write).unwrap();
            assert!(whole(&*spare) == vec![0; SPARE_BYTES as usize]);
            spare.write_at(&[1; 100], u64::from(SPARE_BYTES) - 100).unwrap();
            assert_eq!(adopt_spares(&disk, SPARE_BYTES).unwrap(), [7]);
        }
    }
}

#[test]
fn a_spare_that_is_stopped_is_none() {
    let place = Place::new("stop");
    for disk in place.disks() {
        for early in [&[Pace::Stop][..], &[Pace::Fill, Pace::Stop]] {
            assert!(!make_spare(&disk, 7, SPARE_BYTES, &paces(early)).unwrap());
            assert_eq!(names(&disk), [""; 0]);
        }
    }
}

/// A disk that cannot allocate, and how much is written to it.
struct Plain(RealDisk, Arc<std::sync::atomic::AtomicU64>);

struct PlainFile(Arc<dyn DiskFile>, Arc<std::sync::atomic::AtomicU64>);

impl Disk for Plain {
    fn create_directory(&self) -> std::io::Result<()> {
        self.0.create_directory()
    }
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str, access: Access) -> std::io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(PlainFile(self.0.open(name, access)?, self.1.clone())))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn unlink(&self, name: &str) -> std::io::Result<()> {
        self.0.unlink(name)
    }
    fn sync_directory(&self) -> std::io::Result<()> {
        self.0.sync_directory()
    }
    fn quarantine(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.0.quarantine(name, bytes)
    }
}

impl DiskFile for PlainFile {
    fn size(&self) -> std::io::Result<u64> {
        self.0.size()
    }
    fn read_at(&self, into: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.0.read_at(into, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.1.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        self.0.write_at(bytes, offset)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.0.sync()
    }
}

#[test]
fn a_disk_that_cannot_allocate_is_filled_whatever_the_pace() {
    let place = Place::new("plain");
    for disk in place.disks() {
        let written = Arc::default();
        let plain = Plain(disk, Arc::clone(&written));
        assert!(make_spare(&plain, 7, SPARE_BYTES, &paces(&[Pace::HandOver])).unwrap());
        assert_eq!(written.load(std::sync::atomic::Ordering::Relaxed), u64::from(SPARE_BYTES));
        assert_eq!(adopt_spares(&plain, SPARE_BYTES).unwrap(), [7]);
    }
}

#[test]
fn a_full_disk_is_an_error_at_any_pace_and_no_spare_stays() {
    let place = Place::new("full");
    for disk in place.disks() {
        let faults = Faults { write_full: Some(u64::from(SPARE_BYTES) - 1), ..Faults::default() };
        let disk = FaultDisk::new(Arc::new(disk), faults).unwrap();
        for pace in [Pace::Fill, Pace::HandOver] {
            let error = make_spare(&disk, 7, SPARE_BYTES, &paces(&[pace])).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(28));
            assert_eq!(names(&disk), [""; 0]);
        }
    }
}
