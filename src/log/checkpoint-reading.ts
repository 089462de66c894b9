// What a checkpoint says (docs/log-format.md, kinds CHECKPOINT and QUEUE), from the entries of its
// scan. Shard threads at start, and `warrenmq inspect`. One of which a QUEUE record is missing does
// not count: a queue's ranges may be spread over several, and those that lack would lose messages.
import { CHECKPOINT, ENTRY_EXTRA, ENTRY_WORDS, QUEUE } from './log.ts';

export interface CheckpointState {
  /** Up to where the log is covered. */
  readonly position: number;
  /** The broker was stopped in order, and nothing follows. */
  readonly isClean: boolean;
  readonly queues: ReadonlyMap<number, QueueCheckpoint>;
}

/** What a checkpoint says of a queue. */
export interface QueueCheckpoint {
  readonly nextPosition: number;
  /** first, how many, first, how many, ...: ascending. */
  readonly ranges: Int32Array;
  /** position, deliveries, position, deliveries, ... */
  readonly counts: Int32Array;
}

/** Undefined when it is not all there. */
export function checkpointFrom(entries: Int32Array): CheckpointState | undefined {
  let head: { position: number; isClean: boolean; records: number } | undefined;
  let records = 0;
  const ranges = new Map<number, number[]>();
  const counts = new Map<number, number[]>();
  const next = new Map<number, number>();
  for (let at = 0; at < entries.length; ) {
    const kind = entries[at] & 0xff;
    const from = at + ENTRY_WORDS;
    at = from + entries[at + ENTRY_EXTRA];
    if (kind === CHECKPOINT) {
      const position = (entries[from] >>> 0) + (entries[from + 1] >>> 0) * 2 ** 32;
      head = { position, isClean: entries[from + 3] === 1, records: entries[from + 2] >>> 0 };
    } else if (kind === QUEUE) {
      records += 1;
      const id = entries[from];
      next.set(id, entries[from + 1]);
      const rangesEnd = from + 4 + (entries[from + 2] >>> 0) * 2;
      const countsEnd = rangesEnd + (entries[from + 3] >>> 0) * 2;
      pushAll(ranges, id, entries.subarray(from + 4, rangesEnd));
      pushAll(counts, id, entries.subarray(rangesEnd, countsEnd));
    }
  }
  if (head === undefined || records !== head.records) return undefined;
  const queues = new Map<number, QueueCheckpoint>();
  for (const [id, nextPosition] of next) {
    queues.set(id, {
      nextPosition,
      ranges: Int32Array.from(ranges.get(id)!),
      counts: Int32Array.from(counts.get(id)!),
    });
  }
  return { position: head.position, isClean: head.isClean, queues };
}

function pushAll(lists: Map<number, number[]>, id: number, values: Int32Array): void {
  const list = lists.get(id);
  if (list === undefined) lists.set(id, [...values]);
  else for (const value of values) list.push(value);
}
