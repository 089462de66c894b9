// The paces of all queues that this acceptor's clients publish to. Acceptor thread.
import { QueuePace } from './queue-pace.ts';

export class QueuePaces {
  private readonly paces: Map<number, QueuePace>;
  /** Those with a rate: refilled every turn. */
  private readonly limited: Set<QueuePace>;

  constructor() {
    this.paces = new Map();
    this.limited = new Set();
  }

  /** The pace of a queue; the same object for as long as the queue exists. */
  of(queueId: number): QueuePace {
    let pace = this.paces.get(queueId);
    if (pace === undefined) {
      pace = new QueuePace(queueId);
      this.paces.set(queueId, pace);
    }
    return pace;
  }

  setRate(queueId: number, publishesPerSecond: number): void {
    // A client of this acceptor may start to publish to the queue while a rate is in force; that
    // there is none any more (the queue may be gone, too) is no reason to make a pace.
    if (publishesPerSecond === 0 && !this.paces.has(queueId)) return;
    const pace = this.of(queueId);
    pace.setRate(publishesPerSecond, performance.now());
    if (pace.isFree || pace.isInForce) this.limited.delete(pace);
    else this.limited.add(pace);
  }

  forget(queueId: number): void {
    const pace = this.paces.get(queueId);
    if (pace === undefined) return;
    pace.setRate(0, 0);
    this.limited.delete(pace);
    this.paces.delete(queueId);
  }

  /** Call once per turn. True when any queue has a rate. */
  refill(): boolean {
    if (this.limited.size === 0) return false;
    const now = performance.now();
    for (const pace of this.limited) pace.refill(now);
    return true;
  }
}
