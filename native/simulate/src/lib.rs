//! One seed, one life story of a log: random operations until a crash or a fault, recovery, and so
//! on, over a disk in memory. What the log promised is compared with what recovery finds.
//!
//! The promises: recovery never fails; what was synced is found; nothing is found that was not
//! appended, or that was void or recycled before; without bit flips nothing durable counts as
//! corrupt; a flipped bit costs at most one record, and is reported if it does.
//!
//! Most seeds have tiny segments, so that many are begun and recycled. Every 16th has segments of some
//! MiB and records of up to 770 KiB, which are written in whole blocks (`tail`), and a shorter life.
#![forbid(unsafe_code)]

mod life;
mod samples;

use std::sync::Arc;

use warrenmq_log::memory_disk::MemoryDisk;
use warrenmq_log::random::Random;
use warrenmq_log::unsynced_disk::UnsyncedDisk;

use crate::life::World;

const LIVES_MAX: usize = 6;
const LARGE_ONE_IN: u64 = 16;

/// What a seed came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub lives: u64,
    pub records: u64,
    pub syncs: u64,
    pub power_cuts: u64,
    pub bit_flips: u64,
    pub recycled: u64,
    pub reads: u64,
    pub checkpoints: u64,
    /// Batches that are large enough to be written in whole blocks.
    pub large: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.lives += other.lives;
        self.records += other.records;
        self.syncs += other.syncs;
        self.power_cuts += other.power_cuts;
        self.bit_flips += other.bit_flips;
        self.recycled += other.recycled;
        self.reads += other.reads;
        self.checkpoints += other.checkpoints;
        self.large += other.large;
    }
}

/// Runs one seed. `Err` says which promise was broken.
pub fn simulate(seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let memory = Arc::new(MemoryDisk::default());
    let disk = UnsyncedDisk::new(memory.clone(), random.word()).map_err(|e| e.to_string())?;
    let has_flips = random.one_in(3);
    let is_large = seed % LARGE_ONE_IN == LARGE_ONE_IN - 1;
    let mut world = World::new(random, memory, Arc::new(disk), is_large);
    world.has_flips = has_flips;
    for _ in 0..LIVES_MAX {
        world.live()?;
    }
    Ok(world.tally)
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_seeds_keep_all_promises() {
        let mut total = super::Tally::default();
        for seed in 0..300 {
            let tally = super::simulate(seed).unwrap_or_else(|text| panic!("seed {seed}: {text}"));
            total.add(&tally);
        }
        // A simulation in which nothing happens proves nothing.
        let seen = [total.records, total.syncs, total.power_cuts, total.bit_flips, total.recycled];
        assert!(seen.iter().all(|&count| count > 50), "{total:?}");
        assert!(total.reads > 50 && total.checkpoints > 50 && total.large > 50, "{total:?}");
    }
}
