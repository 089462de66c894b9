//! A disk that keeps what is not synced in the memory of the process: killing the process, or
//! `power_cut`, is a power cut. For tests and simulations.
//!
//! Writes stay here, by 512-byte sectors, until the file is synced; names until the directory is.
//! Some sectors reach the file early at random, as the kernel may write back whenever it likes.
//! After a failed sync the sectors count as clean although they are not on the disk, as on Linux.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile};
use crate::random::Random;

const SECTOR_BYTES: usize = 512;
const EARLY_ONE_IN: usize = 8;

type Sectors = BTreeMap<u64, Box<[u8; SECTOR_BYTES]>>;

/// Faults and chance, shared by all files.
struct Weather {
    random: Random,
    /// The sync that fails, counted down.
    syncs_until_error: Option<u64>,
    /// Operations until everything fails: the moment of a crash.
    operations_left: Option<u64>,
}

impl Weather {
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.operations_left {
            Some(0) => Err(io::Error::other("the machine has crashed")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

struct Content {
    below: Arc<dyn DiskFile>,
    bytes: u64,
    dirty: Sectors,
    /// Read back, but neither on the disk nor to be written: what a failed sync leaves.
    lost: Sectors,
}

struct UnsyncedFile {
    weather: Arc<Mutex<Weather>>,
    content: Mutex<Content>,
}

enum Change {
    /// A new file, on the disk below under a name that no log looks at.
    Create {
        place: String,
        name: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink(String),
}

#[derive(Default)]
struct Names {
    files: HashMap<String, Arc<UnsyncedFile>>,
    /// Not durable yet, in order.
    changes: Vec<Change>,
    created: u64,
}

pub struct UnsyncedDisk {
    below: Arc<dyn Disk>,
    weather: Arc<Mutex<Weather>>,
    names: Mutex<Names>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_own(name: &str) -> bool {
    name.starts_with("unsynced-")
}

impl UnsyncedDisk {
    pub fn new(below: Arc<dyn Disk>, seed: u64) -> io::Result<UnsyncedDisk> {
        // What a killed process had created and not synced.
        for name in below.list()?.iter().filter(|name| is_own(name)) {
            below.unlink(name)?;
        }
        let weather =
            Weather { random: Random::new(seed), syncs_until_error: None, operations_left: None };
        Ok(UnsyncedDisk {
            below,
            weather: Arc::new(Mutex::new(weather)),
            names: Mutex::new(Names::default()),
        })
    }

    /// Lets the `number`th sync of a file from now on fail, counted from 1; 0 none.
    pub fn fail_sync(&self, number: u64) {
        lock(&self.weather).syncs_until_error = (number > 0).then_some(number);
    }

    /// Lets everything fail after so many more operations.
    pub fn crash_after(&self, operations: Option<u64>) {
        lock(&self.weather).operations_left = operations;
    }

    /// What is not durable survives at random, each sector and each name for itself. Files may
    /// have grown by bytes that nobody wrote. The disk below is what the next start finds.
    pub fn power_cut(&self) -> io::Result<()> {
        let names = lock(&self.names);
        let mut weather = lock(&self.weather);
        let random = &mut weather.random;
        let mut files: Vec<_> = names.files.iter().collect();
        files.sort_by(|one, other| one.0.cmp(other.0));
        for (_, file) in files {
            let content = lock(&file.content);
            let size = content.below.size()?;
            if content.bytes > size && random.one_in(2) {
                let grown = (content.bytes - size) as usize;
                let garbage: Vec<u8> = (0..grown).map(|_| random.word() as u8).collect();
                content.below.write_at(&garbage, size)?;
            }
            for (&sector, bytes) in &content.dirty {
                if random.one_in(2) {
                    content.write_below(sector, bytes)?;
                }
            }
        }
        for change in &names.changes {
            if random.one_in(2) {
                // One that builds on a lost one comes to nothing.
                let _ = change.apply(&*self.below);
            }
        }
        Ok(())
    }

    fn file(&self, names: &mut Names, name: &str) -> io::Result<Arc<UnsyncedFile>> {
        if let Some(file) = names.files.get(name) {
            return Ok(file.clone());
        }
        if !self.visible(names)?.iter().any(|each| each == name) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no {name}")));
        }
        let below = self.below.open(name, Access::Write)?;
        Ok(self.add(names, name, below)?.clone())
    }

    fn add<'a>(
        &self,
        names: &'a mut Names,
        name: &str,
        below: Arc<dyn DiskFile>,
    ) -> io::Result<&'a Arc<UnsyncedFile>> {
        let bytes = below.size()?;
        let content = Content { below, bytes, dirty: Sectors::new(), lost: Sectors::new() };
        let file = UnsyncedFile { weather: self.weather.clone(), content: Mutex::new(content) };
        Ok(names.files.entry(name.to_owned()).insert_entry(Arc::new(file)).into_mut())
    }

    /// The names as the process sees them: those below, with the changes that are not there yet.
    fn visible(&self, names: &Names) -> io::Result<Vec<String>> {
        let mut seen = self.below.list()?;
        seen.retain(|name| !is_own(name));
        for change in &names.changes {
            let (gone, come) = match change {
                Change::Create { name, .. } => (name, Some(name)),
                Change::Rename { from, to } => (from, Some(to)),
                Change::Unlink(name) => (name, None),
            };
            seen.retain(|name| name != gone && Some(name) != come);
            seen.extend(come.cloned());
        }
        Ok(seen)
    }
}

impl Change {
    fn apply(&self, disk: &dyn Disk) -> io::Result<()> {
        match self {
            Change::Create { place, name } => disk.rename(place, name),
            Change::Rename { from, to } => disk.rename(from, to),
            Change::Unlink(name) => disk.unlink(name),
        }
    }
}

impl Content {
    fn write_below(&self, sector: u64, bytes: &[u8; SECTOR_BYTES]) -> io::Result<()> {
        let offset = sector * SECTOR_BYTES as u64;
        let length = (self.bytes - offset).min(SECTOR_BYTES as u64) as usize;
        self.below.write_at(&bytes[..length], offset)
    }

    /// A sector as it reads at the moment.
    fn sector(&self, sector: u64) -> io::Result<Box<[u8; SECTOR_BYTES]>> {
        if let Some(bytes) = self.dirty.get(&sector).or_else(|| self.lost.get(&sector)) {
            return Ok(bytes.clone());
        }
        let mut bytes = Box::new([0; SECTOR_BYTES]);
        self.below.read_at(&mut bytes[..], sector * SECTOR_BYTES as u64)?;
        Ok(bytes)
    }
}

impl Disk for UnsyncedDisk {
    fn create_directory(&self) -> io::Result<()> {
        lock(&self.weather).operate()?;
        self.below.create_directory()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        lock(&self.weather).operate()?;
        self.visible(&lock(&self.names))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        lock(&self.weather).operate()?;
        let mut names = lock(&self.names);
        if access != Access::Create {
            return Ok(self.file(&mut names, name)?);
        }
        names.created += 1;
        let place = format!("unsynced-{}.tmp", names.created);
        let below = self.below.open(&place, Access::Create)?;
        names.changes.push(Change::Create { place, name: name.to_owned() });
        Ok(self.add(&mut names, name, below)?.clone())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        lock(&self.weather).operate()?;
        let mut names = lock(&self.names);
        let file = self.file(&mut names, from)?;
        names.files.remove(from);
        names.files.insert(to.to_owned(), file);
        names.changes.push(Change::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        lock(&self.weather).operate()?;
        let mut names = lock(&self.names);
        self.file(&mut names, name)?;
        names.files.remove(name);
        names.changes.push(Change::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        lock(&self.weather).operate()?;
        let mut names = lock(&self.names);
        for change in std::mem::take(&mut names.changes) {
            change.apply(&*self.below)?;
        }
        self.below.sync_directory()
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.below.quarantine(name, bytes)
    }
}

impl DiskFile for UnsyncedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.content).bytes)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = lock(&self.content);
        let length = (content.bytes.saturating_sub(offset)).min(into.len() as u64) as usize;
        let into = &mut into[..length];
        let below = content.below.read_at(into, offset)?;
        into[below..].fill(0);
        let first = offset / SECTOR_BYTES as u64;
        let last = (offset + length as u64).div_ceil(SECTOR_BYTES as u64);
        for sectors in [&content.lost, &content.dirty] {
            for (&sector, bytes) in sectors.range(first..last) {
                let start = sector * SECTOR_BYTES as u64;
                let from = start.max(offset);
                let to = (start + SECTOR_BYTES as u64).min(offset + length as u64);
                into[(from - offset) as usize..(to - offset) as usize]
                    .copy_from_slice(&bytes[(from - start) as usize..(to - start) as usize]);
            }
        }
        Ok(length)
    }

