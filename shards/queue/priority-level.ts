// One priority of a queue: its ready messages in the order they were published. Shard thread.
//
//   returned (heap by position)    ring of (position, handle)
//   { 12, 40 }                   | 41:7 | 44:~3 | 45:HOLE | 52:9 |
//                                  ^ head    ^ loadedEnd           ^ tail
//
// Positions count the whole queue's messages, so here they have gaps, but they rise: a message is
// found by its position with a binary search. As in ReadyList, all that came back precede the ring,
// because they left from its head; there is never a hole at the head. Indexes are 32-bit and
// free-running.
import type { ReadyVisitor } from './ready-messages.ts';
import { ReturnedHeap } from './returned-heap.ts';
import { INITIAL_SLOTS, RingShrink, SHRINK_SLOTS_MIN } from './ring-shrink.ts';

const COLUMNS = 2;
/** In place of a handle: the message is gone. */
const HOLE = -0x8000_0000;

export class PriorityLevel {
  readonly returned: ReturnedHeap;
  private slots: Int32Array;
  private mask: number;
  private head: number;
  private tail: number;
  private holeCount: number;
  /** Messages before this index are in memory or have been asked for; within the ring. */
  private loadedEnd: number;
  private readonly shrink: RingShrink;

  constructor() {
    this.returned = new ReturnedHeap();
    this.slots = new Int32Array(INITIAL_SLOTS * COLUMNS);
    this.mask = INITIAL_SLOTS - 1;
    this.head = 0;
    this.tail = 0;
    this.holeCount = 0;
    this.loadedEnd = 0;
    this.shrink = new RingShrink();
  }

  get length(): number {
    return ((this.tail - this.head) | 0) - this.holeCount + this.returned.length;
  }

  get isEmpty(): boolean {
    return this.tail === this.head && this.returned.length === 0;
  }

  /** How many of the next messages are in memory or have been asked for. */
  get loadedCount(): number {
    return (this.loadedEnd - this.head) | 0;
  }

  /** All of the ring is in memory or has been asked for. */
  get isLoaded(): boolean {
    return this.loadedEnd === this.tail;
  }

  /** Adds a message behind all others of the queue. */
  append(position: number, handle: number): void {
    if (((this.tail - this.head) | 0) > this.mask) this.resize((this.mask + 1) * 2);
    const at = (this.tail & this.mask) * COLUMNS;
    this.slots[at] = position;
    this.slots[at + 1] = handle;
    this.tail = (this.tail + 1) | 0;
  }

  /** Handle and position of the first of the ring, which must not be empty. */
  ringHandle(): number {
    return this.slots[(this.head & this.mask) * COLUMNS + 1];
  }

  ringPosition(): number {
    return this.slots[(this.head & this.mask) * COLUMNS];
  }

  /** Takes the first of the ring out. */
  removeFirst(): void {
    this.passHead();
    if (this.holeCount > 0) this.skipHoles();
    if (this.tail === this.head && this.mask >= SHRINK_SLOTS_MIN) this.emptied();
  }

  /** How many messages here leave before the one at `position`; -1 when it is not in the ring. */
  depthOf(position: number): number {
    const offset = this.find(position);
    return offset < 0 ? -1 : this.returned.length + offset;
  }

  /** Its handle; undefined when it is not in the ring (any more). */
  at(position: number): number | undefined {
    const offset = this.find(position);
    return offset < 0 ? undefined : this.slots[this.slotOf(offset) + 1];
  }

  /** False when no message of the ring at `position` goes by `from`. */
  replace(position: number, from: number, to: number): boolean {
    const offset = this.find(position);
    if (offset < 0) return false;
    const at = this.slotOf(offset) + 1;
    if (this.slots[at] !== from) return false;
    this.slots[at] = to;
    return true;
  }

  /** Takes a message out of the ring wherever it stands; false when it is not there. */
  remove(position: number, handle: number): boolean {
    if (!this.replace(position, handle, HOLE)) return false;
    this.holeCount += 1;
    this.skipHoles();
    return true;
  }

  forgetLoaded(): void {
    this.loadedEnd = this.head;
  }

  /** Shows what is on disk and has not been asked for; false: the visitor wants no more. */
  showOnDisk(visitor: ReadyVisitor): boolean {
    if (!this.returned.showOnDisk(visitor)) return false;
    for (; this.loadedEnd !== this.tail; this.loadedEnd = (this.loadedEnd + 1) | 0) {
      const at = (this.loadedEnd & this.mask) * COLUMNS;
      const handle = this.slots[at + 1];
      if (handle >= 0 || handle === HOLE) continue;
      if (!visitor.see(handle, this.slots[at], 0)) return false;
    }
    return true;
  }

  /** Shows what was asked for; false: the visitor wants no more. */
  showLoaded(visitor: ReadyVisitor): boolean {
    if (!this.returned.showAll(visitor)) return false;
    for (let index = this.head; index !== this.loadedEnd; index = (index + 1) | 0) {
      const at = (index & this.mask) * COLUMNS;
      if (this.slots[at + 1] === HOLE) continue;
      if (!visitor.see(this.slots[at + 1], this.slots[at], 0)) return false;
    }
    return true;
  }

  /** Writes all positions to `target` from `at` on, less `base`; returns where they end. */
  copyPositions(target: Int32Array, at: number, base: number): number {
    let end = at;
    for (let row = 0; row < this.returned.length; row += 1) {
      target[end] = this.returned.positionAt(row) - base;
      end += 1;
    }
    for (let index = this.head; index !== this.tail; index = (index + 1) | 0) {
      const slot = (index & this.mask) * COLUMNS;
      if (this.slots[slot + 1] === HOLE) continue;
      target[end] = this.slots[slot] - base;
      end += 1;
    }
    return end;
  }

  private slotOf(offset: number): number {
    return ((this.head + offset) & this.mask) * COLUMNS;
  }

  /** How far from the head the message at `position` is; -1 when it is not in the ring. */
  private find(position: number): number {
    let low = 0;
    let high = (this.tail - this.head) | 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      const difference = (this.slots[this.slotOf(middle)] - position) | 0;
      if (difference === 0) return this.slots[this.slotOf(middle) + 1] === HOLE ? -1 : middle;
      if (difference < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  private passHead(): void {
    if (this.loadedEnd === this.head) this.loadedEnd = (this.head + 1) | 0;
    this.head = (this.head + 1) | 0;
  }

  private skipHoles(): void {
    while (this.head !== this.tail && this.ringHandle() === HOLE) {
      this.passHead();
      this.holeCount -= 1;
    }
  }

  private emptied(): void {
    const slotCount = this.mask + 1;
    const wanted = this.shrink.slotsAt(this.head, slotCount);
    if (wanted < slotCount) this.resize(wanted);
  }

  private resize(slotCount: number): void {
    const slots = new Int32Array(slotCount * COLUMNS);
    const mask = slotCount - 1;
    for (let index = this.head; index !== this.tail; index = (index + 1) | 0) {
      const from = (index & this.mask) * COLUMNS;
      const to = (index & mask) * COLUMNS;
      slots[to] = this.slots[from];
      slots[to + 1] = this.slots[from + 1];
    }
    this.slots = slots;
    this.mask = mask;
  }
}
