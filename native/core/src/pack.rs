//! Collects messages into records to append again: small ones into BLOCKs, others as they are.
//! Source: `LogPack` in src/log/log.ts.

use crate::block;
use crate::reader::{Place, Reader, STATUS_CORRUPT, STATUS_OK};
use crate::source::Areas;

pub const STATUS_NO_ROOM: i32 = 2;
/// A block is closed before it would hold more than this.
const BLOCK_RAW_BYTES: usize = 128 * 1024;
/// Records above this stand by themselves.
const SMALL_BYTES: usize = 64 * 1024;

/// Status, offset in the target and offset in the unpacked block, as in `LogPack.results`.
pub type Packed = [i32; 3];

struct Packer<'a> {
    areas: &'a dyn Areas,
    target_bytes: usize,
    used: usize,
    raw: Vec<u8>,
    count: usize,
    scratch: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer<'_> {
    /// Writes the block that is being filled.
    fn close_block(&mut self) {
        if self.count == 0 {
            return;
        }
        self.packed.resize(block::bytes_at_most(self.raw.len()), 0);
        let bytes = block::pack(&self.raw, self.count, &mut self.scratch, &mut self.packed);
        self.areas.copy_in(0, self.used, &self.packed[..bytes]);
        self.used += bytes;
        self.raw.clear();
        self.count = 0;
    }

    /// Adds a message's only record to the block; `None` when there is no room.
    fn add_small(&mut self, record: &[u8]) -> Option<Packed> {
        let fits = |packer: &Self| {
            let raw_bytes = packer.raw.len() + record.len();
            packer.used + block::bytes_at_most(raw_bytes) <= packer.target_bytes
        };
        if self.raw.len() + record.len() > BLOCK_RAW_BYTES || !fits(self) {
            self.close_block();
            if !fits(self) {
                return None;
            }
        }
        let at = self.raw.len();
        self.raw.extend_from_slice(record);
        self.count += 1;
        Some([STATUS_OK, self.used as i32, at as i32])
    }

    fn add_large(&mut self, records: &[u8]) -> Option<Packed> {
        self.close_block();
        if self.used + records.len() > self.target_bytes {
            return None;
        }
        let at = self.used;
        self.areas.copy_in(0, at, records);
        self.used += records.len();
        Some([STATUS_OK, at as i32, -1])
    }
}

/// Packs the messages at `places` into area 0. Returns a result for each, and how many bytes of the
/// area hold records.
pub fn pack(reader: &mut Reader, places: &[Place], areas: &dyn Areas) -> (Vec<Packed>, usize) {
    let mut packer = Packer {
        areas,
        target_bytes: areas.area_bytes(0).min(i32::MAX as usize),
        used: 0,
        raw: vec![],
        count: 0,
        scratch: vec![],
        packed: vec![],
    };
    let mut results = Vec::with_capacity(places.len());
    let mut records = vec![];
    for (index, &place) in places.iter().enumerate() {
        records.clear();
        let reach = reader.reach_of(places[index..].iter().copied());
        let result = match reader.copy_records(place, &mut records, reach) {
            None => Some([STATUS_CORRUPT, -1, -1]),
            Some(()) if records.len() > SMALL_BYTES => packer.add_large(&records),
            Some(()) => packer.add_small(&records),
        };
        let Some(result) = result else { break };
        results.push(result);
    }
    packer.close_block();
    results.resize(places.len(), [STATUS_NO_ROOM, -1, -1]);
    (results, packer.used)
}
