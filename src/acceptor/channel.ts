// One client channel: what is open on it, and the order of things. Acceptor thread. The handlers of
// its methods are in handlers/; publishing, acking and delivering have their own files.
//
// While a channel waits for an answer (from a shard or from main) its later frames wait in
// `backlog`, in order; other channels of the connection go on. After the broker has refused
// something on it (channel.close) everything but close-ok is ignored (specification 1.5.2.5).
import { OUTCOME_REQUEUE } from '../../shards/mailbox/to-shard-layout.ts';
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import { SlidingWindow } from '../base/sliding-window.ts';
import { unknownDeliveryTag } from '../errors/channel-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';
import { ID_BASIC_PUBLISH, type Method } from '../protocol/methods.generated.ts';
import { ChannelBacklog } from './channel-backlog.ts';
import { ChannelConfirms } from './channel-confirms.ts';
import { ChannelTransaction } from './channel-transaction.ts';
import type { ClientConsumer } from './client-consumer.ts';
import type { Connection } from './connection.ts';
import { ContentAssembly } from './content-assembly.ts';
import { ChannelPrefetch, IS_GET } from './channel-prefetch.ts';
import { writeReturn } from './content-replies.ts';
import type { PublishAllowance } from './publish-allowance.ts';
import type { IncomingPublish } from './publisher.ts';
import type { ShardLink } from './shard-link.ts';
import type { ShardReply } from './shard-requests.ts';

/** Of channels that never had any, as most of a fleet of devices; they stay empty. */
const NO_LINKS = new Set<ShardLink>();
const NO_CONSUMERS = new Map<string, ClientConsumer>();

export class Channel {
  readonly connection: Connection;
  readonly number: number;
  /** Names the channel in ring records (id-allocator.ts). */
  readonly id: number;
  readonly assembly: ContentAssembly;
  /** By tag. */
  consumers: Map<string, ClientConsumer>;
  readonly backlog: ChannelBacklog;
  /** Delivery tag -> shard (a), number there (b). Tags count all deliveries of the channel. */
  readonly unacked: SlidingWindow;
  readonly prefetch: ChannelPrefetch;
  /** Set by confirm.select, or the transaction's own. */
  confirms: ChannelConfirms | undefined;
  /** Set by tx.select. */
  transaction: ChannelTransaction | undefined;
  /** Consumes from the queue behind direct reply-to, if it is not gone. */
  replyConsumer: ClientConsumer | undefined;
  /** basic.qos with global=false: of consumers to come (0 = no limit). */
  consumerPrefetch: number;
  /** The queue that an empty queue name means (specification 1.7.2.3). */
  lastQueueName: string;
  isOpen: boolean;
  /** An answer is awaited. */
  isWaiting: boolean;
  private readonly delayedNotices: Method[];
  /** Shards that know this channel. */
  private openLinks: Set<ShardLink>;

  constructor(connection: Connection, number: number, id: number) {
    const { acceptor } = connection;
    this.connection = connection;
    this.number = number;
    this.id = id;
    this.assembly = new ContentAssembly(acceptor.readRuns, acceptor.inlineBytesMax);
    this.consumers = NO_CONSUMERS;
    this.backlog = new ChannelBacklog();
    this.prefetch = new ChannelPrefetch(acceptor.links.length);
    this.unacked = new SlidingWindow(1, 0);
    this.confirms = undefined;
    this.transaction = undefined;
    this.replyConsumer = undefined;
    this.consumerPrefetch = 0;
    this.lastQueueName = '';
    this.isOpen = true;
    this.isWaiting = false;
    this.delayedNotices = [];
    this.openLinks = NO_LINKS;
  }

  send(method: Method): void {
    this.connection.send(this.number, method);
  }

  /** Sends what the client did not ask for, but never between its request and our answer. */
  notice(method: Method): void {
    if (this.isWaiting) this.delayedNotices.push(method);
    else this.send(method);
  }

  /** An answer is awaited, or frames are waiting behind one. */
  get isBusy(): boolean {
    return this.isOpen && (this.isWaiting || !this.backlog.isEmpty);
  }

  // --- publishing -----------------------------------------------------------------------------

  /** Takes a complete publish; false when it has to be offered again. */
  publish(message: IncomingPublish): boolean {
    try {
      const { acceptor, allowance } = this.connection;
      if (allowance !== undefined) return this.publishWithin(allowance, message);
      return acceptor.publisher.publish(this, message);
    } catch (error) {
      if (!(error instanceof AmqpError) || error.refusal.scope !== 'channel') throw error;
      this.refuse(error.refusal, ID_BASIC_PUBLISH);
      return true;
    }
  }

