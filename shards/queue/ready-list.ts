// The messages of one queue that wait for a consumer, in the order they were published. Shard
// thread.
//
//   returned (heap by position)      fifo (ring of handles)
//   { 12, 15, 40 }                 | 41 42 ~3 ~4 -- 46 ... |        ~3: on disk, row 3; --: a hole
//                                    ^ headPosition
//
// A message's position is its number in the queue's life (on disk: its sequence number). New
// messages only join at the tail and leave at the head, so the fifo needs no positions: they are
// consecutive; where one is missing (after a recovery) there is a hole, never at the head. Messages
// that come back (nack, recover, channel closed) were delivered from the head, so every one of
// them precedes all of the fifo; a heap gives them back in order, whatever order they came back in.
// A handle below zero names a message whose data are on disk: row ~handle of the record table.
// Positions are 32-bit, compared by signed difference. 4 bytes per ready message.
import { extendRanges } from './position-ranges.ts';
import type { ReadyMessages, ReadyVisitor } from './ready-messages.ts';
import { ReturnedHeap } from './returned-heap.ts';

const INITIAL_SLOTS = 16;
/** In a slot: the message of this position is gone. */
const HOLE = -0x8000_0000;
/**
 * A list that once was long gives its memory back when it has run empty this often without having
 * used more than this part of it. At the first time would be too soon: a queue whose backlog comes
 * and goes would allocate all the time, and its shard collect garbage (a tenth of its time).
 */
const SHRINK_AFTER_EMPTIES = 1024;
const SHRINK_DIVISOR = 8;
const SHRINK_SLOTS_MIN = 4096;
/** Recovered messages that lie further apart than this on average go to the heap. */
const SPREAD_MAX = 4;
/** What was recovered is taken to have gone when so many messages have come after it. */
const REDELIVERED_SPAN = 2 ** 30;

export class ReadyList implements ReadyMessages {
  private slots: Int32Array<ArrayBuffer>;
  private mask: number;
  /** Positions: their difference is the fifo's length, holes included. */
  private head: number;
  private tail: number;
  private holeCount: number;
  private readonly returned: ReturnedHeap;
  /** Where the list last ran empty, and how often since it was long. */
  private emptyAt: number;
  private shallowEmpties: number;
  /** Messages before this position may have been delivered in an earlier life of the broker. */
  private redeliveredUntil: number;
  private hasRedelivered: boolean;
  /** How often recovered messages were delivered in earlier lives, where that is not 0. */
  private readonly recoveredCounts: Map<number, number>;
  /** Messages before this position are in memory or have been asked for (read-ahead.ts). */
  private loadedUntil: number;
  /** How many of the fifo are on disk. */
  onDiskCount: number;
  /** What `take` took. */
  handle: number;
  position: number;
  deliveryCount: number;

  constructor() {
    this.slots = new Int32Array(INITIAL_SLOTS);
    this.mask = INITIAL_SLOTS - 1;
    this.head = 0;
    this.tail = 0;
    this.holeCount = 0;
    this.returned = new ReturnedHeap();
    this.emptyAt = 0;
    this.shallowEmpties = 0;
    this.redeliveredUntil = 0;
    this.hasRedelivered = false;
    this.recoveredCounts = new Map();
    this.loadedUntil = 0;
    this.onDiskCount = 0;
    this.handle = -1;
    this.position = 0;
    this.deliveryCount = 0;
  }

  get length(): number {
    return ((this.tail - this.head) | 0) - this.holeCount + this.returned.length;
  }

  get isEmpty(): boolean {
    return this.tail === this.head && this.returned.length === 0;
  }

  /** The position of the fifo's first message, and of the next one to be appended. */
  get headPosition(): number {
    return this.head;
  }

  get nextPosition(): number {
    return this.tail;
  }

  get hasHoles(): boolean {
    return this.holeCount > 0;
  }

  append(handle: number): number {
    if (((this.tail - this.head) | 0) > this.mask) this.grow();
    const position = this.tail;
    this.slots[position & this.mask] = handle;
    this.tail = (position + 1) | 0;
    return position;
  }

  putBack(handle: number, position: number, deliveryCount: number): void {
    this.returned.add(position, handle, deliveryCount);
  }

  peek(): number {
    if (this.returned.length > 0) return this.returned.firstHandle();
    return this.slots[this.head & this.mask];
  }

  /** Where the head, which must exist, stands. */
  peekPosition(): number {
    return this.returned.length > 0 ? this.returned.firstPosition() : this.head;
  }

