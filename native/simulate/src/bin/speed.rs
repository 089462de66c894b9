//! How fast the log is on this machine: `cargo run --release -p warrenmq-log-simulate --bin speed --
//! DIRECTORY`. Writes about 1 GiB below the directory and removes it again. Rough: one run each.
#![forbid(unsafe_code)]

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use warrenmq_log::directory::{Inventory, Scanner, take_inventory};
use warrenmq_log::disk::{Disk, RealDisk};
use warrenmq_log::record::{Head, PUBLISH, Salt, put_u32};
use warrenmq_log::segment::{HEADERS_BYTES, place, position_of};
use warrenmq_log::source::{OwnAreas, Part};
use warrenmq_log::spares::{Pace, make_spare, spare_name};
use warrenmq_log::writer::{Identity, Records, SpareSource, Writer};

const SEGMENT_BYTES: u32 = 64 << 20;
const RECORD_BYTES: usize = 1064;
const BATCH_RECORDS: usize = 256;
const BATCHES: usize = 3907;

static NEVER: AtomicBool = AtomicBool::new(false);

struct Spares(std::vec::IntoIter<u32>);

impl SpareSource for Spares {
    fn take_spare(&mut self) -> io::Result<String> {
        self.0.next().map(spare_name).ok_or_else(|| io::Error::other("no spare left"))
    }
}

fn megabytes_per_second(bytes: usize, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn checksum() {
    let bytes = vec![7u8; 64 << 20];
    let start = Instant::now();
    let crc = Salt::new(&[1; 16]).crc(128, &bytes);
    println!("crc     {:8.0} MB/s ({crc:08x})", megabytes_per_second(bytes.len(), start));
}

/// 1 KiB records in batches of 256, each batch synced or none.
fn append(disk: &Arc<dyn Disk>, is_synced: bool) -> io::Result<()> {
    let inventory = take_inventory(&**disk)?;
    let identity = match Identity::of(&inventory) {
        Some(identity) => identity,
        None => Identity::random(SEGMENT_BYTES)?,
    };
    let numbers: Vec<u32> = (100..120).collect();
    for &number in &numbers {
        make_spare(&**disk, number, SEGMENT_BYTES, &|| Pace::Fill)?;
    }
    let mut spares = Spares(numbers.into_iter());
    let fresh = Inventory::default();
    let mut writer = Writer::begin(disk.clone(), identity, &fresh, 0, &mut spares)?;
    let mut record = vec![b'x'; RECORD_BYTES];
    Head { bytes: RECORD_BYTES, kind: PUBLISH, flags: 1, count: 1 }.write(&mut record);
    for (at, value) in [(16, 0), (20, 0), (24, 1024), (28, 0)] {
        put_u32(&mut record, at, value);
    }
    let areas = OwnAreas::new(vec![record.repeat(BATCH_RECORDS)]);
    let parts = [Part { area: 0, offset: 0, bytes: RECORD_BYTES * BATCH_RECORDS }];
    let (mut segment, mut offset) = (1, HEADERS_BYTES);
    let start = Instant::now();
    for _ in 0..BATCHES {
        let mut first = None;
        for _ in 0..BATCH_RECORDS {
            let (is_next, at) = place(SEGMENT_BYTES, offset, RECORD_BYTES);
            segment += u64::from(is_next);
            offset = at + RECORD_BYTES;
            first.get_or_insert(position_of(SEGMENT_BYTES, segment, at));
        }
        let end_position = position_of(SEGMENT_BYTES, segment, offset);
        let first_position = first.unwrap_or(end_position);
        let records = Records { areas: &areas, parts: &parts, first_position, end_position };
        writer.append(&records, &mut spares)?;
        if is_synced {
            writer.sync()?;
        } else {
            writer.flush()?;
        }
    }
    writer.sync()?;
    let what = if is_synced { "synced" } else { "written" };
    let rate = megabytes_per_second(writer.bytes_written() as usize, start);
    let batches = BATCHES as f64 / start.elapsed().as_secs_f64();
    println!("append  {rate:8.0} MB/s, {batches:.0} batches/s of 256 x 1 KiB, each {what}");
    Ok(())
}

fn look(disk: &Arc<dyn Disk>) -> io::Result<()> {
    let inventory = take_inventory(&**disk)?;
    let segments = inventory.segments.clone();
    let mut scanner = Scanner::new(disk.clone(), inventory, true);
    let start = Instant::now();
    let (mut bytes, mut words) = (0, 0);
    for number in segments {
        if let Some(scan) = scanner.segment(number, &NEVER)? {
            bytes += scan.end;
            words += scan.entries.len();
        }
    }
    let (rate, records) = (megabytes_per_second(bytes, start), words / 8);
    println!(
        "scan    {rate:8.0} MB/s, {records} records in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn clear(disk: &Arc<dyn Disk>) -> io::Result<()> {
    for name in disk.list()? {
        disk.unlink(&name)?;
    }
    Ok(())
}

fn run(directory: PathBuf) -> io::Result<()> {
    let directory = directory.join(format!("speed-{}", std::process::id()));
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.clone()));
    disk.create_directory()?;
    checksum();
    append(&disk, false)?;
    clear(&disk)?;
    append(&disk, true)?;
    look(&disk)?;
    clear(&disk)?;
    std::fs::remove_dir(directory)
}

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("which directory?");
        return ExitCode::from(2);
    };
    match run(PathBuf::from(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
