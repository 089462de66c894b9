//! What a log asks of a file system, and the real one.
//!
//! Names are relative to the log's directory. Nothing counts as durable before `sync` (content) and
//! `sync_directory` (names); the other disks of this crate take that at its word.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

/// Message bodies and password hashes are nobody else's business.
const FILE_MODE: u32 = 0o640;

/// An error with what was being done, and the names that people search for.
pub fn describe(what: &str, name: &str, error: &io::Error) -> io::Error {
    let code = match error.raw_os_error() {
        Some(5) => "EIO: ",
        Some(28) => "ENOSPC: ",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{what} {name} failed: {code}{error}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    /// For writing; an existing file of that name is emptied.
    Create,
}

pub trait Disk: Send + Sync {
    /// Creates the directory of the log, durably.
    fn create_directory(&self) -> io::Result<()>;
    /// The names in the log's directory; none when there is no such directory.
    fn list(&self) -> io::Result<Vec<String>>;
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn unlink(&self, name: &str) -> io::Result<()>;
    fn sync_directory(&self) -> io::Result<()>;
    /// What can still be written; a disk that does not know says as much as can be.
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    /// Keeps a copy of corrupt bytes; one of the same name stays as it is.
    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

pub trait DiskFile: Send + Sync {
    fn size(&self) -> io::Result<u64>;
    /// Fills `into` from `offset` on, as far as the file goes; returns how far.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// fdatasync.
    fn sync(&self) -> io::Result<()>;
}

pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    pub fn new(directory: PathBuf) -> RealDisk {
        RealDisk { directory }
    }
}

struct RealFile {
    file: File,
}

impl Disk for RealDisk {
    fn create_directory(&self) -> io::Result<()> {
        if self.directory.is_dir() {
            return Ok(());
        }
        // Each new level has to be durable in the one above it.
        let mut made = vec![];
        for level in self.directory.ancestors() {
            if level.as_os_str().is_empty() || level.is_dir() {
                break;
            }
            made.push(level.to_path_buf());
        }
        fs::create_dir_all(&self.directory)?;
        for level in made {
            if let Some(parent) = level.parent() {
                let parent = if parent.as_os_str().is_empty() { ".".as_ref() } else { parent };
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut names = vec![];
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.mode(FILE_MODE);
        options.read(true).write(access != Access::Read);
        if access == Access::Create {
            options.create(true).truncate(true);
        }
        let file = options.open(self.directory.join(name))?;
        Ok(Arc::new(RealFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let space = rustix::fs::statvfs(&self.directory)?;
        Ok(space.f_bavail * space.f_frsize)
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.directory.join("quarantine");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        if path.exists() {
            return Ok(());
        }
        fs::write(path, bytes)
    }
}

impl DiskFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match self.file.read_at(&mut into[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