    /// Of zeros, but who knows how long after a power cut.
    fn allocate(&self, bytes: u64) -> io::Result<bool> {
        lock(&self.weather).operate()?;
        let mut content = lock(&self.content);
        content.bytes = content.bytes.max(bytes);
        Ok(true)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut weather = lock(&self.weather);
        weather.operate()?;
        let mut content = lock(&self.content);
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let sector = at / SECTOR_BYTES as u64;
            let within = (at % SECTOR_BYTES as u64) as usize;
            let length = (SECTOR_BYTES - within).min(bytes.len() - done);
            let mut changed = content.sector(sector)?;
            changed[within..within + length].copy_from_slice(&bytes[done..done + length]);
            content.bytes = content.bytes.max(at + length as u64);
            if weather.random.one_in(EARLY_ONE_IN) {
                content.write_below(sector, &changed)?;
            }
            content.lost.remove(&sector);
            content.dirty.insert(sector, changed);
            done += length;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut weather = lock(&self.weather);
        weather.operate()?;
        let mut content = lock(&self.content);
        let left = weather.syncs_until_error.map(|left| left - 1);
        weather.syncs_until_error = left.filter(|&left| left > 0);
        if left == Some(0) {
            let dirty = std::mem::take(&mut content.dirty);
            content.lost.extend(dirty);
            return Err(io::Error::from_raw_os_error(5));
        }
        let mut run: Vec<u8> = vec![];
        let mut run_at = 0;
        let dirty = std::mem::take(&mut content.dirty);
        for (sector, bytes) in &dirty {
            let at = sector * SECTOR_BYTES as u64;
            if !run.is_empty() && at != run_at + run.len() as u64 {
                content.below.write_at(&run, run_at)?;
                run.clear();
            }
            if run.is_empty() {
                run_at = at;
            }
            let length = (content.bytes - at).min(SECTOR_BYTES as u64) as usize;
            run.extend_from_slice(&bytes[..length]);
        }
        content.below.write_at(&run, run_at)?;
        if content.below.size()? < content.bytes {
            // What was allocated and not written.
            content.below.write_at(&[0], content.bytes - 1)?;
        }
        content.below.sync()
    }
}
