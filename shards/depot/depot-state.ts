// What a depot knows of its messages: the periods that are far, those that have drawn near, and
// what is lent to the queue. Shard thread. Everything here is changed between waits, never across
// one; whoever has waited looks at `epoch`: when it is another one, all messages were dropped
// meanwhile.
import { DELAYED_DATA_BYTES_MAX, type DepotSurroundings } from './depot-surroundings.ts';
import type { DelayedReady } from '../queue/delayed-ready.ts';
import type { Queue } from '../queue/queue.ts';
import { DepotDirectory } from './depot-directory.ts';
import { DoneLog } from './done-log.ts';
import type { NearPeriod } from './near-period.ts';
import { Period, periodKey } from './period.ts';
import { PeriodLengths } from './periods.ts';

/** Messages that the queue has of the depot at once: with it, or on their way. */
export const LENT_MAX = 1024;

/** A lent message whose period has drawn near. */
export interface Lent {
  readonly near: NearPeriod;
  readonly row: number;
}

export class DepotState {
  readonly queue: Queue;
  readonly delayed: DelayedReady;
  readonly around: DepotSurroundings;
  readonly lengths: PeriodLengths;
  readonly directory: DepotDirectory;
  readonly done: DoneLog;
  /** By key. */
  readonly periods: Map<string, Period>;
  readonly nears: Set<NearPeriod>;
  /** By position; undefined: it is in a file that nobody has looked into yet. */
  readonly lent: Map<number, Lent | undefined>;
  epoch: number;
  private nextFileId: number;

  constructor(queue: Queue, delayed: DelayedReady, path: string, around: DepotSurroundings) {
    this.queue = queue;
    this.delayed = delayed;
    this.around = around;
    this.lengths = new PeriodLengths(around.finestShift);
    this.directory = new DepotDirectory(path);
    this.done = new DoneLog(this.directory, queue.id, () => this.donePositions());
    this.periods = new Map();
    this.nears = new Set();
    this.lent = new Map();
    this.epoch = 0;
    this.nextFileId = 1;
  }

  /** Messages that wait in the depot; what is lent is the queue's. */
  get count(): number {
    return this.sum(({ count }) => count);
  }

  get bytes(): number {
    return this.sum(({ bytes }) => bytes);
  }

  private sum(of: (one: { readonly count: number; readonly bytes: number }) => number): number {
    let sum = 0;
    for (const period of this.periods.values()) sum += of(period);
    for (const near of this.nears) sum += of(near);
    return sum;
  }

  /** Larger messages stay in the log. */
  get dataBytesMax(): number {
    return Math.min(this.around.inlineBytesMax, DELAYED_DATA_BYTES_MAX);
  }

  takeFileId(): number {
    const id = this.nextFileId;
    this.nextFileId = id + 1;
    return id;
  }

  /** A file of this id is there. */
  seeFileId(id: number): void {
    this.nextFileId = Math.max(this.nextFileId, id + 1);
  }

  /** The period, which may be new. */
  periodAt(shift: number, number: number): Period {
    const key = periodKey(shift, number);
    const known = this.periods.get(key);
    if (known !== undefined) return known;
    const period = new Period(shift, number);
    this.periods.set(key, period);
    return period;
  }

  /** The queue must not send anything on before what is due first here. */
  tellFirst(): void {
    let due = Number.POSITIVE_INFINITY;
    let position = 0;
    for (const near of this.nears) {
      const row = near.first;
      if (row < 0) continue;
      const first = near.at(row);
      if (first.due > due) continue;
      if (first.due === due && ((first.position - position) | 0) >= 0) continue;
      ({ due, position } = first);
    }
    for (const period of this.periods.values()) {
      if (period.count === 0 || period.firstDue > due) continue;
      due = period.firstDue;
      // Any of its messages may be due then: nothing of the same time passes.
      position = (this.delayed.nextPosition + 0x8000_0000) | 0;
    }
    this.delayed.depotHas(due, position);
  }

  /** Of periods that have drawn near: what is done with and whose entry is still there. */
  private *donePositions(): Generator<number, undefined> {
    for (const near of this.nears) yield* near.donePositions();
  }

  /** Nothing waits any more. */
  clear(): void {
    this.epoch += 1;
    this.periods.clear();
    this.nears.clear();
    this.lent.clear();
    this.done.clear();
    this.tellFirst();
  }

  damaged(file: string, ranges: readonly number[]): void {
    for (let i = 0; i < ranges.length; i += 2) {
      const range = `${file}, bytes ${ranges[i]} to ${ranges[i + 1]}`;
      this.around.notify({ kind: 'depot-damage', queueId: this.queue.id, range });
    }
  }
}
