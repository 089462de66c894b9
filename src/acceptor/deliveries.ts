// Drains one shard's ring: deliveries become frames, replies reach whoever asked, and so on.
// Acceptor thread, hot path. The drain is bounded by what the ring held when it began.
import * as layout from '../../shards/mailbox/from-shard-layout.ts';
import {
  OUTCOME_UNDELIVERED,
  REDELIVERED_FLAG,
  SLAB_FLAG,
} from '../../shards/mailbox/to-shard-layout.ts';
import { ID_BASIC_DELIVER } from '../protocol/methods.generated.ts';
import type { Acceptor } from './acceptor.ts';
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
        case layout.PACE:
          this.acceptor.paces.setRate(words[at + layout.PACE_QUEUE], words[at + layout.PACE_RATE]);
          break;
        default:
          this.acceptor.slab.release(words[at + layout.SLAB_FREE_PAGE]);
      }
    }
    link.releaseDeliveries();
    return true;
  }

  /** Sends the message of a GOT record as basic.get-ok. */
  answerGet(channel: Channel, link: ShardLink, at: number, noAck: boolean): void {
    const record = link.deliveries;
    const number = record.words[at + layout.DELIVER_NUMBER];
    const { unacked } = channel;
    const deliveryTag = noAck ? unacked.skip() : unacked.push(link.shard, number, IS_GET, 0);
    readRecord(record, at, this.acceptor.slabs, this.content);
    writeGetOk(channel, deliveryTag, record.words, at, this.content);
    this.account(channel, link, record.words, at);
  }

  /** A record whose channel has gone: the shard puts the message back when it hears of that. */
  discard(channel: Channel, link: ShardLink, at: number): void {
    const { words } = link.deliveries;
    if ((words[at + layout.DELIVER_FLAGS] & SLAB_FLAG) !== 0) {
      link.release(words[at + layout.DELIVER_MESSAGE]);
    }
    channel.connection.credit.refund(link.shard, costOf(words, at));
  }

  private deliver(link: ShardLink, at: number): void {
    const record = link.deliveries;
    const consumer = this.consumer(record.words[at + layout.DELIVER_CONSUMER]);
    // Consumers are forgotten only when their shard has said that nothing more comes for them.
    if (consumer === undefined) throw new Error('acceptor: a delivery for an unknown consumer');
    if (!consumer.channel.isOpen) {
      this.discard(consumer.channel, link, at);
      return;
    }
    const { channel } = consumer;
    const exceedsPrefetch = !consumer.noAck && channel.prefetch.isFull;
    if (consumer.isGone || exceedsPrefetch) {
      this.sendBack(link, channel, record.words, at);
      if (exceedsPrefetch) channel.grantPrefetch(link);
      return;
    }
    const { connection, unacked } = channel;
    const { words } = record;
    const number = words[at + layout.DELIVER_NUMBER];
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
    writeContent(output, channel.number, content, connection.frameMax);
    this.account(channel, link, words, at);
    this.deliveredCount += 1;
  }

  /** The client is to get no more (cancelled, or too many unacked): back to its place it goes. */
  private sendBack(link: ShardLink, channel: Channel, words: Int32Array, at: number): void {
    this.discard(channel, link, at);
    const number = words[at + layout.DELIVER_NUMBER];
    if (number >= 0) link.ack(channel.id, number, OUTCOME_UNDELIVERED);
  }

  /** Notes what is given back to the shard once the socket has taken the frames. */
  private account(channel: Channel, link: ShardLink, words: Int32Array, at: number): void {
    const { connection } = channel;
    connection.credit.add(link.shard, costOf(words, at));
    if ((words[at + layout.DELIVER_FLAGS] & SLAB_FLAG) !== 0) {
      connection.output.releaseWhenSent(link, words[at + layout.DELIVER_MESSAGE]);
    }
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
