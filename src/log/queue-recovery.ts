// What recovery learns about one queue: which messages the log holds for it, which it is done with,
// and how far its numbering got. Shard threads at start, and `warrenmq inspect`. The order in which
// it learns does not matter (docs/log-format.md, "What recovery makes of it").
import type { QueueCheckpoint } from './checkpoint-reading.ts';
import { isInRanges } from './position-in-ranges.ts';

const INITIAL_LENGTH = 16;

/** Integers in a growing array. */
class Numbers {
  values = new Int32Array(INITIAL_LENGTH);
  count = 0;

  push(value: number): void {
    if (this.count === this.values.length) {
      const grown = new Int32Array(this.values.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.count] = value;
    this.count += 1;
  }
}

export interface RecoveredMessages {
  /** Ascending. */
  readonly positions: Int32Array;
  /** ~row each. */
  readonly handles: Int32Array;
  readonly nextPosition: number;
  readonly counts: ReadonlyMap<number, number>;
  /** Messages before this position count as delivered before; undefined: none. */
  readonly redeliveredUntil: number | undefined;
}

export class QueueRecovery {
  private readonly checkpoint: QueueCheckpoint | undefined;
  private readonly positions = new Numbers();
  private readonly rows = new Numbers();
  /** first, end (exclusive), first, end, ... */
  private readonly acks = new Numbers();
  private readonly counts = new Map<number, number>();
  /** What the checkpoint says of an earlier crash. */
  private readonly redeliveredUntil: number | undefined;
  private nextPosition: number;
  private isNextKnown: boolean;
  private isAscending: boolean;

  constructor(checkpoint: QueueCheckpoint | undefined) {
    this.checkpoint = checkpoint;
    this.nextPosition = checkpoint?.nextPosition ?? 0;
    this.isNextKnown = checkpoint !== undefined;
    this.isAscending = true;
    const counts = checkpoint?.counts ?? [];
    this.redeliveredUntil = undefined;
    for (let i = 0; i < counts.length; i += 2) {
      if (counts[i + 1] === 0) this.redeliveredUntil = counts[i];
      else this.counts.set(counts[i], counts[i + 1]);
    }
  }

  /** Whether the checkpoint lets a message of this position be alive. */
  mayHold(position: number): boolean {
    const { checkpoint } = this;
    if (checkpoint === undefined) return true;
    if (((position - checkpoint.nextPosition) | 0) >= 0) return true;
    return isInRanges(checkpoint.ranges, position);
  }

  published(position: number, row: number): void {
    const { count, values } = this.positions;
    if (count > 0 && ((position - values[count - 1]) | 0) <= 0) this.isAscending = false;
    this.positions.push(position);
    this.rows.push(row);
    this.reached((position + 1) | 0);
  }

  acked(first: number, count: number): void {
    const end = (first + count) | 0;
    this.acks.push(first);
    this.acks.push(end);
    this.reached(end);
  }

  counted(position: number, deliveries: number): void {
    this.counts.set(position, Math.max(deliveries, this.counts.get(position) ?? 0));
  }

  /** The messages that are left; `drop` is told of every row that the queue does not need. */
  finish(drop: (row: number) => void): RecoveredMessages {
    const order = this.order();
    const runs = sortedRuns(this.acks.values.subarray(0, this.acks.count));
    const positions = new Int32Array(order.length);
    const handles = new Int32Array(order.length);
    const counts = new Map<number, number>();
    let count = 0;
    let run = 0;
    for (const index of order) {
      const position = this.positions.values[index];
      const row = this.rows.values[index];
      while (run < runs.length && ((runs[run + 1] - position) | 0) <= 0) run += 2;
      const isAcked = run < runs.length && ((runs[run] - position) | 0) <= 0;
      // A message that was moved by cleaning is there twice; either will do.
      const isTwice = count > 0 && positions[count - 1] === position;
      if (isAcked || isTwice) {
        drop(row);
        continue;
      }
      positions[count] = position;
      handles[count] = ~row;
      count += 1;
      const deliveries = this.counts.get(position);
      if (deliveries !== undefined) counts.set(position, deliveries);
    }
    return {
      positions: positions.subarray(0, count),
      handles: handles.subarray(0, count),
      nextPosition: this.nextPosition,
      redeliveredUntil: this.redeliveredUntil,
      counts,
    };
  }

  private reached(next: number): void {
    if (this.isNextKnown && ((next - this.nextPosition) | 0) <= 0) return;
    this.isNextKnown = true;
    this.nextPosition = next;
  }

  /** Indexes of the publishes, ascending by position. */
  private order(): Int32Array {
    const { count, values } = this.positions;
    const order = new Int32Array(count);
    for (let index = 0; index < count; index += 1) order[index] = index;
    if (!this.isAscending) order.sort((a, b) => (values[a] - values[b]) | 0 || a - b);
    return order;
  }
}

/** Runs (first, end) sorted by their first; they may overlap. */
function sortedRuns(runs: Int32Array): Int32Array {
  const order = Array.from({ length: runs.length / 2 }, (_value, index) => index * 2);
  order.sort((a, b) => (runs[a] - runs[b]) | 0);
  const sorted: number[] = [];
  for (const at of order) {
    const end = sorted.at(-1);
    if (end !== undefined && ((runs[at] - end) | 0) <= 0) {
      if (((runs[at + 1] - end) | 0) > 0) sorted[sorted.length - 1] = runs[at + 1];
    } else {
      sorted.push(runs[at], runs[at + 1]);
    }
  }
  return Int32Array.from(sorted);
}