  peekIsRedelivered(): boolean {
    if (this.returned.length > 0 && this.returned.firstDeliveryCount() > 0) return true;
    if (!this.hasRedelivered) return false;
    const position = this.peekPosition();
    return ((position - this.redeliveredUntil) | 0) < 0 || this.recoveredCounts.has(position);
  }

  peekDeliveryCount(): number {
    const count = this.returned.length > 0 ? this.returned.firstDeliveryCount() : 0;
    return count + (this.recoveredCounts.get(this.peekPosition()) ?? 0);
  }

  take(): void {
    if (this.returned.length > 0) {
      this.handle = this.returned.firstHandle();
      this.position = this.returned.firstPosition();
      this.deliveryCount = this.returned.firstDeliveryCount();
      this.returned.removeFirst();
      if (this.recoveredCounts.size > 0) this.addRecoveredCount();
      return;
    }
    this.handle = this.slots[this.head & this.mask];
    this.position = this.head;
    this.deliveryCount = 0;
    if (this.recoveredCounts.size > 0) this.addRecoveredCount();
    if (this.handle < 0) this.onDiskCount -= 1;
    this.head = (this.head + 1) | 0;
    if (this.holeCount > 0) this.skipHoles();
    if (this.hasRedelivered) this.forgetRedelivered();
    if (this.tail === this.head && this.mask >= SHRINK_SLOTS_MIN) this.emptied();
  }

  depthOf(position: number): number {
    return (position - this.head) | 0;
  }

  at(position: number): number | undefined {
    if (!this.isInFifo(position)) return undefined;
    const handle = this.slots[position & this.mask];
    return handle === HOLE ? undefined : handle;
  }

  hasReturned(position: number, handle: number, hint: number): boolean {
    return this.returned.has(position, handle, hint);
  }

  replace(position: number, from: number, to: number, hint: number): boolean {
    if (!this.isInFifo(position)) return this.returned.replace(position, from, to, hint);
    const at = position & this.mask;
    if (this.slots[at] !== from) return false;
    this.slots[at] = to;
    if (from < 0) this.onDiskCount -= 1;
    if (to < 0) this.onDiskCount += 1;
    return true;
  }

  remove(position: number, handle: number): boolean {
    if (!this.isInFifo(position)) return this.returned.remove(position, handle);
    if (this.slots[position & this.mask] !== handle) return false;
    this.slots[position & this.mask] = HOLE;
    this.holeCount += 1;
    if (handle < 0) this.onDiskCount -= 1;
    this.skipHoles();
    return true;
  }

  get redeliveredEnd(): number | undefined {
    return this.hasRedelivered ? this.redeliveredUntil : undefined;
  }

  get countsOfRecovered(): ReadonlyMap<number, number> {
    return this.recoveredCounts;
  }

  get returnedMessages(): ReturnedHeap {
    return this.returned;
  }

  returnedHeaps(): readonly ReturnedHeap[] {
    return [this.returned];
  }

  get loadedCount(): number {
    return (this.loadedUntil - this.head) | 0;
  }

  forgetLoaded(): void {
    this.loadedUntil = this.head;
  }

  showOnDisk(visitor: ReadyVisitor): void {
    const { returned } = this;
    for (let row = 0; row < returned.length; row += 1) {
      const handle = returned.handleAt(row);
      if (handle < 0 && !visitor.see(handle, returned.positionAt(row), row)) return;
    }
    let position = this.loadedUntil;
    while (position !== this.tail) {
      const handle = this.at(position);
      if (handle !== undefined && handle < 0 && !visitor.see(handle, position, 0)) break;
      position = (position + 1) | 0;
    }
    this.loadedUntil = position;
  }

  showLoaded(visitor: ReadyVisitor): void {
    const { returned } = this;
    for (let row = 0; row < returned.length; row += 1) {
      if (!visitor.see(returned.handleAt(row), returned.positionAt(row), row)) return;
    }
    // Below 0: long past, when nothing had to be loaded lately.
    const count = this.loadedCount;
    for (let i = 0; i < count; i += 1) {
      const position = (this.head + i) | 0;
      const handle = this.at(position);
      if (handle !== undefined && !visitor.see(handle, position, 0)) return;
    }
  }

