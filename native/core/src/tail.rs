//! The end of the newest segment in memory: records on their way to the file, behind what is written
//! of the same block.
//!
//!   | written, kept | records to write              | room                     |
//!   ^ a block's start                               ^ the log's end
//!
//! Large records are written in whole blocks, from the block's start and with zero bytes to the end
//! of the last one: such writes go past the system's cache (`DiskFile::write_at`). What they write
//! anew of the first block is what stands there. Small ones go through the cache: what is read back
//! soon, as small messages are, need not come from the disk.

use crate::disk::{AlignedMemory, BLOCK_BYTES};
use crate::record::RECORD_BYTES_MAX;
use crate::segment::END_MARKER_BYTES;

/// Small records are written together up to here: what is copied, summed and written stays in the
/// processor's cache.
const FLUSH_BYTES: usize = 256 * 1024;
/// With large ones up to here, and from half of it on in whole blocks.
const FLUSH_LARGE_BYTES: usize = 1024 * 1024;
const WHOLE_BLOCKS_BYTES: usize = FLUSH_LARGE_BYTES / 2;
const LARGE_RECORD_BYTES: usize = 64 * 1024;

pub struct Tail {
    memory: AlignedMemory,
    kept: usize,
    waiting: usize,
    flush_bytes: usize,
}

impl Tail {
    /// Behind what is written of a segment's first block.
    pub fn new(written: &[u8]) -> Tail {
        let waiting_max = FLUSH_LARGE_BYTES + RECORD_BYTES_MAX + END_MARKER_BYTES;
        let memory = AlignedMemory::new(BLOCK_BYTES + waiting_max + BLOCK_BYTES);
        let mut tail = Tail { memory, kept: 0, waiting: 0, flush_bytes: FLUSH_BYTES };
        tail.restart(written);
        tail
    }

    /// A new segment, of which less than a block is written.
    pub fn restart(&mut self, written: &[u8]) {
        self.kept = written.len();
        self.waiting = 0;
        self.memory[..self.kept].copy_from_slice(written);
    }

    /// What waits has to be written before more is added.
    pub fn is_full(&self) -> bool {
        self.waiting >= self.flush_bytes
    }

    /// Bytes that are not written yet.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Room for the next record; it waits from now on.
    pub fn add(&mut self, bytes: usize) -> &mut [u8] {
        let start = self.kept + self.waiting;
        self.waiting += bytes;
        if bytes >= LARGE_RECORD_BYTES {
            self.flush_bytes = FLUSH_LARGE_BYTES;
        }
        &mut self.memory[start..start + bytes]
    }

    /// What to write, with an end marker of `marker` bytes behind it, and how many bytes of it are
    /// written already.
    pub fn to_write(&mut self, marker: usize) -> (usize, &[u8]) {
        let end = self.kept + self.waiting;
        if self.waiting < WHOLE_BLOCKS_BYTES {
            let memory = &mut self.memory[self.kept..];
            memory[self.waiting..self.waiting + marker].fill(0);
            return (0, &memory[..self.waiting + marker]);
        }
        let blocks_end = (end + marker).next_multiple_of(BLOCK_BYTES);
        let memory = &mut self.memory[..blocks_end];
        memory[end..].fill(0);
        (self.kept, memory)
    }

    /// All is written, up to `offset` of the segment.
    pub fn written(&mut self, offset: usize) {
        let end = self.kept + self.waiting;
        self.kept = offset % BLOCK_BYTES;
        self.waiting = 0;
        self.flush_bytes = FLUSH_BYTES;
        self.memory.copy_within(end - self.kept..end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file of the tail's writes holds.
    fn apply(file: &mut Vec<u8>, offset: usize, (before, bytes): (usize, &[u8])) {
        let start = offset - before;
        file.resize(file.len().max(start + bytes.len()), 0xee);
        file[start..start + bytes.len()].copy_from_slice(bytes);
    }

    #[test]
    fn a_file_is_what_was_added_whatever_is_written_at_a_time() {
        let sizes = [8, 4096, 600_000, 24, 1_048_576, 300_000, 511_992, 524_288, 16, 900_008];
        let header = [7; 128];
        let mut tail = Tail::new(&header);
        let (mut file, mut wanted) = (header.to_vec(), header.to_vec());
        for (number, size) in sizes.into_iter().cycle().take(60).enumerate() {
            let offset = wanted.len();
            tail.add(size).fill(number as u8);
            wanted.resize(offset + size, number as u8);
            if number % 3 == 1 && !tail.is_full() {
                let more = tail.add(4096);
                more.fill(99);
                wanted.resize(wanted.len() + 4096, 99);
            }
            apply(&mut file, offset, tail.to_write(END_MARKER_BYTES));
            tail.written(wanted.len());
            assert_eq!(file[..wanted.len()], wanted[..]);
            assert!(file[wanted.len()..wanted.len() + END_MARKER_BYTES].iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn much_is_written_in_whole_blocks_of_aligned_memory() {
        let mut tail = Tail::new(&[7; 128]);
        let mut offset = 128;
        for _ in 0..3 {
            tail.add(1_000_000).fill(1);
            let (before, bytes) = tail.to_write(END_MARKER_BYTES);
            assert_eq!((offset - before) % BLOCK_BYTES, 0);
            assert_eq!(bytes.len() % BLOCK_BYTES, 0);
            assert_eq!(bytes.as_ptr().align_offset(BLOCK_BYTES), 0);
            offset += 1_000_000;
            tail.written(offset);
        }
    }

    #[test]
    fn a_new_segment_begins_behind_its_header() {
        let mut tail = Tail::new(&[7; 128]);
        tail.add(1_000_000).fill(1);
        tail.written(1_000_128);
        tail.restart(&[8; 128]);
        tail.add(600_000).fill(2);
        let (before, bytes) = tail.to_write(0);
        assert_eq!(before, 128);
        assert!(bytes[..128].iter().all(|&byte| byte == 8));
        assert!(bytes[128..600_128].iter().all(|&byte| byte == 2));
        assert!(bytes[600_128..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn nothing_is_written_behind_the_end_of_the_last_block() {
        for (size, marker, blocks) in [
            (256 * BLOCK_BYTES - 128, 0, 256),
            (256 * BLOCK_BYTES - 136, 0, 256),
            (256 * BLOCK_BYTES - 144, END_MARKER_BYTES, 256),
            (256 * BLOCK_BYTES - 136, END_MARKER_BYTES, 257),
        ] {
            let mut tail = Tail::new(&[7; 128]);
            tail.add(size).fill(1);
            assert_eq!(tail.to_write(marker).1.len(), blocks * BLOCK_BYTES);
        }
    }

    #[test]
    fn the_largest_record_behind_the_most_that_waits_has_room() {
        let mut tail = Tail::new(&[7; BLOCK_BYTES - 8]);
        tail.add(RECORD_BYTES_MAX - 8);
        assert!(!tail.is_full());
        tail.add(RECORD_BYTES_MAX).fill(1);
        assert!(tail.is_full());
        let (before, bytes) = tail.to_write(END_MARKER_BYTES);
        assert_eq!(before, BLOCK_BYTES - 8);
        assert!(bytes.len() >= BLOCK_BYTES - 8 + 2 * RECORD_BYTES_MAX - 8 + END_MARKER_BYTES);
    }
}
