// How fast this machine's disk takes a log: one file after the other written from start to end in
// large blocks, synced every few blocks, as the broker's log does under load. Bench process.
// Invariant: the files were written before (their blocks exist), so that only data are measured.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BLOCK_BYTES = 1024 * 1024;
const FILE_BLOCKS = 32;
const FILES = 8;
/** Blocks per sync. */
const BLOCKS_PER_SYNC = 8;

export interface DiskResult {
  readonly bytesPerSecond: number;
  readonly syncMicros: number;
}

/** In the directory for temporary files, where the benchmarks' brokers have theirs. */
export function measureDisk(seconds: number): DiskResult {
  const directory = mkdtempSync(path.join(tmpdir(), 'warrenmq-disk-'));
  const files = Array.from({ length: FILES }, (_value, i) =>
    openSync(path.join(directory, String(i)), 'w+'),
  );
  try {
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    for (const file of files) fill(file, block);
    const start = performance.now();
    let blocks = 0;
    let syncs = 0;
    let syncMillis = 0;
    while (performance.now() - start < seconds * 1000) {
      const file = files[Math.floor(blocks / FILE_BLOCKS) % FILES];
      writeSync(file, block, 0, BLOCK_BYTES, (blocks % FILE_BLOCKS) * BLOCK_BYTES);
      blocks += 1;
      if (blocks % BLOCKS_PER_SYNC !== 0) continue;
      const before = performance.now();
      fdatasyncSync(file);
      syncMillis += performance.now() - before;
      syncs += 1;
    }
    const elapsedSeconds = (performance.now() - start) / 1000;
    return {
      bytesPerSecond: (blocks * BLOCK_BYTES) / elapsedSeconds,
      syncMicros: (syncMillis / syncs) * 1000,
    };
  } finally {
    for (const file of files) closeSync(file);
    rmSync(directory, { recursive: true });
  }
}

function fill(file: number, block: Buffer): void {
  for (let i = 0; i < FILE_BLOCKS; i += 1) writeSync(file, block, 0, BLOCK_BYTES, i * BLOCK_BYTES);
  fdatasyncSync(file);
}
