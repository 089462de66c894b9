// The prefetch of a whole channel (basic.qos with global=true,
// https://www.rabbitmq.com/docs/consumer-prefetch) when its consumers are on several shards.
// Acceptor thread, one per channel.
//
// Each shard is granted what it holds unacked plus the room that is left, so that any of them may
// use the room, whoever has messages. When two use it at once, one delivery comes too many: it is
// sent back to its place in the queue, and that shard's grant is cut to what it holds. Acks make
// room, and every shard is granted it again. With all consumers on one shard its grant is the limit
// itself, and nothing is ever sent back.
import type { SlidingWindow } from '../base/sliding-window.ts';

/** What shards are told when there is no limit. */
const NO_LIMIT = -1;
/** Column c of a channel's unacked entries: a basic.get, which no prefetch counts. */
export const IS_GET = 1;
/** Of channels without a limit, which are nearly all; stays empty. */
const NO_COUNTS = new Int32Array(0);

export class ChannelPrefetch {
  /** 0: no limit. */
  limit: number;
  /** Unacked deliveries to consumers. */
  private unackedCount: number;
  private readonly shardCount: number;
  /** By shard, kept only while there is a limit: unacked deliveries, and the grant last told. */
  private unackedByShard: Int32Array;
  private grants: Int32Array;

  constructor(shardCount: number) {
    this.limit = 0;
    this.unackedCount = 0;
    this.shardCount = shardCount;
    this.unackedByShard = NO_COUNTS;
    this.grants = NO_COUNTS;
  }

  /** How many of `count` more deliveries are allowed now. */
  allowed(count: number): number {
    if (this.limit === 0) return count;
    return Math.max(0, Math.min(count, this.limit - this.unackedCount));
  }

  /** A new limit (0: none); `unacked` is what the channel has delivered so far. */
  setLimit(limit: number, unacked: SlidingWindow): void {
    this.limit = limit;
    if (limit === 0) {
      this.unackedByShard = NO_COUNTS;
      this.grants = NO_COUNTS;
      return;
    }
    this.unackedByShard = new Int32Array(this.shardCount);
    this.grants = new Int32Array(this.shardCount).fill(NO_LIMIT);
    for (const key of unacked.keys()) {
      unacked.find(key);
      if (unacked.c !== IS_GET) this.unackedByShard[unacked.a] += 1;
    }
  }

  /** After `setLimit`: the shard also holds a delivery that is no longer among `unacked`. */
  countHeld(shard: number): void {
    if (this.limit !== 0) this.unackedByShard[shard] += 1;
  }

  delivered(shard: number): void {
    this.unackedCount += 1;
    if (this.limit !== 0) this.unackedByShard[shard] += 1;
  }

  settled(shard: number): void {
    this.unackedCount -= 1;
    if (this.limit !== 0) this.unackedByShard[shard] -= 1;
  }

  /** What a shard may hold unacked now; remembers it as granted. */
  grant(shard: number): number {
    if (this.limit === 0) return NO_LIMIT;
    const room = Math.max(0, this.limit - this.unackedCount);
    this.grants[shard] = this.unackedByShard[shard] + room;
    return this.grants[shard];
  }

  /** True when a shard may hold more than it was last told: acks have made room. */
  isOutgrown(shard: number): boolean {
    if (this.limit === 0) return false;
    return this.unackedByShard[shard] + this.limit - this.unackedCount > this.grants[shard];
  }
}