  ranges(others: readonly number[]): number[] {
    const single = [...others];
    for (let row = 0; row < this.returned.length; row += 1) {
      single.push(this.returned.positionAt(row));
    }
    // All of these were delivered from the head, so they precede the fifo.
    single.sort((a, b) => (a - b) | 0);
    const ranges: number[] = [];
    for (const position of single) extendRanges(ranges, position, 1);
    if (!this.hasHoles) {
      const length = (this.tail - this.head) | 0;
      if (length > 0) ranges.push(this.head, length);
      return ranges;
    }
    for (let at = this.head; at !== this.tail; at = (at + 1) | 0) {
      if (this.at(at) !== undefined) extendRanges(ranges, at, 1);
    }
    return ranges;
  }

  restore(
    positions: Int32Array,
    handles: Int32Array,
    nextPosition: number,
    redeliveredUntil: number,
    counts: ReadonlyMap<number, number>,
  ): void {
    const count = positions.length;
    for (const [position, deliveries] of counts) this.recoveredCounts.set(position, deliveries);
    this.head = nextPosition;
    this.tail = nextPosition;
    this.emptyAt = nextPosition;
    this.redeliveredUntil = redeliveredUntil;
    this.hasRedelivered = count > 0;
    // From the newest back, as far as they stand close enough together.
    let first = count;
    while (first > 0) {
      const span = (nextPosition - positions[first - 1]) | 0;
      if (span > (count - first + 1) * SPREAD_MAX + INITIAL_SLOTS) break;
      first -= 1;
    }
    for (let i = 0; i < first; i += 1) this.returned.add(positions[i], handles[i], 0);
    if (first < count) this.fill(positions, handles, first);
    this.loadedUntil = this.head;
  }

  private fill(positions: Int32Array, handles: Int32Array, first: number): void {
    this.head = positions[first];
    const span = (this.tail - this.head) | 0;
    let slotCount = INITIAL_SLOTS;
    while (slotCount < span) slotCount *= 2;
    this.slots = new Int32Array(slotCount);
    this.mask = slotCount - 1;
    let position = this.head;
    for (let i = first; i < positions.length; i += 1) {
      for (; position !== positions[i]; position = (position + 1) | 0) this.addHole(position);
      this.slots[position & this.mask] = handles[i];
      this.onDiskCount += 1;
      position = (position + 1) | 0;
    }
    for (; position !== this.tail; position = (position + 1) | 0) this.addHole(position);
  }

  /** How often the message just taken was delivered before the broker started, added once. */
  private addRecoveredCount(): void {
    const count = this.recoveredCounts.get(this.position);
    if (count === undefined) return;
    this.deliveryCount += count;
    this.recoveredCounts.delete(this.position);
  }

  /** So much later nothing from before the start is left, and positions would come round again. */
  private forgetRedelivered(): void {
    if (((this.head - this.redeliveredUntil) | 0) < REDELIVERED_SPAN) return;
    this.hasRedelivered = false;
    this.recoveredCounts.clear();
  }

  private addHole(position: number): void {
    this.slots[position & this.mask] = HOLE;
    this.holeCount += 1;
  }

  private isInFifo(position: number): boolean {
    return ((position - this.head) | 0) >= 0 && ((position - this.tail) | 0) < 0;
  }

  private skipHoles(): void {
    while (this.head !== this.tail && this.slots[this.head & this.mask] === HOLE) {
      this.head = (this.head + 1) | 0;
      this.holeCount -= 1;
    }
  }

  private emptied(): void {
    // What has passed since the last time bounds how long the list can have been.
    const passed = (this.head - this.emptyAt) | 0;
    this.emptyAt = this.head;
    if (passed > this.mask / SHRINK_DIVISOR) this.shallowEmpties = 0;
    else this.shallowEmpties += 1;
    if (this.shallowEmpties < SHRINK_AFTER_EMPTIES) return;
    this.shallowEmpties = 0;
    this.shrink(Math.max(INITIAL_SLOTS, (this.mask + 1) / SHRINK_DIVISOR));
  }

  /**
   * Twice the slots. The old memory is given back at once, not left to the garbage collector:
   * beside ten million messages it would be 32 MiB that nobody needs. (Handing it on by `transfer`
   * would touch all of the new memory.)
   */
  private grow(): void {
    const { mask, slots: old } = this;
    const grown = mask * 2 + 1;
    const slots = new Int32Array(grown + 1);
    for (let at = this.head; at !== this.tail; at = (at + 1) | 0) {
      slots[at & grown] = old[at & mask];
    }
    this.slots = slots;
    this.mask = grown;
    old.buffer.transfer(0);
  }

  /** Fewer slots, for an empty list. */
  private shrink(slotCount: number): void {
    this.slots = new Int32Array(slotCount);
    this.mask = slotCount - 1;
  }
}
