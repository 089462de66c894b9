//! Names that a dead process has left, on a disk that keeps changes of names in no order: after a
//! power cut no segment is the file that had its spare's name before. A simulation met it in one seed
//! of 200,000.

use std::sync::Arc;

use warrenmq_log::disk::{Access, Disk};
use warrenmq_log::memory_disk::MemoryDisk;
use warrenmq_log::segment::segment_name;
use warrenmq_log::spares::{Pace, adopt_spares, make_spare, spare_name};
use warrenmq_log::unsynced_disk::UnsyncedDisk;

const SPARE_BYTES: u32 = 4096;
const LEFT: u8 = 1;
const NEW: u8 = 2;

fn write(disk: &dyn Disk, name: &str, access: Access, byte: u8) {
    let file = disk.open(name, access).unwrap();
    file.write_at(&[byte; SPARE_BYTES as usize], 0).unwrap();
    file.sync().unwrap();
}

/// The first byte of segment 1 after a power cut right behind its rename.
fn segment_after_cut(seed: u64) -> Option<u8> {
    let memory = Arc::new(MemoryDisk::default());
    let disk = UnsyncedDisk::new(memory.clone(), seed).unwrap();
    let spare = spare_name(0);
    write(&disk, &format!("{spare}.tmp"), Access::Create, LEFT);
    // The next process.
    assert!(adopt_spares(&disk, SPARE_BYTES).unwrap().is_empty());
    assert!(make_spare(&disk, 0, SPARE_BYTES, &|| Pace::Fill).unwrap());
    write(&disk, &spare, Access::Write, NEW);
    disk.rename(&spare, &segment_name(1)).unwrap();
    disk.power_cut().unwrap();
    let file = memory.open(&segment_name(1), Access::Read).ok()?;
    let mut bytes = [0];
    file.read_at(&mut bytes, 0).unwrap();
    Some(bytes[0])
}

#[test]
fn a_segment_is_never_what_its_spares_name_stood_for_before() {
    let found: Vec<_> = (0..300).filter_map(segment_after_cut).collect();
    assert!(!found.is_empty());
    assert!(found.iter().all(|&byte| byte == NEW), "{found:?}");
}
