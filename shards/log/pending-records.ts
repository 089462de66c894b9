// What is to be written to the log and has not been put into a batch yet. Shard thread, hot: rings
// of integers, nothing allocated per message.
//
// Publishes are groups in the order they came, a head and one entry per queue:
//
//   head: origin (acceptor and confirm lane) | handle | number of queues, elided ones included
//   entry: position in the queue             | queue
//
// A message that a queue is done with before its group is put into a batch is elided: its entry
// loses its queue, and a group without any is never written. A group without entries stands for a
// publish that needs no record but whose confirm must not overtake those before it.
import { powerOfTwoAtLeast } from '../../src/base/round.ts';
import type { Queue } from '../queue/queue.ts';

const COLUMNS = 3;
const ORIGIN = 0;
const POSITION = 0;
const HANDLE = 1;
const QUEUE_COUNT = 2;
const INITIAL_ROWS = 1024;
const INDEX_MASK = 0x3fff_ffff;
const RUN_COLUMNS = 3;

/** Rows of three integers one behind the other: ack runs, delivery counts. */
export class RowList {
  rows: Int32Array;
  count: number;
  /** Taken out since the start. */
  removedCount: number;

  constructor() {
    this.rows = new Int32Array(64 * RUN_COLUMNS);
    this.count = 0;
    this.removedCount = 0;
  }

  push(a: number, b: number, c: number): number {
    const index = this.count;
    const at = index * RUN_COLUMNS;
    if (at === this.rows.length) {
      const grown = new Int32Array(this.rows.length * 2);
      grown.set(this.rows);
      this.rows = grown;
    }
    this.rows[at] = a;
    this.rows[at + 1] = b;
    this.rows[at + 2] = c;
    this.count = index + 1;
    return index;
  }

  /** Takes the first `count` rows out. */
  removeFirst(count: number): void {
    this.rows.copyWithin(0, count * RUN_COLUMNS, this.count * RUN_COLUMNS);
    this.count -= count;
    this.removedCount += count;
  }
}

export class PendingRecords {
  /** Ack runs: queue id, first position, how many. */
  readonly acks: RowList;
  /** Delivery counts: queue id, position, deliveries. */
  readonly counts: RowList;
  /** Changes whenever rows leave `acks`: runs of an earlier time cannot be extended any more. */
  private ackGeneration: number;
  private rows: Int32Array;
  private queues: (Queue | undefined)[];
  private mask: number;
  private first: number;
  private end: number;
  /** The group that `add` adds to. */
  private group: number;

  constructor() {
    this.acks = new RowList();
    this.counts = new RowList();
    this.ackGeneration = 1;
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
    this.queues = new Array<Queue | undefined>(INITIAL_ROWS).fill(undefined);
    this.mask = INITIAL_ROWS - 1;
    this.first = 0;
    this.end = 0;
    this.group = 0;
  }

  get hasPublishes(): boolean {
    return this.first !== this.end;
  }

  get isEmpty(): boolean {
    return this.first === this.end && this.acks.count === 0 && this.counts.count === 0;
  }

  /** Begins the group of a publish. */
  begin(origin: number): void {
    this.group = this.end;
    const at = this.push(undefined);
    this.rows[at + ORIGIN] = origin;
    this.rows[at + HANDLE] = -1;
    this.rows[at + QUEUE_COUNT] = 0;
  }

  /** `queue` holds the publish just begun as `handle`; returns the group's index. */
  add(handle: number, queue: Queue, position: number): number {
    const at = this.push(queue);
    this.rows[at + POSITION] = position;
    const head = (this.group & this.mask) * COLUMNS;
    this.rows[head + HANDLE] = handle;
    this.rows[head + QUEUE_COUNT] += 1;
    return this.group;
  }

  /** `queue` is done with its message of this group, which now need not be written for it. */
  elide(group: number, queue: Queue, position: number): void {
    const count = this.rows[(group & this.mask) * COLUMNS + QUEUE_COUNT];
    for (let i = 1; i <= count; i += 1) {
      const row = (group + i) & this.mask;
      if (this.queues[row] !== queue || this.rows[row * COLUMNS + POSITION] !== position) continue;
      this.queues[row] = undefined;
      return;
    }
    throw new Error(`log: no pending record for queue ${queue.id}, position ${position}`);
  }

  /** The oldest group; there must be one. */
  get firstGroup(): number {
    return this.first;
  }

  originOf(group: number): number {
    return this.rows[(group & this.mask) * COLUMNS + ORIGIN];
  }

  handleOf(group: number): number {
    return this.rows[(group & this.mask) * COLUMNS + HANDLE];
  }

  /** Queues of the group, elided ones included. */
  queueCountOf(group: number): number {
    return this.rows[(group & this.mask) * COLUMNS + QUEUE_COUNT];
  }

  /** The group's queue number `i` from 1 on; undefined when elided. */
  queueAt(group: number, i: number): Queue | undefined {
    return this.queues[(group + i) & this.mask];
  }

  positionAt(group: number, i: number): number {
    return this.rows[((group + i) & this.mask) * COLUMNS + POSITION];
  }

  /** The oldest group is in a batch, or needs none. */
  removeFirst(): void {
    const count = this.queueCountOf(this.first);
    for (let i = 1; i <= count; i += 1) this.queues[(this.first + i) & this.mask] = undefined;
    this.first = (this.first + 1 + count) & INDEX_MASK;
  }

  /** `queue` is done with the logged message at `position`. */
  ack(queue: Queue, position: number): void {
    const { acks } = this;
    if (queue.ackGeneration === this.ackGeneration) {
      const at = queue.ackRun * RUN_COLUMNS;
      if (((acks.rows[at + 1] + acks.rows[at + 2]) | 0) === position) {
        acks.rows[at + 2] += 1;
        return;
      }
    }
    queue.ackRun = acks.push(queue.id, position, 1);
    queue.ackGeneration = this.ackGeneration;
  }

  acksTaken(count: number): void {
    this.acks.removeFirst(count);
    this.ackGeneration = (this.ackGeneration + 1) | 0;
  }

  private push(queue: Queue | undefined): number {
    if (((this.end - this.first) & INDEX_MASK) > this.mask) this.grow();
    const row = this.end & this.mask;
    this.queues[row] = queue;
    this.end = (this.end + 1) & INDEX_MASK;
    return row * COLUMNS;
  }

  private grow(): void {
    const rowCount = powerOfTwoAtLeast((this.mask + 1) * 2);
    const rows = new Int32Array(rowCount * COLUMNS);
    const queues = new Array<Queue | undefined>(rowCount).fill(undefined);
    const mask = rowCount - 1;
    for (let index = this.first; index !== this.end; index = (index + 1) & INDEX_MASK) {
      const from = (index & this.mask) * COLUMNS;
      rows.set(this.rows.subarray(from, from + COLUMNS), (index & mask) * COLUMNS);
      queues[index & mask] = this.queues[index & this.mask];
    }
    this.rows = rows;
    this.queues = queues;
    this.mask = mask;
  }
}
