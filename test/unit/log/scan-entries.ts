// Test support: entries of a scan (src/log/log.ts, Scan.entries), written down record by record.
import * as log from '../../../src/log/log.ts';

export interface EntryOptions {
  readonly flags?: number;
  readonly count?: number;
  readonly offset?: number;
  readonly inner?: number;
  readonly dataBytes?: number;
  readonly recordBytes?: number;
}

/** One entry; `words` is what follows the record's header. */
export function entry(
  kind: number,
  words: readonly number[],
  options: EntryOptions = {},
): number[] {
  const { flags = 0, count = 0, offset = 128, inner = -1 } = options;
  const { dataBytes = 0, recordBytes = 64 } = options;
  const head = kind | (flags << 8) | (count << 16);
  return [head, offset, inner, dataBytes, recordBytes, words.length, ...words];
}

export function entries(...records: readonly number[][]): Int32Array {
  return Int32Array.from(records.flat());
}

/** A CHECKPOINT that says to have so many QUEUE records. */
export function checkpointEntry(
  position: number,
  queueRecords: number,
  isClean: boolean,
): number[] {
  const words = [(position % 2 ** 32) | 0, Math.floor(position / 2 ** 32), queueRecords];
  return entry(log.CHECKPOINT, [...words, isClean ? 1 : 0]);
}

export function queueEntry(
  id: number,
  next: number,
  ranges: readonly number[],
  counts: readonly number[],
): number[] {
  const sizes = [ranges.length / 2, counts.length / 2];
  return entry(log.QUEUE, [id, next, ...sizes, ...ranges, ...counts]);
}
