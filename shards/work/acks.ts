// Records of the ack ring: acks of every outcome, window credit, and slab releases. Shard thread,
// hot path. Served before any publish of the same turn.
import type { ChannelUnacked } from '../consumer/channel-unacked.ts';
import { BLOCKED_ON_PREFETCH, type Consumer, unblockAll } from '../consumer/consumer.ts';
import {
  ACK,
  ACK_CHANNEL,
  ACK_COUNT,
  ACK_FIRST,
  ACK_OUTCOME,
  CREDIT,
  CREDIT_BYTES_FREED,
  CREDIT_CONNECTION,
  FORWARDED,
  FORWARDED_NUMBER,
  FORWARDED_OUTCOME,
  OUTCOME_REJECT,
  OUTCOME_REQUEUE,
  OUTCOME_UNDELIVERED,
  RELEASE_MESSAGE,
} from '../mailbox/to-shard-layout.ts';
import type { Port } from '../port.ts';
import type { ShardState } from '../shard-state.ts';

export class AckWork {
  private readonly state: ShardState;

  constructor(state: ShardState) {
    this.state = state;
  }

  /** Handles everything on the ack ring now. True when the acceptor waited for its space. */
  drain(port: Port): boolean {
    const ring = port.acks;
    if (!ring.refresh()) return false;
    const words = ring.words;
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      const kind = words[at + 1];
      if (kind === ACK) this.ack(port, words, at);
      else if (kind === CREDIT) credit(port, words, at);
      else if (kind === FORWARDED) {
        const outcome = words[at + FORWARDED_OUTCOME];
        this.state.forwards.settled(words[at + FORWARDED_NUMBER], outcome);
      } else this.state.store.release(words[at + RELEASE_MESSAGE]);
    }
    return ring.release();
  }

  private ack(port: Port, words: Int32Array, at: number): void {
    const channel = port.channels.get(words[at + ACK_CHANNEL]);
    // The channel may have been closed by an operation on the other ring, which settled everything.
    if (channel === undefined) return;
    const outcome = words[at + ACK_OUTCOME];
    const first = channel.widen(words[at + ACK_FIRST]);
    const end = first + words[at + ACK_COUNT];
    for (let number = first; number < end; number += 1) this.settle(channel, number, outcome);
    if (channel.blocked.length > 0 && !channel.isFull) unblockAll(channel.blocked);
  }

  /** Ends one unacked delivery. */
  settle(channel: ChannelUnacked, number: number, outcome: number): void {
    const unacked = channel.unacked;
    if (!unacked.find(number)) return;
    const handle = unacked.a;
    const position = unacked.b;
    const consumer = this.state.consumers.at(unacked.c);
    const deliveryCount = unacked.d;
    unacked.remove(number);
    const queue = consumer.queue;
    if (outcome === OUTCOME_REQUEUE) {
      const { deliveryLimit } = queue.rules.settings;
      if (deliveryLimit >= 0 && deliveryCount > deliveryLimit) {
        queue.reject(handle, position, 'delivery_limit');
      } else {
        queue.requeue(handle, position, deliveryCount);
      }
    } else if (outcome === OUTCOME_UNDELIVERED) {
      queue.requeue(handle, position, deliveryCount - 1);
    } else {
      queue.ackedCount += 1;
      if (outcome === OUTCOME_REJECT) queue.reject(handle, position, 'rejected');
      else queue.drop(handle, position);
    }
    this.settled(consumer);
  }

  private settled(consumer: Consumer): void {
    consumer.unacked -= 1;
    if (consumer.isGetter) consumer.channel.gotUnacked -= 1;
    if (consumer.blockedOn === BLOCKED_ON_PREFETCH) consumer.unblock();
    if (consumer.unacked === 0) this.state.consumers.freeIfDone(consumer);
  }
}

function credit(port: Port, words: Int32Array, at: number): void {
  const window = port.windows.get(words[at + CREDIT_CONNECTION]);
  if (window === undefined) return;
  if (window.credit(words[at + CREDIT_BYTES_FREED])) unblockAll(window.blocked);
}
