// One consumer of one queue, as the shard sees it. Shard thread. A basic.get with acks is a
// consumer too, one per (channel, queue), that is never part of a queue's rotation: its unacked
// message is then found, acked and requeued like any other.
//
// A consumer is active (in its queue's rotation) or blocked on exactly one thing, on whose list it
// waits. When that thing changes it becomes active again and is looked at afresh. Only one that is
// idle (single-active.ts), or gone, is nowhere.
import { deliverHead } from '../../src/protocol/deliver-frames.ts';
import type { Queue } from '../queue/queue.ts';
import type { ChannelUnacked } from './channel-unacked.ts';

export const NOT_BLOCKED = 0;
export const BLOCKED_ON_PREFETCH = 1;
const BLOCKED_ON_CHANNEL = 2;
const BLOCKED_ON_WINDOW = 3;
export const BLOCKED_ON_OUTLET = 4;
/** Another consumer is its queue's only active one (single-active.ts). */
const IDLE = 5;

export interface ConsumerOptions {
  /** The acceptor's number for it. */
  readonly id: number;
  /** Row in the shard's consumer table. */
  readonly index: number;
  readonly tag: Uint8Array;
  readonly queue: Queue;
  readonly channel: ChannelUnacked;
  readonly isGetter: boolean;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** Unacked deliveries allowed; 0 = no limit (basic.qos with global=false). */
  readonly prefetch: number;
  readonly priority: number;
  /** In which deliveries have to be acked: 0 = any time, NO_TIMEOUT = as the queue says. */
  readonly timeoutMillis: number;
}

export class Consumer {
  readonly id: number;
  readonly index: number;
  /** How every basic.deliver for it begins. */
  readonly deliverHead: Buffer<ArrayBuffer>;
  readonly tag: string;
  readonly queue: Queue;
  readonly channel: ChannelUnacked;
  readonly isGetter: boolean;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly prefetch: number;
  readonly priority: number;
  readonly timeoutMillis: number;
  unacked: number;
  /** Delivered bytes that have not left for the kernel: see ConnectionWindow. */
  outstandingBytes: number;
  /** What its outlet had delivered in all when it got its last message. */
  lastDelivery: number;
  blockedOn: number;
  /** No delivery follows; its row is free once nothing is unacked. */
  isGone: boolean;
  /** It was ended because deliveries were not acked in time. */
  isOverdue: boolean;
  /** Neighbours in the rotation of active consumers of the same priority. */
  next: Consumer | null;
  previous: Consumer | null;

  constructor(options: ConsumerOptions) {
    this.id = options.id;
    this.index = options.index;
    this.deliverHead = deliverHead(options.channel.number, options.tag);
    // A short string: its length comes first.
    this.tag = Buffer.from(options.tag.subarray(1)).toString();
    this.queue = options.queue;
    this.channel = options.channel;
    this.isGetter = options.isGetter;
    this.noAck = options.noAck;
    this.exclusive = options.exclusive;
    this.prefetch = options.prefetch;
    this.priority = options.priority;
    this.timeoutMillis = options.timeoutMillis;
    this.unacked = 0;
    this.outstandingBytes = 0;
    this.lastDelivery = options.channel.outlet.deliveryCount;
    this.blockedOn = NOT_BLOCKED;
    this.isGone = false;
    this.isOverdue = false;
    this.next = null;
    this.previous = null;
  }

  /** What keeps the next delivery back, NOT_BLOCKED when nothing does. */
  obstacle(): number {
    if (this.prefetch !== 0 && this.unacked >= this.prefetch) return BLOCKED_ON_PREFETCH;
    const channel = this.channel;
    // Deliveries without acks do not count towards the channel's limit; they wait for it, though.
    if (channel.isFull) return BLOCKED_ON_CHANNEL;
    return channel.window.isFullFor(this) ? BLOCKED_ON_WINDOW : NOT_BLOCKED;
  }

  /** Leaves the rotation until what `obstacle` names has changed. */
  block(obstacle: number): void {
    this.queue.rotation.remove(this);
    this.blockedOn = obstacle;
    if (obstacle === BLOCKED_ON_CHANNEL) this.channel.blocked.push(this);
    else if (obstacle === BLOCKED_ON_WINDOW) this.channel.window.blocked.push(this);
    else if (obstacle === BLOCKED_ON_OUTLET) this.channel.outlet.blocked.push(this);
  }

  /** No delivery follows: leaves the rotation, or the list on which it waits. */
  leave(): void {
    this.isGone = true;
    if (!this.isGetter) this.idle();
  }

  /** Leaves the rotation, or the list on which it waits, until it is unblocked. */
  idle(): void {
    const { blockedOn, channel } = this;
    if (blockedOn === NOT_BLOCKED && this.next !== null) this.queue.rotation.remove(this);
    else if (blockedOn === BLOCKED_ON_CHANNEL) removeFrom(channel.blocked, this);
    else if (blockedOn === BLOCKED_ON_WINDOW) removeFrom(channel.window.blocked, this);
    else if (blockedOn === BLOCKED_ON_OUTLET) removeFrom(channel.outlet.blocked, this);
    this.blockedOn = IDLE;
  }

  /** Joins the rotation again; its queue is looked at in this turn. */
  unblock(): void {
    this.blockedOn = NOT_BLOCKED;
    if (this.isGone) return;
    this.queue.rotation.add(this);
    this.queue.wake();
  }
}

function removeFrom(blocked: Consumer[], consumer: Consumer): void {
  const at = blocked.indexOf(consumer);
  if (at >= 0) blocked.splice(at, 1);
}

/**
 * Unblocks every consumer that waits on a list. What they wait for may suffice for one of them
 * only, so whoever has waited longest since its last delivery comes first, within a queue and
 * across queues.
 */
export function unblockAll(blocked: Consumer[]): void {
  const consumers = blocked.splice(0);
  if (consumers.length > 1) consumers.sort(byLastDelivery);
  for (const consumer of consumers) consumer.unblock();
}

/** Delivery counts are free-running 32 bits: by signed difference. */
function byLastDelivery(a: Consumer, b: Consumer): number {
  return (a.lastDelivery - b.lastDelivery) | 0;
}
