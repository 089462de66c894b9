//! Segments to come: files made ahead of need, so that beginning a segment costs no allocation and
//! writing to it no metadata. Source: docs/log-format.md, "Files of a log directory".

use std::io;

use crate::disk::{Access, Disk};
use crate::segment::{FileKind, file_kind, segment_name};

/// Zeros are written and synced in steps of this size, so that commits do not wait behind them.
const STEP_BYTES: usize = 4 * 1024 * 1024;

pub fn spare_name(number: u32) -> String {
    format!("{number}.spare")
}

/// Removes what a dead process left unfinished, and spares of another size. Returns the numbers of
/// the spares that can be used.
///
/// What was removed is durably gone before its name is used again: else, on a disk that keeps changes
/// of names in no order, a power cut could leave the old file under the name of a segment.
pub fn adopt_spares(disk: &dyn Disk, segment_bytes: u32) -> io::Result<Vec<u32>> {
    let mut usable = vec![];
    let mut is_changed = false;
    for name in disk.list()? {
        match file_kind(&name) {
            FileKind::Unfinished => {
                disk.unlink(&name)?;
                is_changed = true;
            }
            FileKind::Spare(number) if name == spare_name(number) => {
                if disk.open(&name, Access::Read)?.size()? == u64::from(segment_bytes) {
                    usable.push(number);
                } else {
                    disk.unlink(&name)?;
                    is_changed = true;
                }
            }
            _ => {}
        }
    }
    if is_changed {
        disk.sync_directory()?;
    }
    usable.sort_unstable();
    Ok(usable)
}

/// How to go on with a spare in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nobody waits: zeros are written, so that commits will change no metadata.
    Fill,
    /// Somebody needs it now.
    HandOver,
    Stop,
}

/// Makes a spare of zeros, as far as `pace` lets it really written, else only allocated. `Ok(false)`
/// when it was stopped.
///
/// Allocated first in any case. Measured (ext4): a file that grows by what is written to it costs
/// 1.3 to 3.6 ms of CPU per MiB and comes to 200 to 500 MiB/s, an allocated one 0.25 ms and 1.1 GiB/s.
pub fn make_spare(
    disk: &dyn Disk,
    number: u32,
    segment_bytes: u32,
    pace: &dyn Fn() -> Pace,
) -> io::Result<bool> {
    let name = spare_name(number);
    let unfinished = format!("{name}.tmp");
    let fill = || -> io::Result<bool> {
        let file = disk.open(&unfinished, Access::Create)?;
        let is_allocated = file.allocate(u64::from(segment_bytes))?;
        // Through the system's cache, where they stay: a small record that fills a part of a page
        // would else have the system read that page from the disk first.
        let zeros = vec![0; STEP_BYTES.min(segment_bytes as usize)];
        let mut at = 0;
        while at < segment_bytes as usize {
            match pace() {
                Pace::Stop => return Ok(false),
                Pace::HandOver if is_allocated => break,
                _ => {}
            }
            let step = zeros.len().min(segment_bytes as usize - at);
            file.write_at(&zeros[..step], at as u64)?;
            file.sync()?;
            at += step;
        }
        disk.rename(&unfinished, &name)?;
        Ok(true)
    };
    let made = fill();
    if !matches!(made, Ok(true)) {
        // Best effort: the next opening removes it otherwise.
        let _ = disk.unlink(&unfinished);
    }
    made
}

/// A segment that holds nothing that is needed becomes a spare, or goes. Its old name is durably
/// gone before the file is used again: else a power cut could leave new records under it.
pub fn recycle(disk: &dyn Disk, segment: u64, spare: Option<u32>) -> io::Result<()> {
    let name = segment_name(segment);
    match spare {
        Some(number) => disk.rename(&name, &spare_name(number))?,
        None => disk.unlink(&name)?,
    }
    disk.sync_directory()
}
