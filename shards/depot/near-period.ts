// One period of a depot that has drawn near: where each of its messages stands, in the order in
// which they are due. Shard thread. About 100 bytes per message of the period; its files go when
// all of them are done with.
import type { Period, PeriodFile } from './period.ts';

const WAITING = 0;
const LENT = 1;
const DONE = 2;

/** A message that stands in a file, as rows and listings name it. */
export interface Stored {
  readonly position: number;
  readonly due: number;
  readonly file: PeriodFile;
  readonly offset: number;
  readonly entryBytes: number;
  readonly dataBytes: number;
}

export class NearPeriod {
  readonly files: readonly PeriodFile[];
  /** Messages that wait, and their bytes. */
  count: number;
  bytes: number;
  /** Not done with: waiting, or lent. */
  private left: number;
  private readonly rows: Stored[];
  private readonly states: Uint8Array;
  /** Everything before this row is lent, or done with. */
  private next: number;
  /** Positions of entries that are there and do not count. */
  readonly skipped: readonly number[];

  constructor(period: Period, rows: Stored[], skipped: readonly number[]) {
    rows.sort(byDue);
    this.files = period.files;
    this.rows = rows;
    this.skipped = skipped;
    this.states = new Uint8Array(rows.length);
    this.count = rows.length;
    this.bytes = rows.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
    this.left = rows.length;
    this.next = 0;
  }

  get isDone(): boolean {
    return this.left === 0;
  }

  /** The first that waits; -1: none. */
  get first(): number {
    while (this.next < this.rows.length && this.states[this.next] !== WAITING) this.next += 1;
    return this.next < this.rows.length ? this.next : -1;
  }

  /** The next behind `row` that waits; -1: none. */
  nextWaiting(row: number): number {
    let next = row + 1;
    while (next < this.rows.length && this.states[next] !== WAITING) next += 1;
    return next < this.rows.length ? next : -1;
  }

  at(row: number): Stored {
    return this.rows[row];
  }

  isWaiting(row: number): boolean {
    return this.states[row] === WAITING;
  }

  lend(row: number): void {
    this.states[row] = LENT;
    this.leaves(row);
  }

  /** It was lent, or waits. */
  finish(row: number): void {
    if (this.states[row] === DONE) return;
    if (this.states[row] === WAITING) this.leaves(row);
    this.states[row] = DONE;
    this.left -= 1;
  }

  private leaves(row: number): void {
    this.count -= 1;
    this.bytes -= this.rows[row].dataBytes;
  }

  /** The row of a message that waits; -1: it is not here. */
  find(position: number): number {
    return this.rows.findIndex(
      (one, row) => one.position === position && this.states[row] === WAITING,
    );
  }

  /** Those that wait, the next due first. */
  *waiting(): Generator<Stored, undefined> {
    for (let row = this.first; row >= 0; row = this.nextWaiting(row)) yield this.rows[row];
  }

  /** Positions that are done with and whose entries are still there. */
  *donePositions(): Generator<number, undefined> {
    for (let row = 0; row < this.rows.length; row += 1) {
      if (this.states[row] === DONE) yield this.rows[row].position;
    }
  }
}

/** Among those due together the one that came first. */
export function byDue(a: Stored, b: Stored): number {
  return a.due - b.due || (a.position - b.position) | 0;
}
