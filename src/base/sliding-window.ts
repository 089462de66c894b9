// A map from dense, ever-growing numbers to a few integers, for unacked deliveries: the acceptor
// maps delivery tags to (shard, number there), the shard maps those numbers to messages. Any
// thread.
//
//      stragglers (Map)          ring of slots, index = key & mask
//    { 3: .., 17: .. }     | 40 free | 41 live | 42 free | 43 live | ... | end-1 |
//                            ^ base (oldest key still in the ring)            ^ end (next key)
//
// Keys are handed out in order by `push`. Nearly all are removed near the base, so a ring serves.
// A few that stay for ever must not make the ring grow with the traffic behind them: when the ring
// is full and less than a quarter of it is live, the live ones move to a Map. Memory is bounded by
// live entries, not by the distance between the oldest and the newest.
import { powerOfTwoAtLeast } from './round.ts';

const COLUMNS = 4;
/** What the ring of a window that was made without one begins with. */
const SLOTS_MIN = 4;
/** Of windows that never had any, which are most; these stay empty. */
const NO_SLOTS = new Int32Array(0);
const NO_STRAGGLERS = new Map<number, Int32Array>();
const FREE = -1;

/** A row of the window, as `find` shows it. */
export interface WindowRow {
  readonly key: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/**
 * Four integer columns per key; column 0 must be >= 0 (it tells live from free).
 * Keys are exact integers up to 2^53 counted from `base` at construction.
 */
export class SlidingWindow {
  /** Oldest key whose slot is in the ring. Keys below it are stragglers or gone. */
  base: number;
  /** The key that the next `push` returns. */
  end: number;
  /** Live entries, stragglers included. */
  size: number;
  /** What the last `find` or `takeOldest` found: its key and columns. */
  key: number;
  a: number;
  b: number;
  c: number;
  d: number;
  private slots: Int32Array;
  private mask: number;
  private stragglers: Map<number, Int32Array>;

  /** `slotCount` 0: the ring is made by the first `push`. */
  constructor(firstKey: number, slotCount: number) {
    const capacity = slotCount === 0 ? 0 : powerOfTwoAtLeast(slotCount);
    this.base = firstKey;
    this.end = firstKey;
    this.size = 0;
    this.slots = capacity === 0 ? NO_SLOTS : new Int32Array(capacity * COLUMNS).fill(FREE);
    this.mask = capacity - 1;
    this.stragglers = NO_STRAGGLERS;
    this.key = firstKey;
    this.a = 0;
    this.b = 0;
    this.c = 0;
    this.d = 0;
  }

  /** Adds an entry under the next key and returns that key. */
  push(a: number, b: number, c: number, d: number): number {
    if (this.end - this.base > this.mask) this.makeRoom();
    const key = this.end;
    const at = (key & this.mask) * COLUMNS;
    const slots = this.slots;
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    slots[at + 3] = d;
    this.end = key + 1;
    this.size += 1;
    return key;
  }

  /** Uses up the next key without an entry and returns it. */
  skip(): number {
    const key = this.end;
    if (this.base === key) {
      this.base = key + 1;
      this.end = key + 1;
      return key;
    }
    this.push(0, 0, 0, 0);
    this.remove(key);
    return key;
  }

  /** Uses up the next `count` keys without entries and returns the first of them. */
  skipMany(count: number): number {
    const first = this.end;
    if (this.base === first) {
      this.base = first + count;
      this.end = first + count;
    } else {
      for (let i = 0; i < count; i += 1) this.skip();
    }
    return first;
  }

  /** True when `key` is live; then `a` .. `d` hold its columns. */
  find(key: number): boolean {
    if (key < this.base) {
      const row = this.stragglers.get(key);
      if (row === undefined) return false;
      this.load(key, row, 0);
      return true;
    }
    if (key >= this.end) return false;
    const at = (key & this.mask) * COLUMNS;
    if (this.slots[at] === FREE) return false;
    this.load(key, this.slots, at);
    return true;
  }

