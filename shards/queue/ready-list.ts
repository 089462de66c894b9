// The messages of one queue that wait for a consumer, in the order they were published. Shard
// thread.
//
//   returned (heap by position)      fifo (ring of handles)
//   { 12, 15, 40 }                 | 41 42 43 44 45 ... |
//                                    ^ headPosition
//
// A message's position is its number in the queue's life. New messages only join at the tail and
// leave at the head, so the fifo needs no positions: they are consecutive. Messages that come back
// (nack, recover, channel closed) were delivered from the head, so every one of them precedes all
// of the fifo; a heap gives them back in order, whatever order they came back in.
// Positions are 31-bit, compared by signed difference. 4 bytes per ready message.
import { ReturnedHeap } from './returned-heap.ts';

const INITIAL_SLOTS = 16;
/**
 * A list that once was long gives its memory back when it has run empty this often without having
 * used more than this part of it. At the first time would be too soon: a queue whose backlog comes
 * and goes would allocate all the time, and its shard collect garbage (a tenth of its time).
 */
const SHRINK_AFTER_EMPTIES = 1024;
const SHRINK_DIVISOR = 8;
const SHRINK_SLOTS_MIN = 4096;

export class ReadyList {
  private slots: Int32Array;
  private mask: number;
  /** Free-running slot numbers; their difference is the fifo's length. */
  private head: number;
  private tail: number;
  private readonly returned: ReturnedHeap;
  /** Where the list last ran empty, and how often since it was long. */
  private emptyAt: number;
  private shallowEmpties: number;
  /** What `take` took. */
  handle: number;
  position: number;
  deliveryCount: number;

  constructor() {
    this.slots = new Int32Array(INITIAL_SLOTS);
    this.mask = INITIAL_SLOTS - 1;
    this.head = 0;
    this.tail = 0;
    this.returned = new ReturnedHeap();
    this.emptyAt = 0;
    this.shallowEmpties = 0;
    this.handle = -1;
    this.position = 0;
    this.deliveryCount = 0;
  }

  get length(): number {
    return ((this.tail - this.head) | 0) + this.returned.length;
  }

  get isEmpty(): boolean {
    return this.tail === this.head && this.returned.length === 0;
  }

  append(handle: number): void {
    if (((this.tail - this.head) | 0) > this.mask) this.resize((this.mask + 1) * 2);
    this.slots[this.tail & this.mask] = handle;
    this.tail = (this.tail + 1) | 0;
  }

  /** Puts a delivered message back to its place. */
  putBack(handle: number, position: number, deliveryCount: number): void {
    this.returned.add(position, handle, deliveryCount);
  }

  /** The handle at the head, which must exist. */
  peek(): number {
    if (this.returned.length > 0) return this.returned.firstHandle();
    return this.slots[this.head & this.mask];
  }

  /** How often the message at the head, which must exist, has been delivered before. */
  peekDeliveryCount(): number {
    return this.returned.length > 0 ? this.returned.firstDeliveryCount() : 0;
  }

  /** Takes the head, which must exist, into `handle`, `position` and `deliveryCount`. */
  take(): void {
    if (this.returned.length > 0) {
      this.handle = this.returned.firstHandle();
      this.position = this.returned.firstPosition();
      this.deliveryCount = this.returned.firstDeliveryCount();
      this.returned.removeFirst();
      return;
    }
    this.handle = this.slots[this.head & this.mask];
    this.position = this.head;
    this.deliveryCount = 0;
    this.head = (this.head + 1) | 0;
    if (this.tail === this.head && this.mask >= SHRINK_SLOTS_MIN) this.emptied();
  }

  private emptied(): void {
    // What has passed since the last time bounds how long the list can have been.
    const passed = (this.head - this.emptyAt) | 0;
    this.emptyAt = this.head;
    if (passed > this.mask / SHRINK_DIVISOR) this.shallowEmpties = 0;
    else this.shallowEmpties += 1;
    if (this.shallowEmpties < SHRINK_AFTER_EMPTIES) return;
    this.shallowEmpties = 0;
    this.resize(Math.max(INITIAL_SLOTS, (this.mask + 1) / SHRINK_DIVISOR));
  }

  private resize(slotCount: number): void {
    const slots = new Int32Array(slotCount);
    const mask = slotCount - 1;
    for (let at = this.head; at !== this.tail; at = (at + 1) | 0) {
      slots[at & mask] = this.slots[at & this.mask];
    }
    this.slots = slots;
    this.mask = mask;
  }
}
