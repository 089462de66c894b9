// Test support: plays one acceptor towards a shard, over real rings, one record at a time. What is
// written becomes visible at `flush`; what the shard sent is read by `receive`, or left in its ring.
import * as from from '../../../shards/mailbox/from-shard-layout.ts';
import {
  allocateConfirmCounter,
  ConfirmCounterReader,
  LANE_MEMORY,
} from '../../../shards/mailbox/confirm-counter.ts';
import type { Mailbox } from '../../../shards/mailbox/control-messages.ts';
import * as to from '../../../shards/mailbox/to-shard-layout.ts';
import { RingConsumer } from '../../../shards/ring/ring-consumer.ts';
import { allocateRing } from '../../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../../shards/ring/ring-producer.ts';
import { splitDeliveries } from './split-deliveries.ts';

export interface Delivered {
  readonly kind: 'deliver' | 'got';
  /** The consumer, or the request of a get. */
  readonly address: number;
  readonly number: number;
  readonly isRedelivered: boolean;
  readonly exrk: string;
  readonly props: string;
  readonly body: string;
  readonly remaining: number;
  readonly costBytes: number;
  readonly slab: {
    readonly owner: number;
    readonly page: number;
    readonly message: number;
    readonly propsBytes: number;
    readonly bodyBytes: number;
  } | null;
}

/** What the shard hands over to be published again. */
export interface Forwarded {
  readonly kind: 'forward';
  readonly number: number;
  readonly reason: from.ForwardReason;
  readonly exrk: string;
  /** Empty for a message in a slab. */
  readonly body: string;
  readonly slabPage: number;
}

export type FromShard =
  | Delivered
  | Forwarded
  | { readonly kind: 'reply'; request: number; status: number; a: number; b: number }
  | { readonly kind: 'consumer-gone'; consumer: number }
  | { readonly kind: 'ack-timeout'; channel: number; consumer: number; millis: number }
  | { readonly kind: 'pace'; queue: number; rate: number }
  | { readonly kind: 'slab-free'; page: number };

export function isDelivery(record: FromShard): record is Delivered {
  return record.kind === 'deliver';
}

export interface Published {
  readonly body?: string;
  readonly props?: string;
  readonly exrk?: string;
  readonly flags?: number;
  /** What its confirm waits for (confirm-counter.ts). */
  readonly lane?: number;
  /** Props and body then lie in the slab: `bodyBytes` says how many. */
  readonly slabPage?: number;
  readonly bodyBytes?: number;
  /** Its own time to live, or its delay. */
  readonly ttlMillis?: number;
}

export interface Consume {
  readonly noAck?: boolean;
  readonly exclusive?: boolean;
  readonly prefetch?: number;
  readonly priority?: number;
  readonly timeoutMillis?: number;
}

const FRAME_MAX = 4096;

export class AcceptorSide {
  readonly mailbox: Mailbox;
  readonly work: RingProducer;
  readonly acks: RingProducer;
  readonly ring: RingConsumer;
  private lastRequest = 0;

  constructor(ringBytes: number) {
    this.mailbox = {
      workRing: allocateRing(ringBytes),
      ackRing: allocateRing(ringBytes),
      deliveryRing: allocateRing(ringBytes),
      confirmCounter: allocateConfirmCounter(),
    };
    this.work = new RingProducer(this.mailbox.workRing);
    this.acks = new RingProducer(this.mailbox.ackRing);
    this.ring = new RingConsumer(this.mailbox.deliveryRing);
  }

  get confirmed(): number {
    return this.confirmedIn(LANE_MEMORY);
  }

  confirmedIn(lane: number): number {
    return new ConfirmCounterReader(this.mailbox.confirmCounter, lane).read();
  }

  publish(queues: readonly number[], message: Published): void {
    const { body = '', props = '', exrk = 'xk', lane = 0, slabPage = -1, ttlMillis } = message;
    const flags = (message.flags ?? 0) | (ttlMillis === undefined ? 0 : to.EXPIRES_FLAG);
    const isSlab = slabPage >= 0;
    const data = Buffer.from(isSlab ? exrk : exrk + props + body);
    const wordCount = queues.length + to.traitWords(flags);
    const bytes = to.publishRecordBytes(wordCount, data.length);
    const at = this.work.claim(bytes, 0);
    if (at < 0) throw new Error('the work ring is full');
    const { words } = this.work;
    words[at] = bytes;
    words[at + 1] = to.PUBLISH;
    words[at + to.PUBLISH_FLAGS] = flags | (lane << to.LANE_SHIFT) | (isSlab ? to.SLAB_FLAG : 0);
    words[at + to.PUBLISH_EXRK_BYTES] = Buffer.byteLength(exrk);
    words[at + to.PUBLISH_PROPS_BYTES] = Buffer.byteLength(props);
    words[at + to.PUBLISH_BODY_BYTES] = message.bodyBytes ?? Buffer.byteLength(body);
    words[at + to.PUBLISH_SLAB_PAGE] = slabPage;
    words[at + to.PUBLISH_TARGET_COUNT] = queues.length;
    queues.forEach((queue, index) => {
      words[at + to.PUBLISH_TARGETS + index] = queue;
    });
    if (ttlMillis !== undefined) {
      to.writeTtl(words, at + to.PUBLISH_TARGETS + queues.length, ttlMillis);
    }
    data.copy(this.work.bytes, (at + to.publishDataWord(wordCount)) * 4);
  }

