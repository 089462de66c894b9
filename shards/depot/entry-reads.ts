// Reads messages of a depot from their files: those that stand close together at once. Shard
// thread, cold. What does not check out any more is undefined.
import { open } from 'node:fs/promises';
import { viewOf, wholeEntry } from '../../src/log/depot/entry-format.ts';
import { readPart } from '../../src/log/depot/file-scan.ts';
import type { DepotDirectory } from './depot-directory.ts';
import type { Stored } from './near-period.ts';
import type { PeriodFile } from './period.ts';

const READ_BYTES_MAX = 256 * 1024;
const GAP_BYTES_MAX = 4096;

/** The entries of `wanted`, in its order; each is a part of what was read, not to be kept. */
export async function readEntries(
  directory: DepotDirectory,
  wanted: readonly Stored[],
): Promise<(Buffer | undefined)[]> {
  const found: (Buffer | undefined)[] = wanted.map(() => undefined);
  const byFile = new Map<PeriodFile, number[]>();
  for (const [i, { file }] of wanted.entries()) {
    const indexes = byFile.get(file);
    if (indexes === undefined) byFile.set(file, [i]);
    else indexes.push(i);
  }
  for (const [file, indexes] of byFile) {
    indexes.sort((a, b) => wanted[a].offset - wanted[b].offset);
    await readFrom(directory, file, wanted, indexes, found);
  }
  return found;
}

async function readFrom(
  directory: DepotDirectory,
  file: PeriodFile,
  wanted: readonly Stored[],
  indexes: readonly number[],
  found: (Buffer | undefined)[],
): Promise<void> {
  const handle = await open(directory.file(file.name), 'r');
  try {
    for (let first = 0; first < indexes.length; ) {
      const from = wanted[indexes[first]].offset;
      let next = first;
      let end = from;
      while (next < indexes.length) {
        const { offset, entryBytes } = wanted[indexes[next]];
        const isClose =
          offset - end <= GAP_BYTES_MAX && offset + entryBytes - from <= READ_BYTES_MAX;
        if (next > first && !isClose) break;
        end = offset + entryBytes;
        next += 1;
      }
      const part = await readPart(handle, from, end - from);
      const view = viewOf(part);
      for (; first < next; first += 1) {
        const { offset, entryBytes } = wanted[indexes[first]];
        const at = offset - from;
        const bytes = wholeEntry(view, at, part.length, file.seed!, offset);
        if (bytes === entryBytes) found[indexes[first]] = part.subarray(at, at + bytes);
      }
    }
  } finally {
    await handle.close();
  }
}
