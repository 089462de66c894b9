// Slows the publishers of queues whose backlog grows faster than it drains, and keeps them out of
// queues that hold their whole memory budget. Shard thread.
//
// Without it a publisher flat out takes the processor time that its own queue's consumers need: 4.9
// million messages a second in, 20 thousand out. A queue is watched while it holds more than
// `flow.backlog_messages` ready messages. Every few milliseconds its drain rate is measured; while
// it has consumers that take messages, its publishers may together publish at that rate (a little
// less while the backlog exceeds twice the limit), but never less than `flow.publish_rate_floor` a
// second: a consumer that is slow by itself does not slow a publisher to its own speed. With the
// backlog down to half the limit, publishers run free again.
//
// Memory is another matter: from 80 % of a budget on the floor no longer counts, and at 100 % of
// the queue's own budget its gate is closed until it is below 90 % again (the shares are in
// shards/mailbox/budget-shares.ts). Rates and gates are told to acceptors by PACE records.
import { REOPEN_SHARE } from '../mailbox/budget-shares.ts';
import { PACE_CLOSED } from '../mailbox/from-shard-layout.ts';
import type { Outlet } from '../outlet.ts';
import type { Queue } from './queue.ts';
import { QueueWatch } from './queue-watch.ts';

const INTERVAL_MILLIS = 5;
const FULL_BACKLOG_FACTOR = 0.85;
const RATE_MAX = 0x3fff_ffff;

export interface FlowLimits {
  readonly backlogMessages: number;
  readonly rateFloor: number;
  /** Infinity: none. */
  readonly queueBudgetBytes: number;
}

export class FlowGovernor {
  private readonly limits: FlowLimits;
  private readonly outlets: readonly Outlet[];
  private readonly watches: Map<Queue, QueueWatch>;
  /** Queues whose gate is closed: looked at in every turn, all else waits for its interval. */
  private readonly closed: Set<Queue>;
  private measuredAt: number;

  constructor(limits: FlowLimits, outlets: readonly Outlet[]) {
    this.limits = limits;
    this.outlets = outlets;
    this.watches = new Map();
    this.closed = new Set();
    this.measuredAt = 0;
  }

  /** Looks at a queue that has grown. Cheap to ask after every publish. */
  consider(queue: Queue): void {
    if (queue.heldBytes >= queue.memory.slowFromBytes) this.considerBytes(queue);
    if (queue.isWatched || queue.ready.length <= this.limits.backlogMessages) return;
    this.watch(queue);
  }

  /** Opens gates; measures and adjusts rates if an interval has passed. Call once per turn. */
  tick(): void {
    if (this.watches.size === 0) return;
    const now = performance.now();
    if (this.closed.size > 0) for (const queue of this.closed) this.reopenIfDue(queue, now);
    const elapsedMillis = now - this.measuredAt;
    if (elapsedMillis < INTERVAL_MILLIS) return;
    this.measuredAt = now;
    for (const watch of this.watches.values()) this.adjust(watch, now, elapsedMillis);
  }

  /** The rate now in force for a queue's publishers, 0 = none. For reports. */
  rateOf(queue: Queue): number {
    return Math.max(0, this.watches.get(queue)?.rate ?? 0);
  }

  private considerBytes(queue: Queue): void {
    if (!queue.isWatched) this.watch(queue);
    if (queue.isClosed || queue.heldBytes < this.limits.queueBudgetBytes) return;
    queue.isClosed = true;
    this.closed.add(queue);
    this.tell(this.watches.get(queue)!, PACE_CLOSED);
  }

  private watch(queue: Queue): void {
    queue.isWatched = true;
    const now = performance.now();
    if (this.watches.size === 0) this.measuredAt = now;
    this.watches.set(queue, new QueueWatch(queue, now));
  }

  private reopenIfDue(queue: Queue, now: number): void {
    const isFull = queue.heldBytes >= this.limits.queueBudgetBytes * REOPEN_SHARE;
    if (isFull && !queue.isDeleted) return;
    queue.isClosed = false;
    this.closed.delete(queue);
    const watch = this.watches.get(queue)!;
    // At once at the pace of its consumers: free for an interval it could fill up again.
    const isSlow = !queue.isDeleted && queue.heldBytes >= queue.memory.slowFromBytes;
    this.tell(watch, isSlow && queue.consumers.size > 0 ? watch.memoryRate(now) : 0);
  }

  private adjust(watch: QueueWatch, now: number, elapsedMillis: number): void {
    const { queue } = watch;
    const { backlogMessages } = this.limits;
    watch.measure(now, elapsedMillis);
    if (queue.isClosed) return;
    const length = queue.ready.length;
    if (queue.isDeleted || (length <= backlogMessages / 2 && !watch.isLarge)) {
      this.setRate(watch, 0);
      this.watches.delete(queue);
      queue.isWatched = false;
      return;
    }
    if (queue.consumers.size === 0) this.setRate(watch, 0);
    else if (watch.isLarge) this.setRate(watch, watch.memoryRate(now));
    else this.setRate(watch, this.backlogRate(watch, length));
  }

  private backlogRate(watch: QueueWatch, length: number): number {
    if (watch.drainPerSecond < 1) return 0;
    const factor = length > this.limits.backlogMessages * 2 ? FULL_BACKLOG_FACTOR : 1;
    return Math.max(this.limits.rateFloor, Math.floor(watch.drainPerSecond * factor));
  }

  private setRate(watch: QueueWatch, rate: number): void {
    // Steps of a few percent are noise, not news.
    if (rate !== 0 && Math.abs(rate - watch.rate) * 20 < watch.rate) return;
    this.tell(watch, rate);
  }

  private tell(watch: QueueWatch, wanted: number): void {
    const rate = Math.min(wanted, RATE_MAX);
    if (rate === watch.rate) return;
    watch.rate = rate;
    const share = rate === PACE_CLOSED ? PACE_CLOSED : Math.ceil(rate / this.outlets.length);
    for (const outlet of this.outlets) outlet.pace(watch.queue.id, share);
  }
}
