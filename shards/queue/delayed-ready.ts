// The messages of a queue that holds back what an exchange delays: the one due next comes first.
// Shard thread.
//
//   rows by due time (due-rows.ts) | recent: position -> row
//
// Messages are found by their position only soon after they came (they leave memory when they have
// been written), or by their row, which is the hint of ReadyMessages here; cancelling one looks
// through all. Nobody consumes from such a queue, so nothing ever comes back to it.
//
// What is far from due moves on to the depot of the queue (shards/depot), which lends it back when
// it is due soon. Nothing leaves before something that is still in the depot and due earlier.
import { COLUMNS, DueRows, HANDLE, KEPT, LENT, NO_ROW, PLAIN, POSITION } from './due-rows.ts';
import { extendRanges, sortDistinct } from './position-ranges.ts';
import type { ReadyMessages, ReadyVisitor } from './ready-messages.ts';
import type { ReturnedHeap } from './returned-heap.ts';

/** What is due within this time is in memory. */
export const SOON_MILLIS = 10_000;
const RECENT_SIZE = 0x1_0000;
const RECENT_SIZE_MAX = 0x100_0000;
/** As many of the earliest as are read ahead at most. */
const SHOWN_MAX = 1024;
const VERY_DEEP = 0x7fff_ffff;
const NO_COUNTS: ReadonlyMap<number, number> = new Map();

/** When a message is due, and whether that is so far away that it need not stay in memory. */
export interface DelayTimes {
  endOf(handle: number): number;
  isFar(due: number): boolean;
}

/** What the depot asks of messages that are on disk: whether it takes one that is due then. */
export type Takes = (row: number, position: number, due: number, hint: number) => boolean;

export class DelayedReady extends DueRows implements ReadyMessages {
  private readonly times: DelayTimes;
  private recent: Int32Array;
  private next: number;
  /** What is due first in the depot: nothing here leaves before it. */
  private depotDue: number;
  private depotPosition: number;
  /** The row at which the depot looks next. */
  private looked: number;
  /** Told when a message has left memory. */
  onPagedOut: () => void;
  onDiskCount: number;
  handle: number;
  position: number;
  deliveryCount: number;

  constructor(times: DelayTimes) {
    super();
    this.times = times;
    this.recent = new Int32Array(0);
    this.next = 0;
    this.depotDue = Number.POSITIVE_INFINITY;
    this.depotPosition = 0;
    this.looked = 0;
    this.onPagedOut = () => {};
    this.onDiskCount = 0;
    this.handle = -1;
    this.position = 0;
    this.deliveryCount = 0;
  }

  /**
   * When the head, which must exist, is due: Unix milliseconds. Not as long as something in the
   * depot is due before it, which will be lent.
   */
  get headDue(): number {
    const row = this.heap[0];
    const due = this.dues[row];
    if (due < this.depotDue) return due;
    const isFirst =
      due === this.depotDue && ((this.rows[row * COLUMNS] - this.depotPosition) | 0) < 0;
    return isFirst ? due : Number.POSITIVE_INFINITY;
  }

