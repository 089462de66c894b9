//! Segments to come: files made ahead of need, so that beginning a segment costs no allocation and
//! writing to it no metadata. Source: docs/log-format.md, "Files of a log directory".

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::{Access, Disk};
use crate::segment::{FileKind, file_kind, segment_name};

/// Zeros are written and synced in steps of this size, so that commits do not wait behind them.
const STEP_BYTES: usize = 4 * 1024 * 1024;

pub fn spare_name(number: u32) -> String {
    format!("{number}.spare")
}

/// Removes what a dead process left unfinished, and spares of another size. Returns the numbers of
/// the spares that can be used.
pub fn adopt_spares(disk: &dyn Disk, segment_bytes: u32) -> io::Result<Vec<u32>> {
    let mut usable = vec![];
    for name in disk.list()? {
        match file_kind(&name) {
            FileKind::Unfinished => disk.unlink(&name)?,
            FileKind::Spare(number) if name == spare_name(number) => {
                if disk.open(&name, Access::Read)?.size()? == u64::from(segment_bytes) {
                    usable.push(number);
                } else {
                    disk.unlink(&name)?;
                }
            }
            _ => {}
        }
    }
    usable.sort_unstable();
    Ok(usable)
}

/// Makes a spare of zeros that were really written. `Ok(false)` when `stop` was set meanwhile.
pub fn make_spare(
    disk: &dyn Disk,
    number: u32,
    segment_bytes: u32,
    stop: &AtomicBool,
) -> io::Result<bool> {
    let name = spare_name(number);
    let unfinished = format!("{name}.tmp");
    let fill = || -> io::Result<bool> {
        let file = disk.open(&unfinished, Access::Create)?;
        let zeros = vec![0; STEP_BYTES.min(segment_bytes as usize)];
        let mut at = 0;
        while at < segment_bytes as usize {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
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
