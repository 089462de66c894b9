// The messages of a queue that holds back what an exchange delays: the one due next comes first.
// Shard thread.
//
//   heap: rows by due time | rows: due | position, handle, place in the heap
//   recent: position -> row
//
// 28 bytes per message, wherever its data are. Messages are found by their position only soon after
// they came (they leave memory when they have been written), or by their row, which is the hint of
// ReadyMessages here; cancelling one looks through all. Nobody consumes from such a queue, so
// nothing ever comes back to it.
import { placesInOrder } from './due-order.ts';
import { extendRanges, sortDistinct } from './position-ranges.ts';
import type { ReadyMessages, ReadyVisitor } from './ready-messages.ts';
import type { ReturnedHeap } from './returned-heap.ts';

const COLUMNS = 3;
const POSITION = 0;
const HANDLE = 1;
const PLACE = 2;
const INITIAL_ROWS = 64;
const NO_ROW = -1;
/** A free row: then its position is the next free row. */
const FREE = -2;
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

export class DelayedReady implements ReadyMessages {
  private readonly times: DelayTimes;
  private dues: Float64Array;
  private rows: Int32Array;
  private heap: Int32Array;
  private recent: Int32Array;
  private rowCount: number;
  private firstFree: number;
  private next: number;
  length: number;
  onDiskCount: number;
  handle: number;
  position: number;
  deliveryCount: number;

  constructor(times: DelayTimes) {
    this.times = times;
    this.dues = new Float64Array(INITIAL_ROWS);
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
    this.heap = new Int32Array(INITIAL_ROWS);
    this.recent = new Int32Array(0);
    this.rowCount = 0;
    this.firstFree = NO_ROW;
    this.next = 0;
    this.length = 0;
    this.onDiskCount = 0;
    this.handle = -1;
    this.position = 0;
    this.deliveryCount = 0;
  }

  /** When the head, which must exist, is due: Unix milliseconds. */
  get headDue(): number {
    return this.dues[this.heap[0]];
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
    this.recent[position & (this.recent.length - 1)] = this.add(handle, position);
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
    this.removeRow(row);
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
    if (to < 0) this.onDiskCount += 1;
    return true;
  }

  /** Rare: looks through all. */
  remove(position: number, handle: number): boolean {
    const row = this.lookFor(position);
    if (row === NO_ROW || this.rows[row * COLUMNS + HANDLE] !== handle) return false;
    this.removeRow(row);
    return true;
  }

  /** The handle of the message at `position`, wherever it is; looks through all. */
  find(position: number): number | undefined {
    const row = this.lookFor(position);
    return row === NO_ROW ? undefined : this.rows[row * COLUMNS + HANDLE];
  }

  /** The message at `position` is due at `due` instead; false when it is not here. */
  setDue(position: number, due: number): boolean {
    const row = this.lookFor(position);
    if (row === NO_ROW) return false;
    this.dues[row] = due;
    this.rise(row, this.rows[row * COLUMNS + PLACE]);
    this.sink(row, this.rows[row * COLUMNS + PLACE]);
    return true;
  }

  restore(positions: Int32Array, handles: Int32Array, nextPosition: number): void {
    this.next = nextPosition;
    for (let i = 0; i < positions.length; i += 1) this.add(handles[i], positions[i]);
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

  ranges(others: readonly number[]): number[] {
    // Less the newest position, so that plain numbers are in the order of positions.
    const positions = new Int32Array(this.length + others.length);
    for (let place = 0; place < this.length; place += 1) {
      positions[place] = this.rows[this.heap[place] * COLUMNS + POSITION] - this.next;
    }
    for (const [i, position] of others.entries()) positions[this.length + i] = position - this.next;
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

  private *inOrder(): Generator<number, undefined> {
    const { heap } = this;
    const isBefore = (a: number, b: number): boolean => this.isBefore(heap[a], heap[b]);
    for (const place of placesInOrder(this.length, isBefore)) yield heap[place];
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

  private isAt(row: number, position: number): boolean {
    const at = row * COLUMNS;
    if (row < 0 || row >= this.rowCount || this.rows[at + PLACE] === FREE) return false;
    return this.rows[at + POSITION] === position;
  }

  private add(handle: number, position: number): number {
    const row = this.takeRow();
    const at = row * COLUMNS;
    this.rows[at + POSITION] = position;
    this.rows[at + HANDLE] = handle;
    this.dues[row] = this.times.endOf(handle);
    const place = this.length;
    this.length = place + 1;
    this.rise(row, place);
    if (handle < 0) this.onDiskCount += 1;
    return row;
  }

  private removeRow(row: number): void {
    const at = row * COLUMNS;
    const place = this.rows[at + PLACE];
    if (this.rows[at + HANDLE] < 0) this.onDiskCount -= 1;
    this.rows[at + PLACE] = FREE;
    this.rows[at + POSITION] = this.firstFree;
    this.firstFree = row;
    this.length -= 1;
    const last = this.heap[this.length];
    if (last === row) return;
    this.rise(last, place);
    this.sink(last, this.rows[last * COLUMNS + PLACE]);
  }

  private rise(row: number, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = this.heap[parent];
      if (!this.isBefore(row, other)) break;
      this.put(other, place);
      place = parent;
    }
    this.put(row, place);
  }

  private sink(row: number, from: number): void {
    let place = from;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= this.length) break;
      const hasTwo = child + 1 < this.length;
      if (hasTwo && this.isBefore(this.heap[child + 1], this.heap[child])) child += 1;
      if (!this.isBefore(this.heap[child], row)) break;
      this.put(this.heap[child], place);
      place = child;
    }
    this.put(row, place);
  }

  /** Among those due together the one that came first. */
  private isBefore(row: number, other: number): boolean {
    const difference = this.dues[row] - this.dues[other];
    if (difference !== 0) return difference < 0;
    return ((this.rows[row * COLUMNS] - this.rows[other * COLUMNS]) | 0) < 0;
  }

  private put(row: number, place: number): void {
    this.heap[place] = row;
    this.rows[row * COLUMNS + PLACE] = place;
  }

  private takeRow(): number {
    const free = this.firstFree;
    if (free !== NO_ROW) {
      this.firstFree = this.rows[free * COLUMNS + POSITION];
      return free;
    }
    const row = this.rowCount;
    this.rowCount = row + 1;
    if (this.rowCount > this.dues.length) this.grow();
    return row;
  }

  private grow(): void {
    const count = this.dues.length * 2;
    const dues = new Float64Array(count);
    dues.set(this.dues);
    this.dues = dues;
    const rows = new Int32Array(count * COLUMNS);
    rows.set(this.rows);
    this.rows = rows;
    const heap = new Int32Array(count);
    heap.set(this.heap);
    this.heap = heap;
  }
}