  /** As `publish`, at the rate that the connection is allowed. */
  private publishWithin(allowance: PublishAllowance, message: IncomingPublish): boolean {
    if (!allowance.mayPublish()) return false;
    if (!this.connection.acceptor.publisher.publish(this, message)) return false;
    allowance.spend(message.exrkBytes + message.propsBytes + message.bodyBytes);
    return true;
  }

  /** Part of a body; ignored when the publish was refused meanwhile. */
  bodyBytes(bytes: Buffer, from: number, count: number): void {
    if (this.isOpen && this.assembly.expectsBody) this.assembly.body(bytes, from, count);
  }

  /** A body frame is over: the publish goes on its way if that was the last. */
  bodyFrameEnded(): void {
    if (this.assembly.isComplete) this.finishPublish();
  }

  /**
   * Hands the assembled publish on; without room the connection stalls, to retry it later.
   */
  finishPublish(): boolean {
    const { assembly } = this;
    const { incoming } = this.connection.acceptor;
    assembly.fill(incoming);
    if (!this.publish(incoming)) {
      this.connection.flow.stallWith(this);
      return false;
    }
    // A refused publish has closed the channel, which abandons the assembly.
    if (this.isOpen) assembly.finish();
    return true;
  }

  /** basic.return, 312 NO_ROUTE (specification 1.8.3.9). */
  returnUnroutable(message: IncomingPublish): void {
    writeReturn(this, message);
  }

  /** Tries again what found no room; false when there is still none. */
  retryPublish(): boolean {
    if (this.transaction?.isSending === true) return this.transaction.send();
    return this.finishPublish();
  }

  selectTransaction(): void {
    this.transaction ??= new ChannelTransaction(this);
    this.confirms = this.transaction.confirms;
  }

  selectConfirms(): void {
    this.confirms ??= new ChannelConfirms({
      ack: (deliveryTag, multiple) => {
        if (this.isOpen) this.send({ name: 'basic.ack', deliveryTag, multiple });
      },
      nack: (deliveryTag) => {
        const flags = { multiple: false, requeue: false };
        if (this.isOpen) this.send({ name: 'basic.nack', deliveryTag, ...flags });
      },
    });
  }

  // --- consuming ------------------------------------------------------------------------------

  addConsumer(consumer: ClientConsumer): void {
    if (this.consumers === NO_CONSUMERS) this.consumers = new Map();
    this.consumers.set(consumer.tag, consumer);
  }

  /** The link to a queue's shard, which is told of this channel first. */
  linkTo(shard: number): ShardLink {
    const { links } = this.connection.acceptor;
    const link = links[shard];
    if (!this.openLinks.has(link)) {
      if (this.openLinks === NO_LINKS) this.openLinks = new Set();
      this.openLinks.add(link);
      const { id, frameMax } = this.connection;
      const words = [this.id, id, this.prefetch.grant(link.shard), this.number, frameMax];
      link.operate(layout.CHANNEL_OPEN, layout.CHANNEL_OPEN_BYTES, words);
    }
    return link;
  }

  /** basic.qos with global=true: a limit over all consumers of the channel. */
  limitChannel(prefetchCount: number): void {
    this.prefetch.setLimit(prefetchCount, this.unacked);
    this.transaction?.forEachAcked((shard) => this.prefetch.countHeld(shard));
    for (const link of this.openLinks) this.grantPrefetch(link);
  }

  /** Settles one delivery, or all up to `deliveryTag` (0: all), with the client's outcome. */
  settle(deliveryTag: number, multiple: boolean, outcome: number): void {
    const { unacked } = this;
    if (multiple && deliveryTag === 0) {
      this.settleUpTo(unacked.end, outcome);
      return;
    }
    if (!unacked.find(deliveryTag)) throw new AmqpError(unknownDeliveryTag(deliveryTag));
    if (multiple) {
      this.settleUpTo(deliveryTag, outcome);
      return;
    }
    unacked.remove(deliveryTag);
    this.settleTaken(outcome);
    this.regrant();
  }

  private settleUpTo(deliveryTag: number, outcome: number): void {
    while (this.unacked.takeOldest(deliveryTag)) this.settleTaken(outcome);
    this.regrant();
  }

  /** Settles the delivery just taken out of the window, or has the transaction do so. */
  private settleTaken(outcome: number): void {
    const { transaction, unacked } = this;
    if (transaction !== undefined) transaction.settle(outcome);
    else this.settled(unacked.a, unacked.b, unacked.c, outcome);
  }