  /** Finds and removes the oldest live key if it is at most `keyMax`; false when there is none. */
  takeOldest(keyMax: number): boolean {
    if (this.stragglers.size > 0) {
      // Stragglers were moved in key order, so the Map's order is key order.
      const oldest = this.stragglers.keys().next().value as number;
      if (oldest > keyMax) return false;
      this.find(oldest);
      this.remove(oldest);
      return true;
    }
    // `base` is live whenever the ring holds anything: `remove` moves it past free slots.
    const oldest = this.base;
    if (oldest > keyMax || oldest >= this.end) return false;
    this.load(oldest, this.slots, (oldest & this.mask) * COLUMNS);
    this.remove(oldest);
    return true;
  }

  /** Removes a live key (the caller has found it). */
  remove(key: number): void {
    this.size -= 1;
    if (key < this.base) {
      this.stragglers.delete(key);
      return;
    }
    this.slots[(key & this.mask) * COLUMNS] = FREE;
    if (key === this.base) this.advanceBase();
  }

  /** Brings back rows that were removed, in any order; for cold paths. */
  putBack(rows: readonly WindowRow[]): void {
    this.size += rows.length;
    let isStraggling = false;
    for (const { key, a, b, c, d } of rows) {
      const row = Int32Array.of(a, b, c, d);
      if (key >= this.base) this.slots.set(row, (key & this.mask) * COLUMNS);
      else this.straggle(key, row);
      isStraggling ||= key < this.base;
    }
    if (!isStraggling) return;
    // Their order is that of their keys (takeOldest).
    const sorted = [...this.stragglers].sort(([one], [other]) => one - other);
    this.stragglers.clear();
    for (const [key, row] of sorted) this.stragglers.set(key, row);
  }

  /** Every live key in order; for cold paths. */
  keys(): number[] {
    const keys = [...this.stragglers.keys()];
    for (let key = this.base; key < this.end; key += 1) {
      if (this.slots[(key & this.mask) * COLUMNS] !== FREE) keys.push(key);
    }
    return keys;
  }

  clear(): void {
    this.slots.fill(FREE);
    this.stragglers.clear();
    this.base = this.end;
    this.size = 0;
  }

  private load(key: number, row: Int32Array, at: number): void {
    this.key = key;
    this.a = row[at];
    this.b = row[at + 1];
    this.c = row[at + 2];
    this.d = row[at + 3];
  }

  private advanceBase(): void {
    let base = this.base;
    while (base < this.end && this.slots[(base & this.mask) * COLUMNS] === FREE) base += 1;
    this.base = base;
  }

  private makeRoom(): void {
    const capacity = this.mask + 1;
    const liveInRing = this.size - this.stragglers.size;
    if (liveInRing * 4 < capacity) this.moveToStragglers();
    else this.grow(Math.max(SLOTS_MIN, capacity * 2));
  }

  private straggle(key: number, row: Int32Array): void {
    if (this.stragglers === NO_STRAGGLERS) this.stragglers = new Map();
    this.stragglers.set(key, row);
  }

  private moveToStragglers(): void {
    for (let key = this.base; key < this.end; key += 1) {
      const at = (key & this.mask) * COLUMNS;
      if (this.slots[at] === FREE) continue;
      this.straggle(key, this.slots.slice(at, at + COLUMNS));
      this.slots[at] = FREE;
    }
    this.base = this.end;
  }

  private grow(capacity: number): void {
    const slots = new Int32Array(capacity * COLUMNS).fill(FREE);
    const mask = capacity - 1;
    for (let key = this.base; key < this.end; key += 1) {
      const from = (key & this.mask) * COLUMNS;
      slots.set(this.slots.subarray(from, from + COLUMNS), (key & mask) * COLUMNS);
    }
    this.slots = slots;
    this.mask = mask;
  }
}
