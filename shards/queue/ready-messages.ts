// What a queue, and what reads and writes its messages on disk, ask of its ready messages. Shard
// thread. Two implementations: ReadyList (ready-list.ts), which every plain queue has, and
// PriorityReady (priority-ready.ts) of queues with message priorities.
//
// A message has a position, its number in the queue's life, and a handle: one >= 0 of the store, or
// ~row of the record table when its data are on disk only. A message that never left the list
// `waits`; one that was delivered and came back is `returned`.
import type { ReturnedHeap } from './returned-heap.ts';

/** Is shown messages; false: it wants no more of them. */
export interface ReadyVisitor {
  /** `hint`: the message's row among the returned, if it is one. */
  see(handle: number, position: number, hint: number): boolean;
}

export interface ReadyMessages {
  readonly length: number;
  readonly isEmpty: boolean;
  /** The position of the next message to be appended. */
  readonly nextPosition: number;
  /** How many of those that wait are on disk. */
  readonly onDiskCount: number;
  /** What `take` took. */
  readonly handle: number;
  readonly position: number;
  readonly deliveryCount: number;
  /** Messages before this position count as delivered before; undefined when none do. */
  readonly redeliveredEnd: number | undefined;
  /** Recovered messages that were delivered before, and how often. */
  readonly countsOfRecovered: ReadonlyMap<number, number>;
  /**
   * How many of the next messages are in memory or have been asked for; below 0 when that is long
   * past.
   */
  readonly loadedCount: number;

  /** Returns the message's position. */
  append(handle: number): number;
  /** Puts a delivered message back to its place. */
  putBack(handle: number, position: number, deliveryCount: number): void;
  /** The handle at the head, which must exist. */
  peek(): number;
  /** Whether the message at the head, which must exist, may have been delivered before. */
  peekIsRedelivered(): boolean;
  /** How often it was delivered before, as far as that was counted. */
  peekDeliveryCount(): number;
  /** Takes the head, which must exist, into `handle`, `position` and `deliveryCount`. */
  take(): void;
  /** How many messages leave before the one that waits at `position`, or joins there next. */
  depthOf(position: number): number;
  /** The handle of the message that waits at a position; undefined when none does (any more). */
  at(position: number): number | undefined;
  /** Whether the message is among the returned; `hint`: probably its row there. */
  hasReturned(position: number, handle: number, hint: number): boolean;
  /**
   * The message at `position` goes by another handle from now on: paged out, or loaded. False when
   * it is not there by the old one (any more). `hint`: its row among the returned, if it is there.
   */
  replace(position: number, from: number, to: number, hint: number): boolean;
  /** Takes out the message at `position`, which cannot be delivered. False when it is not there. */
  remove(position: number, handle: number): boolean;
  /**
   * Fills an empty list with recovered messages, ascending by position, all on disk. Those before
   * `redeliveredUntil` count as delivered before, those in `counts` that often.
   */
  restore(
    positions: Int32Array,
    handles: Int32Array,
    nextPosition: number,
    redeliveredUntil: number,
    counts: ReadonlyMap<number, number>,
  ): void;
  /** The head has to be asked for (again), however much was asked for before. */
  forgetLoaded(): void;
  /** Shows the next messages that are on disk, in the order in which they will be needed. */
  showOnDisk(visitor: ReadyVisitor): void;
  /** Shows the messages that are in memory because they were loaded, and some others. */
  showLoaded(visitor: ReadyVisitor): void;
  /** All positions here and in `others`, which are none of these: first, how many, first, ... */
  ranges(others: readonly number[]): number[];
  /** The messages that came back, for looking through them. */
  returnedHeaps(): readonly ReturnedHeap[];
}