  /** When the first message, here or in the depot, is due; undefined: there is none. */
  get nextDue(): number | undefined {
    const head = this.isEmpty ? Number.POSITIVE_INFINITY : this.dues[this.heap[0]];
    const due = Math.min(head, this.depotDue);
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  get nextPosition(): number {
    return this.next;
  }

  get redeliveredEnd(): undefined {
    return undefined;
  }

  get countsOfRecovered(): ReadonlyMap<number, number> {
    return NO_COUNTS;
  }

  /** Nothing is read ahead but what is due. */
  get loadedCount(): number {
    return -1;
  }

  append(handle: number): number {
    const position = this.next;
    this.next = (position + 1) | 0;
    this.makeRecentRoom(position);
    const row = this.add(handle, position, this.times.endOf(handle), PLAIN);
    this.recent[position & (this.recent.length - 1)] = row;
    return position;
  }

  putBack(): void {
    throw new Error('a delayed message cannot come back: nobody gets it');
  }

  peek(): number {
    return this.rows[this.heap[0] * COLUMNS + HANDLE];
  }

  peekIsRedelivered(): boolean {
    return false;
  }

  peekDeliveryCount(): number {
    return 0;
  }

  take(): void {
    const row = this.heap[0];
    this.handle = this.rows[row * COLUMNS + HANDLE];
    this.position = this.rows[row * COLUMNS + POSITION];
    this.drop(row);
  }

  /** Of what comes next nobody knows yet when it is due: as far as memory goes it is far away. */
  depthOf(position: number): number {
    if (position === this.next) return VERY_DEEP;
    const row = this.rowOf(position);
    return row !== NO_ROW && this.times.isFar(this.dues[row]) ? VERY_DEEP : 0;
  }

  at(position: number): number | undefined {
    const row = this.rowOf(position);
    return row === NO_ROW ? undefined : this.rows[row * COLUMNS + HANDLE];
  }

  hasReturned(position: number, handle: number, hint: number): boolean {
    return this.isAt(hint, position) && this.rows[hint * COLUMNS + HANDLE] === handle;
  }

  replace(position: number, from: number, to: number, hint: number): boolean {
    const row = this.isAt(hint, position) ? hint : this.rowOf(position);
    if (row === NO_ROW || this.rows[row * COLUMNS + HANDLE] !== from) return false;
    this.rows[row * COLUMNS + HANDLE] = to;
    if (from < 0) this.onDiskCount -= 1;
    if (to < 0) {
      this.onDiskCount += 1;
      this.onPagedOut();
    }
    return true;
  }

  /** Rare: looks through all. */
  remove(position: number, handle: number): boolean {
    const row = this.lookFor(position);
    if (row === NO_ROW || this.rows[row * COLUMNS + HANDLE] !== handle) return false;
    this.drop(row);
    return true;
  }

  /** As `remove`, for who knows the row. */
  removeAt(hint: number, position: number, handle: number): boolean {
    if (!this.hasReturned(position, handle, hint)) return false;
    this.drop(hint);
    return true;
  }

  /** The depot lends a message, which is in memory. */
  lend(handle: number, position: number, due: number): void {
    this.add(handle, position, due, LENT);
  }

  /** What is due first of all that the depot has and has not lent; Infinity: nothing. */
  depotHas(due: number, position: number): void {
    this.depotDue = due;
    this.depotPosition = position;
  }

  /** So early that nothing in the depot is due before: what is lent must be able to leave. */
  dueBeforeDepot(now: number): number {
    return Math.min(now, this.depotDue - 1);
  }

  /** The depot holds this position: no message to come may have it, or an earlier one. */
  reserve(position: number): void {
    if (((position - this.next) | 0) >= 0) this.next = (position + 1) | 0;
  }

  /**
   * Shows messages that are on disk until `takes` says no, at most all of them once; goes on there
   * the next time.
   */
  showFar(takes: Takes): void {
    for (let left = this.rowCount; left > 0; left -= 1) {
      if (this.looked >= this.rowCount) this.looked = 0;
      const row = this.looked;
      const at = row * COLUMNS;
      this.looked += 1;
      const handle = this.rows[at + HANDLE];
      if (this.marks[row] !== PLAIN || handle >= 0 || !this.isUsed(row)) continue;
      if (!takes(~handle, this.rows[at + POSITION], this.dues[row], row)) return;
    }
  }

  /** Takes out those at these positions; `gone` is told of each. Looks through all. */
  removeAll(
    positions: ReadonlySet<number>,
    gone: (position: number, handle: number) => void,
  ): void {
    for (let row = 0; row < this.rowCount; row += 1) {
      const position = this.rows[row * COLUMNS + POSITION];
      if (!this.isUsed(row) || !positions.has(position)) continue;
      const handle = this.rows[row * COLUMNS + HANDLE];
      this.drop(row);
      gone(position, handle);
    }
  }

  /** The message in row `hint` is not for the depot. */
  keep(hint: number, position: number): void {
    if (this.isAt(hint, position)) this.marks[hint] = KEPT;
  }

  /** The handle of the message at `position`, wherever it is; looks through all. */
  find(position: number): number | undefined {
    const row = this.lookFor(position);
    return row === NO_ROW ? undefined : this.rows[row * COLUMNS + HANDLE];
  }

  /** The message at `position` is due at `due` at the latest; false when it is not here. */
  setDue(position: number, due: number): boolean {
    const row = this.lookFor(position);
    if (row === NO_ROW) return false;
    if (due < this.dues[row]) this.moveRow(row, due);
    return true;
  }

  restore(positions: Int32Array, handles: Int32Array, nextPosition: number): void {
    this.next = nextPosition;
    for (let i = 0; i < positions.length; i += 1) {
      this.add(handles[i], positions[i], this.times.endOf(handles[i]), PLAIN);
    }
  }

  forgetLoaded(): void {}

  /** The head, and what is due soon after it: what is far away stays on disk. */
  showOnDisk(visitor: ReadyVisitor): void {
    let left = SHOWN_MAX;
    for (const row of this.inOrder()) {
      if (left === 0 || (left < SHOWN_MAX && this.times.isFar(this.dues[row]))) return;
      left -= 1;
      const handle = this.rows[row * COLUMNS + HANDLE];
      if (handle < 0 && !visitor.see(handle, this.rows[row * COLUMNS + POSITION], row)) return;
    }
  }

  showLoaded(visitor: ReadyVisitor): void {
    for (let place = 0; place < this.length; place += 1) {
      const row = this.heap[place];
      const at = row * COLUMNS;
      if (!visitor.see(this.rows[at + HANDLE], this.rows[at + POSITION], row)) return;
    }
  }

  /** Without what is lent: what the log still has of it must not come back. */
  ranges(others: readonly number[]): number[] {
    // Less the newest position, so that plain numbers are in the order of positions.
    const all = new Int32Array(this.length + others.length);
    let count = 0;
    for (let place = 0; place < this.length; place += 1) {
      const row = this.heap[place];
      if (this.marks[row] === LENT) continue;
      all[count] = this.rows[row * COLUMNS + POSITION] - this.next;
      count += 1;
    }
    for (const [i, position] of others.entries()) all[count + i] = position - this.next;
    const positions = all.subarray(0, count + others.length);
    sortDistinct(positions);
    const ranges: number[] = [];
    for (const position of positions) extendRanges(ranges, (position + this.next) | 0, 1);
    return ranges;
  }

  returnedHeaps(): readonly ReturnedHeap[] {
    return [];
  }

  /** `count` messages by their due times, behind `offset` others: position, due, handle, ... */
  list(offset: number, count: number): number[] {
    const listed: number[] = [];
    let seen = 0;
    for (const row of this.inOrder()) {
      if (seen >= offset + count) break;
      const at = row * COLUMNS;
      if (seen >= offset) {
        listed.push(this.rows[at + POSITION], this.dues[row], this.rows[at + HANDLE]);
      }
      seen += 1;
    }
    return listed;
  }

  private rowOf(position: number): number {
    if (this.recent.length === 0) return NO_ROW;
    const row = this.recent[position & (this.recent.length - 1)];
    return this.isAt(row, position) ? row : NO_ROW;
  }

  private lookFor(position: number): number {
    const recent = this.rowOf(position);
    if (recent !== NO_ROW) return recent;
    for (let row = 0; row < this.rowCount; row += 1) if (this.isAt(row, position)) return row;
    return NO_ROW;
  }

  /** What is in memory has to be found when it has been written: it is not pushed out. */
  private makeRecentRoom(position: number): void {
    const { length } = this.recent;
    if (length === 0) this.recent = new Int32Array(RECENT_SIZE);
    if (length === 0 || length === RECENT_SIZE_MAX) return;
    const oldest = (position - length) | 0;
    const row = this.rowOf(oldest);
    if (row === NO_ROW || this.rows[row * COLUMNS + HANDLE] < 0) return;
    const grown = new Int32Array(length * 2);
    for (let at = oldest; at !== position; at = (at + 1) | 0) {
      grown[at & (grown.length - 1)] = this.recent[at & (length - 1)];
    }
    this.recent = grown;
  }

  private add(handle: number, position: number, due: number, mark: number): number {
    if (handle < 0) this.onDiskCount += 1;
    return this.addRow(position, handle, due, mark);
  }

  private drop(row: number): void {
    if (this.rows[row * COLUMNS + HANDLE] < 0) this.onDiskCount -= 1;
    this.removeRow(row);
  }
}
