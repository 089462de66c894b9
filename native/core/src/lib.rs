//! WarrenMQ's segmented disk log (docs/log-format.md), without Node and without unsafe code.
//!
//! From the bottom up: `disk` (what a log asks of a file system, and disks that fail), `record` and
//! `segment` (the bytes), `scan` (what a file holds), `directory` (which files there are), `writer`,
//! `spares`, `checkpoint`, `reader`, `pack` (the work, single-threaded), `engine` (their threads).
#![forbid(unsafe_code)]

pub mod block;
pub mod checkpoint;
pub mod directory;
pub mod disk;
pub mod engine;
pub mod fault_disk;
pub mod memory_disk;
pub mod pack;
pub mod random;
pub mod reader;
pub mod record;
pub mod scan;
pub mod segment;
pub mod source;
pub mod spares;
pub mod tail;
pub mod unsynced_disk;
pub mod writer;
