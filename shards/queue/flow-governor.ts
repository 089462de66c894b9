// Slows the publishers of queues whose backlog grows faster than it drains. Shard thread.
//
// Without it a publisher flat out takes the processor time that its own queue's consumers need: 4.9
// million messages a second in, 20 thousand out. A queue is watched while it holds more than
// `flow.backlog_messages` ready messages. Every few milliseconds its drain rate is measured; while
// it has consumers that take messages, its publishers may together publish at that rate (a little
// less while the backlog exceeds twice the limit), but never less than `flow.publish_rate_floor` a
// second: a consumer that is slow by itself does not slow a publisher to its own speed. With the
// backlog down to half the limit, publishers run free again. The rate is told to acceptors by PACE
// records.
import type { Outlet } from '../outlet.ts';
import type { Queue } from './queue.ts';

const INTERVAL_MILLIS = 5;
/** Weight of the newest interval in the smoothed drain rate. */
const SMOOTHING = 0.5;
const FULL_BACKLOG_FACTOR = 0.85;
const RATE_MAX = 0x3fff_ffff;

class Watch {
  readonly queue: Queue;
  deliveredBefore: number;
  drainPerSecond: number;
  rate: number;

  constructor(queue: Queue) {
    this.queue = queue;
    this.deliveredBefore = queue.deliveredCount;
    this.drainPerSecond = -1;
    this.rate = 0;
  }
}

export class FlowGovernor {
  private readonly backlogMessages: number;
  private readonly rateFloor: number;
  private readonly outlets: readonly Outlet[];
  private readonly watches: Map<Queue, Watch>;
  private measuredAt: number;

  constructor(backlogMessages: number, rateFloor: number, outlets: readonly Outlet[]) {
    this.backlogMessages = backlogMessages;
    this.rateFloor = rateFloor;
    this.outlets = outlets;
    this.watches = new Map();
    this.measuredAt = 0;
  }

  /** Starts to watch a queue that has grown too long. Cheap to ask after every run of publishes. */
  consider(queue: Queue): void {
    if (queue.isWatched || queue.ready.length <= this.backlogMessages) return;
    queue.isWatched = true;
    if (this.watches.size === 0) this.measuredAt = performance.now();
    this.watches.set(queue, new Watch(queue));
  }

  /** Measures and adjusts, if an interval has passed. Call once per turn. */
  tick(): void {
    if (this.watches.size === 0) return;
    const now = performance.now();
    const elapsedMillis = now - this.measuredAt;
    if (elapsedMillis < INTERVAL_MILLIS) return;
    this.measuredAt = now;
    for (const watch of this.watches.values()) this.adjust(watch, elapsedMillis);
  }

  /** The rate now in force for a queue's publishers, 0 = none. For reports. */
  rateOf(queue: Queue): number {
    return this.watches.get(queue)?.rate ?? 0;
  }

  private adjust(watch: Watch, elapsedMillis: number): void {
    const queue = watch.queue;
    const length = queue.ready.length;
    if (queue.isDeleted || length <= this.backlogMessages / 2) {
      this.setRate(watch, 0);
      this.watches.delete(queue);
      queue.isWatched = false;
      return;
    }
    const drained = queue.deliveredCount - watch.deliveredBefore;
    watch.deliveredBefore = queue.deliveredCount;
    const perSecond = (drained * 1000) / elapsedMillis;
    const isFirst = watch.drainPerSecond < 0;
    watch.drainPerSecond = isFirst
      ? perSecond
      : watch.drainPerSecond + (perSecond - watch.drainPerSecond) * SMOOTHING;
    if (queue.consumers.size === 0 || watch.drainPerSecond < 1) {
      this.setRate(watch, 0);
      return;
    }
    const factor = length > this.backlogMessages * 2 ? FULL_BACKLOG_FACTOR : 1;
    const rate = Math.max(this.rateFloor, Math.floor(watch.drainPerSecond * factor));
    this.setRate(watch, Math.min(rate, RATE_MAX));
  }

  private setRate(watch: Watch, rate: number): void {
    // Steps of a few percent are noise, not news.
    if (rate !== 0 && Math.abs(rate - watch.rate) * 20 < watch.rate) return;
    if (rate === watch.rate) return;
    watch.rate = rate;
    const share = Math.ceil(rate / this.outlets.length);
    for (const outlet of this.outlets) outlet.pace(watch.queue.id, share);
  }
}
