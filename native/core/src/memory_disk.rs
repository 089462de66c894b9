//! A file system in memory whose every write is durable at once. Simulations put an `UnsyncedDisk`
//! on top, and reach below it to damage files.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile};

type Bytes = Arc<Mutex<Vec<u8>>>;

#[derive(Default)]
pub struct MemoryDisk {
    files: Mutex<BTreeMap<String, Bytes>>,
}

struct MemoryFile {
    bytes: Bytes,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {name}"))
}

impl MemoryDisk {
    /// Changes a file's bytes behind the log's back.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(bytes) = lock(&self.files).get(name) {
            change(&mut lock(bytes));
        }
    }
}

impl Disk for MemoryDisk {
    fn create_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.files).keys().cloned().collect())
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = lock(&self.files);
        if access == Access::Create {
            files.insert(name.to_owned(), Bytes::default());
        }
        let bytes = files.get(name).ok_or_else(|| missing(name))?.clone();
        Ok(Arc::new(MemoryFile { bytes }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = lock(&self.files);
        let bytes = files.remove(from).ok_or_else(|| missing(from))?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        lock(&self.files).remove(name).map(drop).ok_or_else(|| missing(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn quarantine(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = lock(&self.bytes);
        let from = (offset as usize).min(bytes.len());
        let length = into.len().min(bytes.len() - from);
        into[..length].copy_from_slice(&bytes[from..from + length]);
        Ok(length)
    }

    fn allocate(&self, bytes: u64) -> io::Result<bool> {
        lock(&self.bytes).resize(bytes as usize, 0);
        Ok(true)
    }

    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = lock(&self.bytes);
        let end = offset as usize + from.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset as usize..end].copy_from_slice(from);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
