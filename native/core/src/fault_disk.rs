//! A disk that fails on purpose.
use crate::disk::{Access, Disk, DiskFile};
use std::io;
use std::sync::Arc;

pub struct Faults;
impl Faults {
    pub fn parse(_: &str) -> Result<Faults, String> {
        Ok(Faults)
    }
}
pub struct FaultDisk {
    inner: Arc<dyn Disk>,
}
impl FaultDisk {
    pub fn new(inner: Arc<dyn Disk>, _: Faults) -> io::Result<FaultDisk> {
        Ok(FaultDisk { inner })
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
        self.inner.open(name, access)
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
    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.inner.quarantine(name, bytes)
    }
}
