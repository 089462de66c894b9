// Deliveries that are not acked in time (https://www.rabbitmq.com/docs/consumers#acknowledgement-
// timeout and consumer_timeouts.md of RabbitMQ 4.3). Shard thread: a clock that looks at the
// channels once a second at most; no delivery and no ack pays for it.
//
// What counts: the consumer's x-consumer-timeout, else the queue's (argument or policy, the lower),
// else the configuration's. When a delivery of a classic queue is overdue its channel is closed
// (RabbitMQ 3.12 to 4.2); of a quorum queue what is overdue goes back and its consumer ends (4.3).
import type { ChannelUnacked } from '../consumer/channel-unacked.ts';
import type { Consumer } from '../consumer/consumer.ts';
import { NO_CONSUMER } from '../mailbox/from-shard-layout.ts';
import { NO_TIMEOUT, OUTCOME_REQUEUE } from '../mailbox/to-shard-layout.ts';
import type { ShardState } from '../shard-state.ts';
import type { AckWork } from './acks.ts';

/** Samples of a channel's deliveries are so far apart at most. */
const SPACING_MILLIS_MAX = 60_000;
/** Ages are known to this part of the timeout. */
const SPACING_DIVISOR = 10;

export class AckTimeouts {
  private readonly state: ShardState;
  private readonly acks: AckWork;

  constructor(state: ShardState, acks: AckWork) {
    this.state = state;
    this.acks = acks;
  }

  /** Looks at all channels; true when something was overdue. Call about once a second. */
  look(now: number): boolean {
    let isSomeOverdue = false;
    for (const port of this.state.ports) {
      for (const channel of port.channels.values()) {
        const { ages, unacked } = channel;
        if (unacked.size === 0) ages.clear();
        else if (now >= ages.dueAt && this.lookAt(channel, now)) isSomeOverdue = true;
      }
    }
    return isSomeOverdue;
  }

  private lookAt(channel: ChannelUnacked, now: number): boolean {
    const { ages, unacked } = channel;
    const { shortest, longest } = this.timeoutsOn(channel);
    ages.dueAt = now + Math.min(shortest / SPACING_DIVISOR, SPACING_MILLIS_MAX);
    if (shortest === Number.POSITIVE_INFINITY) {
      ages.clear();
      return false;
    }
    ages.note(unacked.end, now);
    ages.forgetBefore(now - longest);
    const end = ages.endAt(now - shortest);
    if (end === 0) return false;
    const overdue = this.overdueOf(channel, now, end);
    return overdue !== undefined && this.end(channel, overdue);
  }

  /** The timeouts that may matter to what is unacked, without those that are none. */
  private timeoutsOn(channel: ChannelUnacked): { shortest: number; longest: number } {
    // What consumers that have gone still hold counts by the configuration at the latest.
    const timeouts = [this.configured()];
    for (const consumer of channel.consumers) timeouts.push(this.timeoutOf(consumer));
    for (const getter of channel.getters.values()) timeouts.push(this.timeoutOf(getter));
    const real = timeouts.filter((timeout) => timeout !== Number.POSITIVE_INFINITY);
    return { shortest: Math.min(...real), longest: Math.max(0, ...real) };
  }

  private timeoutOf(consumer: Consumer): number {
    const { consumerTimeoutMillis: ofQueue } = consumer.queue.settings;
    if (consumer.timeoutMillis !== NO_TIMEOUT) return orNever(consumer.timeoutMillis);
    return ofQueue === NO_TIMEOUT ? this.configured() : orNever(ofQueue);
  }

  private configured(): number {
    return orNever(this.state.consumerTimeoutMillis);
  }

  /** The overdue deliveries below `end`: by consumer. Undefined when there are none. */
  private overdueOf(
    channel: ChannelUnacked,
    now: number,
    end: number,
  ): Map<Consumer, number[]> | undefined {
    const { unacked, ages } = channel;
    let overdue: Map<Consumer, number[]> | undefined;
    for (const number of unacked.keys()) {
      if (number >= end) break;
      unacked.find(number);
      const consumer = this.state.consumers.at(unacked.c);
      if (number >= ages.endAt(now - this.timeoutOf(consumer))) continue;
      overdue ??= new Map();
      const numbers = overdue.get(consumer);
      if (numbers === undefined) overdue.set(consumer, [number]);
      else numbers.push(number);
    }
    return overdue;
  }

  private end(channel: ChannelUnacked, overdue: ReadonlyMap<Consumer, readonly number[]>): boolean {
    for (const consumer of overdue.keys()) {
      if (consumer.queue.settings.isQuorum && !consumer.isGetter) continue;
      // The channel is closed for it, and with that everything goes back.
      channel.outlet.ackTimeout(channel.id, NO_CONSUMER, this.timeoutOf(consumer));
      channel.ages.dueAt = Number.POSITIVE_INFINITY;
      return true;
    }
    for (const [consumer, numbers] of overdue) {
      const timeout = this.timeoutOf(consumer);
      // First, so that it does not get its messages again.
      if (!consumer.isGone) this.state.removeConsumer(consumer);
      for (const number of numbers) this.acks.settle(channel, number, OUTCOME_REQUEUE);
      if (consumer.isOverdue) continue;
      consumer.isOverdue = true;
      channel.outlet.ackTimeout(channel.id, consumer.id, timeout);
    }
    return true;
  }
}

/** 0 stands for no timeout. */
function orNever(millis: number): number {
  return millis === 0 ? Number.POSITIVE_INFINITY : millis;
}
