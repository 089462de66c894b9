//! Asks the system to begin writing to disk what was written to a file. The one call that no safe
//! library offers.
#![allow(unsafe_code)]

use std::fs::File;

/// `bytes` from `offset` on. Does not wait for the disk, and takes no error that a sync has to tell:
/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE alone.
#[cfg(target_os = "linux")]
pub fn start(file: &File, offset: u64, bytes: u64) {
    use std::os::fd::AsRawFd;

    let (offset, bytes) = (offset as libc::off64_t, bytes as libc::off64_t);
    // SAFETY: no memory is passed, and the descriptor is open as long as `file`.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, bytes, libc::SYNC_FILE_RANGE_WRITE);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn start(_: &File, _: u64, _: u64) {}
