// Drains one shard's ring: deliveries become frames, replies reach whoever asked, and so on.
// Acceptor thread, hot path. The drain is bounded by what the ring held when it began.
import * as layout from '../../shards/mailbox/from-shard-layout.ts';
import {
  OUTCOME_UNDELIVERED,
  REDELIVERED_FLAG,
  SLAB_FLAG,
} from '../../shards/mailbox/to-shard-layout.ts';
import { copyBytes } from '../base/copy.ts';
import { tagDelivery } from '../protocol/deliver-frames.ts';
import { ID_BASIC_DELIVER } from '../protocol/methods.generated.ts';
import type { Acceptor } from './acceptor.ts';
import { takeAckTimeout } from './ack-timeout.ts';
import type { Channel } from './channel.ts';
import { IS_GET } from './channel-prefetch.ts';
import type { ClientConsumer } from './client-consumer.ts';
import { OutgoingContent, writeContent, writeDeliverMethod } from './content-frames.ts';
import { readRecord, writeGetOk } from './content-replies.ts';
import type { ShardLink } from './shard-link.ts';

export class Deliveries {
  private readonly acceptor: Acceptor;
  private readonly content: OutgoingContent;
  /** The consumer of the last delivery: the next one is most often for the same. */
  private lastConsumer: ClientConsumer | undefined;
  deliveredCount: number;

  constructor(acceptor: Acceptor) {
    this.acceptor = acceptor;
    this.content = new OutgoingContent();
    this.lastConsumer = undefined;
    this.deliveredCount = 0;
  }

