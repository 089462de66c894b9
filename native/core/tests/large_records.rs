//! Large and small records in turn, on the disk of the machine: what a writer appended is what a
//! scan finds, over several segments, and a second writer goes on behind it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use warrenmq_log::directory::{Scanner, take_inventory};
use warrenmq_log::disk::{Disk, RealDisk};
use warrenmq_log::random::Random;
use warrenmq_log::record::{CHANGE, Head, RECORD_BYTES_MAX, put_u32};
use warrenmq_log::segment::{HEADERS_BYTES, place, position_of};
use warrenmq_log::source::{OwnAreas, Part};
use warrenmq_log::spares::{Pace, make_spare, spare_name};
use warrenmq_log::writer::{Identity, Records, SpareSource, Writer};

const SEGMENT_BYTES: u32 = 4 << 20;
const HEAD_BYTES: usize = 24;

/// Removed with the test.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Some filled, some only allocated.
struct Fresh<'a>(&'a dyn Disk, u32);

impl SpareSource for Fresh<'_> {
    fn take_spare(&mut self) -> std::io::Result<String> {
        self.1 += 1;
        let pace = if self.1.is_multiple_of(2) { Pace::Fill } else { Pace::HandOver };
        make_spare(self.0, self.1, SEGMENT_BYTES, &|| pace)?;
        Ok(spare_name(self.1))
    }
}

fn change(bytes: usize, random: &mut Random) -> Vec<u8> {
    let mut record = vec![0; bytes];
    Head { bytes, kind: CHANGE, flags: 0, count: 0 }.write(&mut record);
    put_u32(&mut record, 16, (bytes - HEAD_BYTES) as u32);
    record[HEAD_BYTES..].fill_with(|| random.word() as u8);
    record
}

/// A batch of a few records, as large as chance will have it.
fn batch(random: &mut Random) -> Vec<Vec<u8>> {
    let sizes = [64, 5000, 100_000, 300_000, RECORD_BYTES_MAX - HEAD_BYTES];
    let most = sizes[random.below(sizes.len())];
    (0..1 + random.below(4))
        .map(|_| change(HEAD_BYTES + random.below(most) / 8 * 8 + 8 * random.below(2), random))
        .collect()
}

/// Appends batches; offset and length of each record by segment.
fn append(writer: &mut Writer, fresh: &mut Fresh, random: &mut Random) -> Vec<(u64, usize, usize)> {
    let mut placed = vec![];
    for _ in 0..40 {
        let records = batch(random);
        let start = writer.position();
        let mut segment = (start - 1) / u64::from(SEGMENT_BYTES);
        let mut offset = (start - segment * u64::from(SEGMENT_BYTES)) as usize;
        let from = placed.len();
        for record in &records {
            let (is_next, at) = place(SEGMENT_BYTES, offset, record.len());
            segment += u64::from(is_next);
            offset = at + record.len();
            placed.push((segment, at, record.len()));
        }
        let bytes = records.concat();
        let parts = [Part { area: 0, offset: 0, bytes: bytes.len() }];
        let areas = OwnAreas::new(vec![bytes]);
        let (first_segment, first, _) = placed[from];
        let first_position = position_of(SEGMENT_BYTES, first_segment, first);
        let end_position = position_of(SEGMENT_BYTES, segment, offset);
        let records = Records { areas: &areas, parts: &parts, first_position, end_position };
        writer.append(&records, fresh).unwrap();
        match random.below(3) {
            0 => writer.flush().unwrap(),
            1 => writer.sync().unwrap(),
            _ => {}
        }
    }
    writer.sync().unwrap();
    placed
}

#[test]
fn a_scan_finds_what_was_appended_in_pieces_and_in_whole_blocks() {
    let name = format!("warrenmq-large-{}", std::process::id());
    let directory = Directory(std::env::temp_dir().join(name));
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.0.clone()));
    disk.create_directory().unwrap();
    let identity = Identity { store_id: [9; 16], segment_bytes: SEGMENT_BYTES };
    let mut random = Random::new(11);
    let mut fresh = Fresh(&*disk, 0);
    let (mut expected, mut end) = (vec![], 0);
    for _ in 0..2 {
        let inventory = take_inventory(&*disk).unwrap();
        let mut writer =
            Writer::begin(disk.clone(), identity, &inventory, end, &mut fresh).unwrap();
        expected.extend(append(&mut writer, &mut fresh, &mut random));
        end = expected.last().map_or(HEADERS_BYTES, |&(_, at, bytes)| at + bytes);
    }
    let inventory = take_inventory(&*disk).unwrap();
    let mut scanner = Scanner::new(disk.clone(), inventory.clone(), true);
    let mut found = vec![];
    for &segment in &inventory.segments {
        let scan = scanner.segment(segment, &AtomicBool::new(false)).unwrap().unwrap();
        assert_eq!((scan.torn_at, &scan.corrupt[..]), (None, &[][..]), "segment {segment}");
        let mut words = &scan.entries[..];
        while let [_, at, _, _, bytes, extra, rest @ ..] = words {
            found.push((segment, *at as usize, *bytes as usize));
            words = &rest[*extra as usize..];
        }
    }
    assert_eq!(found, expected);
    assert!(inventory.segments.len() > 3);
}
