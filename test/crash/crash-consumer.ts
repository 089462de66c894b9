// Test process. A consumer of a crash run: compares every body byte by byte with the plan and tells
// the judge; acks or gives back its messages in groups, or holds them all.
// Invariants: one consumer per connection and channel; unacked messages are the tags behind
// `#settledTag`, all of them, because groups settle from the oldest on; acks are told to the judge
// when they are handed to the socket.
import type { LoadConnection } from '../../bench/load/connection.ts';
import { consume, deliveryTagOf } from '../../bench/load/consuming.ts';
import type { FrameSink } from '../../bench/load/frame-stepper.ts';
import { METHOD, methodFrame, readU32, u64, u8 } from '../../bench/load/frames.ts';
import type { Judge, OrderMark } from './checker.ts';
import { type MessagePlan, STAMP_BYTES } from './message-plan.ts';
import { queueName } from './topology.ts';

const MULTIPLE = 1;
const MULTIPLE_REQUEUE = 3;

export interface ConsumerSettings {
  readonly queue: number;
  readonly prefetch: number;
  /** Deliveries per ack; 0 acks whatever is there whenever a chunk of bytes has been read. */
  readonly ackGroup: number;
  /** How likely a group is given back instead, from 0 to 1. */
  readonly requeueShare: number;
  /** Keeps everything unacked. */
  readonly holds: boolean;
  /** Every delivery must be in order: the sole consumer of its queue, nothing given back. */
  readonly strict: boolean;
}

export class CrashConsumer implements FrameSink {
  readonly connection: LoadConnection;
  received = 0;
  readonly #settings: ConsumerSettings;
  readonly #plan: MessagePlan;
  readonly #judge: Judge;
  readonly #random: () => number;
  readonly #mark: OrderMark;
  /** By delivery tag modulo their length, a power of two above the prefetch. */
  readonly #publishers: Int32Array;
  readonly #numbers: Int32Array;
  #settledTag = 0;
  #receivedTag = 0;
  #hasEnded = false;
  // Of the message that is being received.
  #tag = 0;
  #isRedelivered = false;
  #bodyBytes = 0;
  #bodyAt = 0;
  #publisher = -1;
  #number = -1;
  #isIntact = false;

  constructor(
    connection: LoadConnection,
    settings: ConsumerSettings,
    plan: MessagePlan,
    judge: Judge,
    random: () => number,
  ) {
    this.connection = connection;
    this.#settings = settings;
    this.#plan = plan;
    this.#judge = judge;
    this.#random = random;
    this.#mark = judge.newMark(settings.queue, settings.strict);
    const slots = 2 ** Math.ceil(Math.log2(settings.prefetch + 1));
    this.#publishers = new Int32Array(slots);
    this.#numbers = new Int32Array(slots);
  }

  get unacked(): number {
    return this.#receivedTag - this.#settledTag;
  }

  async prepare(): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    await consume(this.connection, queueName(this.#settings.queue), this.#settings.prefetch, false);
  }

  /** The connection is over: what is unacked goes back to the queue. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#settleUpTo(this.#receivedTag, false);
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    if (readU32(bytes, start) !== METHOD.basicDeliver) {
      this.connection.onMethod(bytes, start, end);
      return;
    }
    this.#tag = deliveryTagOf(bytes, start);
    // Behind the delivery tag.
    this.#isRedelivered = bytes[start + 5 + bytes[start + 4] + 8] === 1;
  }

  onContentHeader(bytes: Buffer, start: number): void {
    this.#bodyBytes = readU32(bytes, start + 8);
    this.#bodyAt = 0;
    this.#publisher = -1;
    this.#number = -1;
    this.#isIntact = false;
    if (this.#bodyBytes === 0) this.#complete();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    let from = start;
    if (this.#bodyAt === 0) {
      this.#readStamp(bytes, start, end);
      from = Math.min(start + STAMP_BYTES, end);
    }
    if (this.#isIntact && end > from) {
      const poolAt =
        this.#plan.poolOffset(this.#publisher, this.#number) + this.#bodyAt + from - start;
      const { pool } = this.#plan;
      this.#isIntact = bytes.compare(pool, poolAt, poolAt + end - from, from, end) === 0;
    }
    this.#bodyAt += end - start;
    if (this.#bodyAt === this.#bodyBytes) this.#complete();
  }

  onChunkEnd(): void {
    const { ackGroup, holds } = this.#settings;
    if (ackGroup === 0 && !holds && this.unacked > 0) this.#settleGroup(this.#receivedTag);
  }

  #readStamp(bytes: Buffer, start: number, end: number): void {
    if (end - start < STAMP_BYTES) return;
    this.#publisher = bytes.readUInt32LE(start);
    this.#number = bytes.readUInt32LE(start + 4);
    this.#isIntact =
      bytes.readUInt32LE(start + 8) === this.#bodyBytes &&
      bytes.readUInt32LE(start + 12) === this.#plan.seed &&
      this.#plan.bodyBytes(this.#publisher, this.#number) === this.#bodyBytes;
  }

  #complete(): void {
    if (this.#hasEnded) return;
    this.received += 1;
    const isOurs =
      this.#publisher >= 0 &&
      this.#judge.delivered(
        this.#mark,
        this.#publisher,
        this.#number,
        this.#isRedelivered,
        this.#isIntact,
      );
    if (this.#publisher < 0) {
      this.#judge.foreign(this.#mark.queue, `a body of ${this.#bodyBytes} bytes without a stamp`);
    }
    this.#receivedTag = this.#tag;
    const slot = this.#tag & (this.#numbers.length - 1);
    this.#publishers[slot] = isOurs ? this.#publisher : -1;
    this.#numbers[slot] = this.#number;
    const { ackGroup, holds } = this.#settings;
    if (!holds && ackGroup > 0 && this.unacked >= ackGroup) this.#settleGroup(this.#tag);
  }

  #settleGroup(tag: number): void {
    const isRequeue = this.#random() < this.#settings.requeueShare;
    const frame = isRequeue
      ? methodFrame(1, METHOD.basicNack, u64(tag), u8(MULTIPLE_REQUEUE))
      : methodFrame(1, METHOD.basicAck, u64(tag), u8(MULTIPLE));
    this.connection.socket.write(frame);
    this.#settleUpTo(tag, !isRequeue);
  }

  #settleUpTo(tag: number, isAck: boolean): void {
    const now = performance.now();
    for (let each = this.#settledTag + 1; each <= tag; each += 1) {
      const slot = each & (this.#numbers.length - 1);
      const publisher = this.#publishers[slot];
      if (publisher < 0) continue;
      const { queue } = this.#settings;
      if (isAck) this.#judge.acked(queue, publisher, this.#numbers[slot], now);
      else this.#judge.released(queue, publisher, this.#numbers[slot]);
    }
    this.#settledTag = tag;
  }
}
