// What the flow governor knows about one queue that it watches: how fast it drains. Shard thread.
//
// Two measures. Against a backlog the rate follows within a few intervals of 5 ms, and a floor
// hides that a slow queue drains in steps. Against a memory budget there is no floor, so one
// message every second must measure as one, not as 200 and then none: that rate is smoothed over
// half a second, and counts what has left for good (an unacked message still takes memory).
import { REOPEN_SHARE, SLOW_END_SHARE, SLOW_SHARE } from '../mailbox/budget-shares.ts';
import type { Queue } from './queue.ts';

/** Weight of the newest interval in the smoothed drain rate. */
const SMOOTHING = 0.5;
const MEMORY_SMOOTHING_MILLIS = 500;
/** Before this much has been measured the slow rate says nothing. */
const MEASURED_MILLIS_MIN = 100;
/** A queue from which nothing has left for so long does not drain. */
const STANDSTILL_MILLIS = 5000;
/** Above the point where gates open again publishers get a little less than what drains. */
const NEARLY_FULL_FACTOR = 0.85;

export class QueueWatch {
  readonly queue: Queue;
  /** What deliveries a second the queue makes. */
  drainPerSecond: number;
  /** What acceptors were told. */
  rate: number;
  /** It holds so much that its budget, or its virtual host's, is at stake. */
  isLarge: boolean;
  private deliveredBefore: number;
  private goneBefore: number;
  private lastGoneAt: number;
  private measuredMillis: number;
  private gonePerSecond: number;

  constructor(queue: Queue, nowMillis: number) {
    this.queue = queue;
    this.drainPerSecond = -1;
    this.rate = 0;
    this.isLarge = false;
    this.deliveredBefore = queue.deliveredCount;
    this.goneBefore = queue.goneCount;
    this.lastGoneAt = nowMillis;
    this.measuredMillis = 0;
    this.gonePerSecond = 0;
  }

  measure(nowMillis: number, elapsedMillis: number): void {
    const { queue } = this;
    const { slowFromBytes } = queue.memory;
    const endShare = this.isLarge ? SLOW_END_SHARE / SLOW_SHARE : 1;
    this.isLarge = queue.heldBytes > 0 && queue.heldBytes >= slowFromBytes * endShare;
    const delivered = ((queue.deliveredCount - this.deliveredBefore) * 1000) / elapsedMillis;
    this.deliveredBefore = queue.deliveredCount;
    if (this.drainPerSecond < 0) this.drainPerSecond = delivered;
    else this.drainPerSecond += (delivered - this.drainPerSecond) * SMOOTHING;
    this.measureGone(nowMillis, elapsedMillis);
  }

  /** Publishes a second that keep the queue from growing; 0 (no limit) when it does not drain. */
  memoryRate(nowMillis: number): number {
    if (this.measuredMillis < MEASURED_MILLIS_MIN) return 0;
    // Nothing to keep pace with: it fills up, and its budget's end says so to its publishers.
    if (nowMillis - this.lastGoneAt > STANDSTILL_MILLIS) return 0;
    const { heldBytes, memory } = this.queue;
    const isNearlyFull = heldBytes >= (memory.slowFromBytes * REOPEN_SHARE) / SLOW_SHARE;
    return Math.max(1, Math.floor(this.gonePerSecond * (isNearlyFull ? NEARLY_FULL_FACTOR : 1)));
  }

  private measureGone(nowMillis: number, elapsedMillis: number): void {
    const gone = this.queue.goneCount - this.goneBefore;
    this.goneBefore = this.queue.goneCount;
    if (gone > 0) this.lastGoneAt = nowMillis;
    const before = this.measuredMillis;
    this.measuredMillis = Math.min(before + elapsedMillis, MEMORY_SMOOTHING_MILLIS);
    // A plain mean at first, then each interval weighs what it is of the smoothing time.
    const weight = Math.min(1, elapsedMillis / this.measuredMillis);
    this.gonePerSecond += ((gone * 1000) / elapsedMillis - this.gonePerSecond) * weight;
  }
}