  /** Handles everything the ring holds now; true when there was anything. */
  drain(link: ShardLink): boolean {
    const ring = link.deliveries;
    if (!ring.refresh()) return false;
    const words = ring.words;
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      switch (words[at + 1]) {
        case layout.FRAMES:
          this.frames(link, at);
          break;
        case layout.DELIVER:
          this.deliver(link, at);
          break;
        case layout.GOT:
          this.acceptor.requests.answer(words[at + layout.GOT_REQUEST], {
            status: layout.STATUS_OK,
            a: 0,
            b: 0,
            at,
          });
          break;
        case layout.REPLY:
          this.acceptor.requests.answer(words[at + layout.REPLY_REQUEST], {
            status: words[at + layout.REPLY_STATUS],
            a: words[at + layout.REPLY_A],
            b: words[at + layout.REPLY_B],
            at: -1,
          });
          break;
        case layout.CONSUMER_GONE:
          this.consumerGone(words[at + layout.CONSUMER_GONE_CONSUMER]);
          break;
        case layout.ACK_TIMEOUT:
          takeAckTimeout(this.acceptor, link, at, (consumer) => this.consumerGone(consumer));
          break;
        case layout.PACE:
          this.acceptor.paces.setRate(words[at + layout.PACE_QUEUE], words[at + layout.PACE_RATE]);
          break;
        case layout.FORWARD:
          this.acceptor.forwarding.take(link, at);
          break;
        case layout.REFUSED:
          link.unconfirmed[words[at + layout.REFUSED_LANE]].refuse(
            words[at + layout.REFUSED_SEQUENCE],
          );
          break;
        default:
          this.acceptor.slab.release(words[at + layout.SLAB_FREE_PAGE]);
      }
    }
    link.releaseDeliveries();
    return true;
  }

  /** Sends the message of a GOT record as basic.get-ok. */
  answerGet(channel: Channel, link: ShardLink, at: number, queue: string, noAck: boolean): void {
    const record = link.deliveries;
    const number = record.words[at + layout.DELIVER_NUMBER];
    const { unacked } = channel;
    const deliveryTag = noAck ? unacked.skip() : unacked.push(link.shard, number, IS_GET, 0);
    readRecord(record, at, this.acceptor.slabs, this.content);
    const isShared = writeGetOk(channel, deliveryTag, record.words, at, this.content);
    const isRedelivered = (record.words[at + layout.DELIVER_FLAGS] & REDELIVERED_FLAG) !== 0;
    const { tracer } = channel.connection.vhost;
    tracer?.delivered(channel, queue, isRedelivered, this.content);
    this.account(channel, link, record.words, at, isShared);
  }

  /** A record whose channel has gone: the shard puts the message back when it hears of that. */
  discard(channel: Channel, link: ShardLink, at: number): void {
    const { words } = link.deliveries;
    if ((words[at + layout.DELIVER_FLAGS] & SLAB_FLAG) !== 0) {
      link.release(words[at + layout.DELIVER_MESSAGE]);
    }
    channel.connection.credit.refund(link.shard, costOf(words, at));
  }

  /** Inline messages for one consumer, framed by the shard but for their delivery tags. */
  private frames(link: ShardLink, at: number): void {
    const { words, bytes } = link.deliveries;
    const consumer = this.receiver(words[at + layout.FRAMES_CONSUMER]);
    const { connection } = consumer.channel;
    const count = words[at + layout.FRAMES_COUNT];
    const framesBytes = words[at + layout.FRAMES_BYTES];
    const firstNumber = words[at + layout.FRAMES_FIRST_NUMBER];
    const taken = this.allowed(consumer, count);
    let takenBytes = 0;
    if (taken > 0) {
      const { output } = connection;
      // Tagged in the copy: writing to the ring would take its cache lines from the shard.
      const to = output.reserve(framesBytes);
      copyBytes(bytes, (at + layout.FRAMES_DATA) * 4, output.bytes, to, framesBytes);
      takenBytes = this.tag(consumer, link, output.view, to, taken, firstNumber) - to;
      output.giveBack(framesBytes - takenBytes);
      connection.credit.add(link.shard, takenBytes);
      this.deliveredCount += taken;
      const { tracer } = connection.vhost;
      if (tracer !== undefined) {
        const { channel, queue } = consumer;
        tracer.framesDelivered(channel, queue.name, output.bytes, to, to + takenBytes);
      }
    }
    if (taken === count) return;
    connection.credit.refund(link.shard, framesBytes - takenBytes);
    this.sendBack(consumer, link, firstNumber + taken, count - taken);
  }

  /** Puts delivery tags into the `count` deliveries at `start`; returns where they end. */
  private tag(
    consumer: ClientConsumer,
    link: ShardLink,
    view: DataView,
    start: number,
    count: number,
    firstNumber: number,
  ): number {
    const { unacked, prefetch } = consumer.channel;
    let at = start;
    if (consumer.noAck) {
      const firstTag = unacked.skipMany(count);
      for (let i = 0; i < count; i += 1) at = tagDelivery(view, at, firstTag + i);
      return at;
    }
    for (let i = 0; i < count; i += 1) {
      const deliveryTag = unacked.push(link.shard, (firstNumber + i) | 0, 0, 0);
      prefetch.delivered(link.shard);
      at = tagDelivery(view, at, deliveryTag);
    }
    return at;
  }

  /** How many of `count` deliveries the client may get now. */
  private allowed(consumer: ClientConsumer, count: number): number {
    if (consumer.isGone || !consumer.channel.isOpen) return 0;
    return consumer.noAck ? count : consumer.channel.prefetch.allowed(count);
  }

  /** One message whose body lies in a slab. */
  private deliver(link: ShardLink, at: number): void {
    const record = link.deliveries;
    const { words } = record;
    const consumer = this.receiver(words[at + layout.DELIVER_CONSUMER]);
    const { channel } = consumer;
    const number = words[at + layout.DELIVER_NUMBER];
    if (this.allowed(consumer, 1) === 0) {
      this.discard(channel, link, at);
      this.sendBack(consumer, link, number, 1);
      return;
    }
    const { connection, unacked } = channel;
    const deliveryTag = consumer.noAck ? unacked.skip() : unacked.push(link.shard, number, 0, 0);
    if (!consumer.noAck) channel.prefetch.delivered(link.shard);
    const { content } = this;
    readRecord(record, at, this.acceptor.slabs, content);
    const isRedelivered = (words[at + layout.DELIVER_FLAGS] & REDELIVERED_FLAG) !== 0;
    const { output } = connection;
    writeDeliverMethod(
      output,
      channel.number,
      ID_BASIC_DELIVER,
      consumer.tagBytes,
      deliveryTag,
      isRedelivered,
      content,
    );
    const isShared = writeContent(output, channel.number, content, connection.frameMax);
    connection.vhost.tracer?.delivered(channel, consumer.queue.name, isRedelivered, content);
    this.account(channel, link, words, at, isShared);
    this.deliveredCount += 1;
  }

  /** The client is to get no more (cancelled, or too many unacked): back to its place it goes. */
  private sendBack(consumer: ClientConsumer, link: ShardLink, first: number, count: number): void {
    const { channel, noAck } = consumer;
    // What a closed channel held unacked, delivered or not, goes back without being named.
    if (noAck || !channel.isOpen) return;
    for (let i = 0; i < count; i += 1) link.ack(channel.id, (first + i) | 0, OUTCOME_UNDELIVERED);
    if (!consumer.isGone) channel.grantPrefetch(link);
  }

  /** Notes what is given back to the shard once the socket has taken the frames, or at once. */
  private account(
    channel: Channel,
    link: ShardLink,
    words: Int32Array,
    at: number,
    isShared: boolean,
  ): void {
    const { connection } = channel;
    connection.credit.add(link.shard, costOf(words, at));
    if ((words[at + layout.DELIVER_FLAGS] & SLAB_FLAG) === 0) return;
    const message = words[at + layout.DELIVER_MESSAGE];
    if (isShared) connection.output.releaseWhenSent(link, message);
    else link.release(message);
  }

  private consumerGone(id: number): void {
    const consumer = this.consumer(id);
    if (consumer === undefined || consumer.isGone) return;
    this.acceptor.forgetConsumer(consumer);
    consumer.channel.consumers.delete(consumer.tag);
    this.lastConsumer = undefined;
    if (!consumer.channel.isOpen) return;
    consumer.channel.connection.notifyCancelled(consumer);
  }

  /** Consumers are forgotten only when their shard has said that nothing more comes for them. */
  private receiver(id: number): ClientConsumer {
    const consumer = this.consumer(id);
    if (consumer === undefined) throw new Error('acceptor: a delivery for an unknown consumer');
    return consumer;
  }

  private consumer(id: number): ClientConsumer | undefined {
    const last = this.lastConsumer;
    if (last !== undefined && last.id === id) return last;
    this.lastConsumer = this.acceptor.consumers.get(id);
    return this.lastConsumer;
  }
}

function costOf(words: Int32Array, at: number): number {
  return layout.deliveryCostBytes(
    words[at + layout.DELIVER_EXRK_BYTES],
    words[at + layout.DELIVER_PROPS_BYTES],
    words[at + layout.DELIVER_BODY_BYTES],
  );
}
