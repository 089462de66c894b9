// Publishes what shards forward: dead letters, and messages that an exchange has delayed. Acceptor
// thread, cold; the other end is shards/deadletter/forwards.ts.
//
//   FORWARD -> headers say why, routed (forward-onward.ts)
//           -> PUBLISH records -> all confirmed -> FORWARDED
//
// A message that finds a ring full waits here, in memory of its own, in order; a shard has few
// underway, so these are few. What no queue gets has reached its end, as in RabbitMQ; a shard that
// must not lose it (at-least-once) offers it again. A broker that stops takes no more of them and
// waits for those that are published: their shards would otherwise keep what has arrived elsewhere.
import { setTimeout as sleep } from 'node:timers/promises';
import { FORWARD_NUMBER } from '../../shards/mailbox/from-shard-layout.ts';
import {
  DIED_FLAG,
  FORWARDED_AGAIN,
  FORWARDED_DONE,
  FORWARDED_FAILED,
  FORWARDED_LATER,
} from '../../shards/mailbox/to-shard-layout.ts';
import { NO_PAGE } from '../../shards/mailbox/slab.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Acceptor } from './acceptor.ts';
import { onward } from './forward-onward.ts';
import { ForwardRecord } from './forward-record.ts';
import type { IncomingPublish } from './publisher.ts';
import type { ShardLink } from './shard-link.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

const FINISH_POLL_MILLIS = 1;

/** One forwarded message until its targets have it. */
interface Forwarded {
  readonly link: ShardLink;
  readonly number: number;
  readonly message: IncomingPublish;
  readonly queues: readonly QueueSpec[];
  /** A copy in the own slab, which is ours until the message has gone. */
  readonly copyPage: number;
}

interface Underway {
  readonly link: ShardLink;
  readonly number: number;
  left: number;
  isRefused: boolean;
}

export class Forwarding implements ConfirmSink {
  private readonly acceptor: Acceptor;
  private readonly underway: Map<number, Underway>;
  /** They wait for room. */
  private readonly parked: Forwarded[];
  private nextNumber: number;
  private isStopping: boolean;
  /**
   * This acceptor has been told of the topology. Before that it would find no queue at all, so what
   * shards that have recovered forward already stays in their rings, in its order.
   */
  hasTopology: boolean;
  /** Shards of messages that had no target when they were looked at last. */
  private readonly failing: Set<ShardLink>;
  /** Messages published, and those that no queue got. */
  publishedCount: number;
  droppedCount: number;

  constructor(acceptor: Acceptor) {
    this.acceptor = acceptor;
    this.underway = new Map();
    this.parked = [];
    this.nextNumber = 1;
    this.isStopping = false;
    this.hasTopology = false;
    this.failing = new Set();
    this.publishedCount = 0;
    this.droppedCount = 0;
  }

  /** The topology is this from now on, and what no queue got may have one now. */
  topologyChanged(): void {
    this.hasTopology = true;
    for (const link of this.failing) link.forwarded(0, FORWARDED_AGAIN);
    this.failing.clear();
  }

  /** A FORWARD record at word `at` of the shard's ring. */
  take(link: ShardLink, at: number): void {
    if (this.isStopping) {
      link.forwarded(link.deliveries.words[at + FORWARD_NUMBER], FORWARDED_LATER);
      return;
    }
    const record = new ForwardRecord(link.deliveries, at);
    const routes = this.acceptor.vhost(record.vhost)?.routes;
    const next = routes && onward(record, record.props(this.acceptor.slabs), routes);
    if (next === undefined) {
      this.droppedCount += 1;
      this.failing.add(link);
      link.forwarded(record.number, FORWARDED_FAILED);
      return;
    }
    const { exrk, props, queues, hasDied, delayMillis } = next;
    const message = record.message(exrk, props, this.acceptor);
    if (message === undefined) {
      link.forwarded(record.number, FORWARDED_LATER);
      return;
    }
    message.flags = hasDied ? DIED_FLAG : 0;
    message.delayMillis = delayMillis;
    const isCopy = message.slabPage !== NO_PAGE && message.slabSkip < 0;
    const copyPage = isCopy ? message.slabPage : NO_PAGE;
    const forwarded = { link, number: record.number, message, queues, copyPage };
    if (this.parked.length > 0 || !this.publish(forwarded)) this.parked.push(forwarded);
  }

  /** Tries again what found no room. True when something still waits. */
  retry(): boolean {
    while (this.parked.length > 0) {
      if (!this.publish(this.parked[0])) return true;
      this.parked.shift();
    }
    return false;
  }

  /** Publishes nothing any more; resolves when shards know of all that was, or time is up. */
  async finish(millisMax: number): Promise<void> {
    this.isStopping = true;
    for (const { link, number, copyPage } of this.parked.splice(0)) {
      if (copyPage !== NO_PAGE) this.acceptor.slab.release(copyPage);
      link.forwarded(number, FORWARDED_LATER);
    }
    const end = performance.now() + millisMax;
    while (this.underway.size > 0 && performance.now() < end) await sleep(FINISH_POLL_MILLIS);
    for (const link of this.acceptor.links) link.flush();
  }

  get isWaiting(): boolean {
    return this.parked.length > 0;
  }

  confirm(number: number): boolean {
    const one = this.underway.get(number)!;
    one.left -= 1;
    if (one.left > 0) return false;
    this.underway.delete(number);
    one.link.forwarded(one.number, one.isRefused ? FORWARDED_FAILED : FORWARDED_DONE);
    return false;
  }

  refuse(number: number): void {
    this.underway.get(number)!.isRefused = true;
  }

  private publish(forwarded: Forwarded): boolean {
    const { link, number, message, queues, copyPage } = forwarded;
    const own = this.nextNumber;
    const { publisher, slab } = this.acceptor;
    const left = publisher.publishTo(queues, message, this, own);
    if (left === 0) return false;
    this.nextNumber += 1;
    this.publishedCount += 1;
    this.underway.set(own, { link, number, left, isRefused: false });
    if (copyPage !== NO_PAGE) slab.release(copyPage);
    return true;
  }
}
