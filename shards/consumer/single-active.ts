// Which consumer of a queue with x-single-active-consumer gets its messages
// (https://www.rabbitmq.com/docs/consumers#single-active-consumer). Shard thread, cold: only the
// active consumer is ever in the queue's rotation, so delivering costs what it costs elsewhere.
//
// The first to come is active until it goes; then whoever has the highest priority, and of these
// who came first. On a quorum queue a newcomer of a higher priority takes over: the active one
// gets nothing more, and when all that it holds is settled the other becomes active.
// Invariant: a consumer that is not active is in no list (`idle`), whatever it could take.
import type { Consumer } from './consumer.ts';

export class SingleActive {
  active: Consumer | undefined;
  /** The active one only has to settle what it holds. */
  private isFading: boolean;
  /** All consumers of the queue, as they came. */
  private readonly consumers: ReadonlySet<Consumer>;
  private readonly givesWay: boolean;

  /** `givesWay`: to a newcomer of a higher priority. */
  constructor(consumers: ReadonlySet<Consumer>, givesWay: boolean) {
    this.active = undefined;
    this.isFading = false;
    this.consumers = consumers;
    this.givesWay = givesWay;
  }

  /** A consumer has come; it is among the queue's. */
  joined(consumer: Consumer): void {
    const { active } = this;
    consumer.idle();
    if (active === undefined) {
      this.choose();
    } else if (this.givesWay && !this.isFading && consumer.priority > active.priority) {
      this.isFading = true;
      active.idle();
      this.settled(active);
    }
  }

  /** A consumer has gone; it is no longer among the queue's. */
  left(consumer: Consumer): void {
    if (consumer === this.active) this.choose();
    // Nobody is left to give way to.
    else if (this.isFading && this.best() === this.active) this.choose();
  }

  /** A consumer has settled something. */
  settled(consumer: Consumer): void {
    if (this.isFading && consumer === this.active && consumer.unacked === 0) this.choose();
  }

  private choose(): void {
    this.isFading = false;
    this.active = this.best();
    this.active?.unblock();
  }

  private best(): Consumer | undefined {
    let best: Consumer | undefined;
    for (const consumer of this.consumers) {
      if (best === undefined || consumer.priority > best.priority) best = consumer;
    }
    return best;
  }
}
