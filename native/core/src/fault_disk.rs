//! The faults that tests of a whole broker ask for (`LogOptions.faults`, WARRENMQ_TEST_FAULTS):
//!
//!   drop-unsynced:SEED  what was not synced is lost when the process is killed (`UnsyncedDisk`)
//!   sync-error:N        the Nth fdatasync of a segment fails; the next one would succeed
//!   write-full:BYTES    segments and spares together never take more than BYTES

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Access, Disk, DiskFile};
use crate::segment::{FileKind, file_kind};
use crate::unsynced_disk::UnsyncedDisk;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub drop_unsynced: Option<u64>,
    pub sync_error: Option<u64>,
    pub write_full: Option<u64>,
}

impl Faults {
    /// Reads a list of `NAME:NUMBER`, separated by commas.
    pub fn parse(text: &str) -> Result<Faults, String> {
        let mut faults = Faults::default();
        for fault in text.split(',').map(str::trim).filter(|fault| !fault.is_empty()) {
            let number = fault.split_once(':').and_then(|(_, number)| number.parse().ok());
            let field = match fault.split(':').next() {
                Some("drop-unsynced") => &mut faults.drop_unsynced,
                Some("sync-error") => &mut faults.sync_error,
                Some("write-full") => &mut faults.write_full,
                _ => return Err(format!("there is no fault \"{fault}\"")),
            };
            if number.is_none() {
                return Err(format!("the fault \"{fault}\" is not NAME:NUMBER"));
            }
            *field = number;
        }
        Ok(faults)
    }
}

pub struct FaultDisk {
    inner: Arc<dyn Disk>,
    /// Syncs until the one that fails; 0 when none does.
    syncs: Arc<AtomicU64>,
    bytes_max: Option<u64>,
}

struct FaultFile {
    inner: Arc<dyn DiskFile>,
    syncs: Option<Arc<AtomicU64>>,
    /// Up to here it may grow.
    bytes_max: u64,
}

impl FaultDisk {
    pub fn new(real: Arc<dyn Disk>, faults: Faults) -> io::Result<FaultDisk> {
        let inner: Arc<dyn Disk> = match faults.drop_unsynced {
            Some(seed) => Arc::new(UnsyncedDisk::new(real, seed)?),
            None => real,
        };
        let syncs = Arc::new(AtomicU64::new(faults.sync_error.unwrap_or(0)));
        Ok(FaultDisk { inner, syncs, bytes_max: faults.write_full })
    }

    fn used_bytes(&self) -> io::Result<u64> {
        loop {
            let names = self.inner.list()?;
            let own = |name: &&String| {
                matches!(file_kind(name), FileKind::Segment(_) | FileKind::Spare(_))
            };
            let sizes = names
                .iter()
                .filter(own)
                .map(|name| self.inner.open(name, Access::Read).and_then(|file| file.size()));
            match sizes.sum() {
                // Another thread has renamed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                used => return used,
            }
        }
    }
}

impl Disk for FaultDisk {
    fn create_directory(&self) -> io::Result<()> {
        self.inner.create_directory()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let is_growing = access == Access::Create && name.contains(".spare");
        let bytes_max = match self.bytes_max {
            Some(bytes_max) if is_growing => bytes_max.saturating_sub(self.used_bytes()?),
            _ => u64::MAX,
        };
        let inner = self.inner.open(name, access)?;
        // Spares and checkpoints in the making do not count: they come when they come.
        let syncs = (access == Access::Write).then(|| self.syncs.clone());
        Ok(Arc::new(FaultFile { inner, syncs, bytes_max }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.inner.unlink(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.inner.free_bytes()
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.inner.quarantine(name, bytes)
    }
}

impl DiskFile for FaultFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(into, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<bool> {
        if bytes > self.bytes_max {
            return Err(io::Error::from_raw_os_error(28));
        }
        self.inner.allocate(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.bytes_max {
            return Err(io::Error::from_raw_os_error(28));
        }
        self.inner.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let count = |left: u64| left.checked_sub(1);
        if let Some(syncs) = &self.syncs
            && syncs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) == Ok(1)
        {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.inner.sync()
    }
}
