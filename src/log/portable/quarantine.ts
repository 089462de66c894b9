// Keeps a copy of what was found corrupt, for people to look at: `quarantine/NAME-OFFSET.bad`.
// Main and shard threads. Nothing depends on it: what cannot be copied is left where it is.
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import type { DiskFile } from './disk.ts';

const PIECE_BYTES = 1024 * 1024;

/** Copies ranges (from, to, from, to, ...) of a file; those copied before are left alone. */
export async function quarantine(
  directory: string,
  name: string,
  file: DiskFile,
  ranges: readonly number[],
): Promise<void> {
  const folder = path.join(directory, 'quarantine');
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    for (let at = 0; at < ranges.length; at += 2) {
      const copy = path.join(folder, `${name}-${ranges[at]}.bad`);
      await copyRange(file, copy, ranges[at], ranges[at + 1]);
    }
  } catch {
    // The report of the corruption matters, and it does not wait for a full or read-only disk.
  }
}

async function copyRange(file: DiskFile, copy: string, from: number, to: number): Promise<void> {
  const target = await open(copy, 'wx', 0o640).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (target === undefined) return;
  try {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, to - from));
    for (let at = from; at < to; at += piece.byteLength) {
      const read = await file.read(piece.subarray(0, Math.min(piece.byteLength, to - at)), at);
      await target.writeFile(piece.subarray(0, read));
      if (read < piece.byteLength) break;
    }
  } finally {
    await target.close();
  }
}