  /** Opens a channel of a connection; `prefetch` -1 is no limit. */
  open(channel: number, connection: number, prefetch = -1): void {
    const words = [channel, connection, prefetch, channel, FRAME_MAX];
    this.write(this.work, to.CHANNEL_OPEN, to.CHANNEL_OPEN_BYTES, words);
  }

  /** Each of these returns the request that the shard's reply will name. */
  consume(queue: number, channel: number, consumer: number, options: Consume = {}): number {
    const { noAck = false, exclusive = false, prefetch = 0, priority = 0 } = options;
    const { timeoutMillis = to.NO_TIMEOUT } = options;
    const flags =
      (noAck ? to.CONSUME_NO_ACK_FLAG : 0) | (exclusive ? to.CONSUME_EXCLUSIVE_FLAG : 0);
    const tag = Buffer.from(`\u0003c-${consumer % 10}`);
    const words = [queue, channel, consumer, flags, prefetch, priority, timeoutMillis];
    words.push(tag.length, 0, ...to.wordsOfBytes(tag));
    return this.ask(to.CONSUME, to.consumeRecordBytes(tag.length), words);
  }

  cancel(channel: number, consumer: number): number {
    return this.ask(to.CANCEL, to.CANCEL_BYTES, [channel, consumer]);
  }

  get(queue: number, channel: number, noAck = false): number {
    return this.ask(to.GET, to.GET_BYTES, [queue, channel, noAck ? 1 : 0]);
  }

  stat(queue: number): number {
    return this.ask(to.STAT, to.QUEUE_OP_BYTES, [queue, 0]);
  }

  purge(queue: number): number {
    return this.ask(to.PURGE, to.QUEUE_OP_BYTES, [queue, 0]);
  }

  delete(queue: number, flags = 0): number {
    return this.ask(to.DELETE, to.QUEUE_OP_BYTES, [queue, flags]);
  }

  closeChannel(channel: number): number {
    return this.ask(to.CHANNEL_CLOSE, to.CHANNEL_CLOSE_BYTES, [channel]);
  }

  qos(channel: number, prefetch: number): void {
    this.write(this.work, to.CHANNEL_QOS, to.CHANNEL_QOS_BYTES, [channel, prefetch]);
  }

  closeConnection(connection: number): void {
    this.write(this.work, to.CONNECTION_CLOSE, to.CONNECTION_CLOSE_BYTES, [connection]);
  }

  ack(channel: number, first: number, count = 1, outcome = to.OUTCOME_ACK): void {
    this.write(this.acks, to.ACK, to.ACK_BYTES, [channel, first, count, outcome]);
  }

  credit(connection: number, bytes: number): void {
    this.write(this.acks, to.CREDIT, to.CREDIT_BYTES, [connection, bytes]);
  }

  release(message: number): void {
    this.write(this.acks, to.RELEASE, to.RELEASE_BYTES, [message]);
  }

  /** What the shard has handed over has arrived, or what else has become of it. */
  forwarded(number: number, outcome = to.FORWARDED_DONE): void {
    this.write(this.acks, to.FORWARDED, to.FORWARDED_BYTES, [number, outcome]);
  }

  /** Acks first, as the layout asks. */
  flush(): void {
    this.acks.publish();
    this.work.publish();
  }

  /** Reads everything the shard has sent and gives its memory back. */
  receive(): FromShard[] {
    const records: FromShard[] = [];
    this.ring.refresh();
    for (let at = this.ring.next(); at >= 0; at = this.ring.next()) {
      if (this.ring.words[at + 1] === from.FRAMES) records.push(...this.framed(at));
      else records.push(this.record(at));
    }
    this.ring.release();
    return records;
  }

  private ask(kind: number, bytes: number, words: readonly number[]): number {
    this.lastRequest += 1;
    this.write(this.work, kind, bytes, [this.lastRequest, ...words]);
    return this.lastRequest;
  }

