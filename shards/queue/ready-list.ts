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
import { RecoveredMarks } from './recovered-marks.ts';
import { ReturnedHeap } from './returned-heap.ts';
import { INITIAL_SLOTS, RingShrink, SHRINK_SLOTS_MIN } from './ring-shrink.ts';

/** In a slot: the message of this position is gone. */
const HOLE = -0x8000_0000;
/** Recovered messages that lie further apart than this on average go to the heap. */
const SPREAD_MAX = 4;

export class ReadyList implements ReadyMessages {
  private slots: Int32Array<ArrayBuffer>;
  private mask: number;
  /** Positions: their difference is the fifo's length, holes included. */
  private head: number;
  private tail: number;
  private holeCount: number;
  private readonly returned: ReturnedHeap;
  private readonly shrink: RingShrink;
  private readonly recovered: RecoveredMarks;
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
    this.shrink = new RingShrink();
    this.recovered = new RecoveredMarks();
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
    return this.recovered.isAny && this.recovered.has(this.peekPosition());
  }

  peekDeliveryCount(): number {
    const count = this.returned.length > 0 ? this.returned.firstDeliveryCount() : 0;
    return count + this.recovered.countOf(this.peekPosition());
  }

  take(): void {
    if (this.returned.length > 0) {
      this.handle = this.returned.firstHandle();
      this.position = this.returned.firstPosition();
      this.deliveryCount = this.returned.firstDeliveryCount();
      this.returned.removeFirst();
      if (this.recovered.isAny) this.deliveryCount += this.recovered.take(this.position);
      return;
    }
    this.handle = this.slots[this.head & this.mask];
    this.position = this.head;
    this.deliveryCount = 0;
    if (this.handle < 0) this.onDiskCount -= 1;
    this.head = (this.head + 1) | 0;
    if (this.holeCount > 0) this.skipHoles();
    if (this.recovered.isAny) {
      this.deliveryCount = this.recovered.take(this.position);
      this.recovered.passed(this.head);
    }
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
    return this.recovered.end;
  }

  get countsOfRecovered(): ReadonlyMap<number, number> {
    return this.recovered.counts;
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
    if (!this.returned.showOnDisk(visitor)) return;
    let position = this.loadedUntil;
    while (position !== this.tail) {
      const handle = this.at(position);
      if (handle !== undefined && handle < 0 && !visitor.see(handle, position, 0)) break;
      position = (position + 1) | 0;
    }
    this.loadedUntil = position;
  }

  showLoaded(visitor: ReadyVisitor): void {
    if (!this.returned.showAll(visitor)) return;
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
    this.recovered.restore(redeliveredUntil, counts, count > 0);
    this.head = nextPosition;
    this.tail = nextPosition;
    this.shrink.begin(nextPosition);
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
    const slotCount = this.mask + 1;
    const wanted = this.shrink.slotsAt(this.head, slotCount);
    if (wanted === slotCount) return;
    this.slots = new Int32Array(wanted);
    this.mask = wanted - 1;
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
}
