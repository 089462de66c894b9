// Which messages stay in memory: those that will be delivered soon. Shard thread. What is deep in
// its queue leaves memory as soon as it is on disk; when the shard holds more than its share of
// memory, everything but the nearest does, and transient messages are written out as well.
import type { MessageStore } from './message-store.ts';

/** Nearer to the head than this, in messages and bytes, messages stay. */
const NEAR_MESSAGES = 16 * 1024;
const NEAR_BYTES = 256 * 1024 * 1024;
/** The same while too much memory is used, and when the queue holds much, of large messages. */
const NEAREST_MESSAGES = 64;
const NEAREST_LARGE_MESSAGES = 8;

export class Residency {
  /** More is in memory than there should be. */
  isOver: boolean;
  private readonly bytesMax: number;
  private readonly store: MessageStore;

  constructor(store: MessageStore, bytesMax: number) {
    this.store = store;
    this.bytesMax = bytesMax;
    this.isOver = false;
  }

  /** Looks at how much there is. Call once per turn. */
  measure(): void {
    this.isOver = this.store.liveBytes + this.store.slabBytes > this.bytesMax;
  }

  isDeep(depth: number, readyBytes: number): boolean {
    return depth > this.nearMessages(readyBytes);
  }

  /** Of messages that wait in line and are so many bytes, how many stay: those at the front. */
  nearMessages(bytes: number): number {
    if (bytes > NEAR_BYTES) return NEAREST_LARGE_MESSAGES;
    return this.isOver ? NEAREST_MESSAGES : NEAR_MESSAGES;
  }
}