  private write(ring: RingProducer, kind: number, bytes: number, words: readonly number[]): void {
    const at = ring.claim(bytes, 0);
    if (at < 0) throw new Error('a ring to the shard is full');
    ring.words.set([bytes, kind, ...words], at);
  }

  private record(at: number): FromShard {
    const word = (offset: number): number => this.ring.words[at + offset];
    switch (word(1)) {
      case from.DELIVER:
      case from.GOT:
        return this.delivered(word(1) === from.GOT ? 'got' : 'deliver', word, at);
      case from.REPLY:
        return { kind: 'reply', request: word(2), status: word(3), a: word(4), b: word(5) };
      case from.CONSUMER_GONE:
        return { kind: 'consumer-gone', consumer: word(2) };
      case from.ACK_TIMEOUT:
        return { kind: 'ack-timeout', channel: word(2), consumer: word(3), millis: word(4) };
      case from.PACE:
        return { kind: 'pace', queue: word(2), rate: word(3) };
      case from.FORWARD:
        return this.forward(word, at);
      case from.SLAB_FREE:
        return { kind: 'slab-free', page: word(2) };
      default:
        throw new Error(`the shard sent a record of kind ${word(1)}`);
    }
  }

  private forward(word: (offset: number) => number, at: number): Forwarded {
    const exrkBytes = word(from.FORWARD_EXRK_BYTES);
    const bodyAt = exrkBytes + word(from.FORWARD_PROPS_BYTES);
    const isSlab = (word(from.FORWARD_FLAGS) & to.SLAB_FLAG) !== 0;
    const dataAt = (at + from.FORWARD_DATA) * 4;
    const text = (start: number, end: number): string =>
      this.ring.bytes.toString('utf8', dataAt + start, dataAt + end);
    return {
      kind: 'forward',
      number: word(from.FORWARD_NUMBER),
      reason: from.FORWARD_REASONS[word(from.FORWARD_REASON)],
      exrk: text(0, exrkBytes),
      body: isSlab ? '' : text(bodyAt, bodyAt + word(from.FORWARD_BODY_BYTES)),
      slabPage: isSlab ? word(from.FORWARD_SLAB_PAGE) : -1,
    };
  }

  private framed(at: number): Delivered[] {
    const word = (offset: number): number => this.ring.words[at + offset];
    const dataAt = (at + from.FRAMES_DATA) * 4;
    const frames = this.ring.bytes.subarray(dataAt, dataAt + word(from.FRAMES_BYTES));
    const deliveries = splitDeliveries(Buffer.from(frames));
    if (deliveries.length !== word(from.FRAMES_COUNT)) {
      throw new Error(`${deliveries.length} deliveries in a record of ${word(from.FRAMES_COUNT)}`);
    }
    const first = word(from.FRAMES_FIRST_NUMBER);
    return deliveries.map((delivery, index) => ({
      kind: 'deliver',
      address: word(from.FRAMES_CONSUMER),
      number: first === -1 ? -1 : first + index,
      remaining: 0,
      slab: null,
      ...delivery,
    }));
  }

  private delivered(
    kind: 'deliver' | 'got',
    word: (offset: number) => number,
    at: number,
  ): Delivered {
    const flags = word(from.DELIVER_FLAGS);
    const exrkBytes = word(from.DELIVER_EXRK_BYTES);
    const propsBytes = word(from.DELIVER_PROPS_BYTES);
    const bodyBytes = word(from.DELIVER_BODY_BYTES);
    const dataAt = (at + from.DELIVER_DATA) * 4;
    const text = (start: number, count: number): string =>
      this.ring.bytes.toString('utf8', dataAt + start, dataAt + start + count);
    const isSlab = (flags & to.SLAB_FLAG) !== 0;
    return {
      kind,
      address: word(from.DELIVER_CONSUMER),
      number: word(from.DELIVER_NUMBER),
      isRedelivered: (flags & to.REDELIVERED_FLAG) !== 0,
      exrk: text(0, exrkBytes),
      props: isSlab ? '' : text(exrkBytes, propsBytes),
      body: isSlab ? '' : text(exrkBytes + propsBytes, bodyBytes),
      remaining: word(from.DELIVER_REMAINING),
      costBytes: from.deliveryCostBytes(exrkBytes, propsBytes, bodyBytes),
      slab: isSlab
        ? {
            owner: word(from.DELIVER_SLAB_OWNER),
            page: word(from.DELIVER_SLAB_PAGE),
            message: word(from.DELIVER_MESSAGE),
            propsBytes,
            bodyBytes,
          }
        : null,
    };
  }
}