  /** Tells a shard what becomes of delivery `number`; `regrant` follows. */
  settled(shard: number, number: number, kind: number, outcome: number): void {
    this.connection.acceptor.links[shard].ack(this.id, number, outcome);
    if (kind !== IS_GET) this.prefetch.settled(shard);
  }

  /** Tells shards whose grant acks have outgrown how much they may deliver now. */
  regrant(): void {
    for (const link of this.openLinks) {
      if (this.prefetch.isOutgrown(link.shard)) this.grantPrefetch(link);
    }
  }

  /** Tells a shard how many deliveries of this channel it may hold unacked. */
  grantPrefetch(link: ShardLink): void {
    const words = [this.id, this.prefetch.grant(link.shard)];
    link.operate(layout.CHANNEL_QOS, layout.CHANNEL_QOS_BYTES, words);
  }

  /** basic.recover: everything unacked returns to its place, transaction or not. */
  requeueAll(): void {
    const { unacked } = this;
    while (unacked.takeOldest(unacked.end)) {
      this.settled(unacked.a, unacked.b, unacked.c, OUTCOME_REQUEUE);
    }
    this.regrant();
  }

  // --- waiting --------------------------------------------------------------------------------

  /** Later frames wait until `resume`. */
  wait(): void {
    this.isWaiting = true;
  }

  resume(): void {
    this.isWaiting = false;
    for (const method of this.delayedNotices.splice(0)) if (this.isOpen) this.send(method);
    this.connection.flow.channelResumed(this);
  }

  /**
   * Asks a shard; `onReply` runs inside the drain of its ring, before any later delivery. What it
   * promises is waited for.
   */
  ask(
    link: ShardLink,
    kind: number,
    bytes: number,
    words: readonly number[],
    methodId: number,
    onReply: (reply: ShardReply) => Promise<void> | void,
  ): void {
    const { acceptor } = this.connection;
    this.wait();
    const request = acceptor.requests.add((reply) => {
      if (this.isOpen) return this.guard(methodId, () => onReply(reply));
      if (reply.at >= 0) acceptor.deliveries.discard(this, link, reply.at);
      this.resume();
    });
    link.operate(kind, bytes, [request, ...words]);
    acceptor.scheduleTurn();
  }

  /** Runs what needs answers from main; refusals close the channel on behalf of `methodId`. */
  async whileWaiting(methodId: number, run: () => Promise<void>): Promise<void> {
    this.wait();
    try {
      await run();
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      if (this.isOpen) this.connection.refuse(error.refusal, this, methodId);
    }
    this.resume();
  }

  private guard(methodId: number, run: () => Promise<void> | void): void {
    try {
      const rest = run();
      if (rest !== undefined) return void this.whileWaiting(methodId, () => rest);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.connection.refuse(error.refusal, this, methodId);
    }
    this.resume();
  }

  // --- closing --------------------------------------------------------------------------------

  /** Closes the channel with a reply code; it stays, deaf, until the client's close-ok. */
  refuse(refusal: Refusal, methodId: number): void {
    this.end();
    this.send({
      name: 'channel.close',
      replyCode: refusal.code,
      replyText: refusal.text,
      classId: methodId >>> 16,
      methodId: methodId & 0xffff,
    });
  }

  /**
   * Ends everything on the channel. `onSettled` runs when every shard has put the unacked messages
   * back, so that a client that reopens finds them.
   */
  end(onSettled?: () => void): void {
    if (!this.isOpen) {
      onSettled?.();
      return;
    }
    this.isOpen = false;
    this.assembly.abandon();
    this.transaction?.abandon();
    this.backlog.clear();
    const { acceptor } = this.connection;
    for (const consumer of this.consumers.values()) consumer.isGone = true;
    const settled = (): void => {
      for (const consumer of this.consumers.values()) acceptor.forgetConsumer(consumer);
      this.consumers.clear();
      acceptor.ids.release(this.id);
      onSettled?.();
    };
    let waitingFor = this.openLinks.size;
    if (waitingFor === 0) settled();
    for (const link of this.openLinks) {
      const request = acceptor.requests.add(() => {
        waitingFor -= 1;
        if (waitingFor === 0) settled();
      });
      link.operate(layout.CHANNEL_CLOSE, layout.CHANNEL_CLOSE_BYTES, [request, this.id]);
    }
    this.unacked.clear();
  }
}
