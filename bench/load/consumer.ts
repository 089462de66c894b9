// A consumer: counts deliveries while stepping over them and acks every `ackBatch`-th, all acks of
// a chunk in one write. Generator's process; this is the hottest code in it.
// Invariants: a message counts when the last byte of its body is in; tags are copied, never
// decoded, and only those that will be acked; latency is taken against the intended send time in
// the body.
// Source: specification 1.8.3 (basic), 4.2.6 (content framing).
import type { Backlog } from './backlog.ts';
import type { LoadConnection } from './connection.ts';
import { consume } from './consuming.ts';
import type { FrameSink } from './frame-stepper.ts';
import { METHOD, methodFrame, readU32, u8 } from './frames.ts';
import { Histogram } from './histogram.ts';
import { monotonicMillis, type MeasuringWindow } from './measuring-window.ts';
import { STAMP_PUBLISHER, STAMP_SEQUENCE, STAMP_TIME } from './message-batch.ts';
import type { OrderCheck } from './order-check.ts';

const ACK_TEMPLATE = methodFrame(1, METHOD.basicAck, Buffer.alloc(8), u8(1));
/** Frame header and method id come before the delivery tag. */
const ACK_TAG_START = 11;
const ACKS_PER_WRITE_MAX = 1024;

export interface ConsumerSettings {
  readonly queue: string;
  readonly prefetch: number;
  /** Deliveries per basic.ack; 0 consumes with no-ack. */
  readonly ackBatch: number;
  readonly measuresLatency: boolean;
}

export class Consumer implements FrameSink {
  readonly connection: LoadConnection;
  readonly latency: Histogram;
  delivered: number;
  /** Of bodies, complete or not. */
  deliveredBytes: number;
  readonly #settings: ConsumerSettings;
  readonly #backlog: Backlog;
  readonly #window: MeasuringWindow;
  readonly #check: OrderCheck | undefined;
  readonly #inspects: boolean;
  #reported: number;
  #bodyBytesLeft: number;
  #bodyStarted: boolean;
  #unacked: number;
  #acks: Buffer;
  /** The delivery tag that the next ack will name. */
  readonly #ackTag = Buffer.alloc(8);
  #ackBytes: number;
  #chunkMillis: number;

  constructor(
    connection: LoadConnection,
    settings: ConsumerSettings,
    backlog: Backlog,
    window: MeasuringWindow,
    check: OrderCheck | undefined,
  ) {
    this.connection = connection;
    this.latency = new Histogram();
    this.delivered = 0;
    this.deliveredBytes = 0;
    this.#settings = settings;
    this.#backlog = backlog;
    this.#window = window;
    this.#check = check;
    this.#inspects = check !== undefined || settings.measuresLatency;
    this.#reported = 0;
    this.#bodyBytesLeft = 0;
    this.#bodyStarted = false;
    this.#unacked = 0;
    this.#acks = newAckBuffer();
    this.#ackBytes = 0;
    this.#chunkMillis = 0;
  }

  async prepare(): Promise<void> {
    const { prefetch, ackBatch, queue } = this.#settings;
    await this.connection.openChannel();
    // Deliveries may share a chunk with consume-ok, so frames must come here before that.
    this.connection.sendFramesTo(this);
    await consume(this.connection, queue, prefetch, ackBatch === 0);
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    if (readU32(bytes, start) !== METHOD.basicDeliver) {
      this.connection.onMethod(bytes, start, end);
      return;
    }
    if (this.#unacked + 1 !== this.#settings.ackBatch) return;
    // After the method id comes the consumer tag, a short string, then the delivery tag.
    const from = start + 5 + bytes[start + 4];
    // Kept until the content is complete, which may be several chunks and flushed acks later.
    for (let index = 0; index < 8; index += 1) this.#ackTag[index] = bytes[from + index]!;
  }

  onContentHeader(bytes: Buffer, start: number): void {
    // The low half of the body size is enough: bodies over 4 GiB are not sent by this program.
    this.#bodyBytesLeft = readU32(bytes, start + 8);
    this.#bodyStarted = false;
    if (this.#bodyBytesLeft === 0) this.#complete();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#inspects && !this.#bodyStarted) this.#inspect(bytes, start);
    this.deliveredBytes += end - start;
    this.#bodyBytesLeft -= end - start;
    if (this.#bodyBytesLeft === 0) this.#complete();
  }

  onChunkEnd(): void {
    this.#chunkMillis = 0;
    if (this.#ackBytes > 0) this.#flushAcks();
    if (this.#backlog.max > 0) {
      this.#backlog.delivered(this.delivered - this.#reported);
      this.#reported = this.delivered;
    }
  }

  #inspect(bytes: Buffer, start: number): void {
    this.#bodyStarted = true;
    if (this.#settings.measuresLatency) {
      if (this.#chunkMillis === 0) this.#chunkMillis = monotonicMillis();
      const intended = bytes.readDoubleLE(start + STAMP_TIME);
      if (this.#window.includes(intended)) {
        this.latency.record((this.#chunkMillis - intended) * 1000, 1);
      }
    }
    if (this.#check !== undefined) {
      const publisher = bytes.readUInt32LE(start + STAMP_PUBLISHER);
      this.#check.see(publisher, bytes.readUInt32LE(start + STAMP_SEQUENCE));
    }
  }

  #complete(): void {
    this.delivered += 1;
    if (this.#settings.ackBatch === 0) return;
    this.#unacked += 1;
    if (this.#unacked < this.#settings.ackBatch) return;
    this.#unacked = 0;
    const to = this.#ackBytes + ACK_TAG_START;
    for (let index = 0; index < 8; index += 1) this.#acks[to + index] = this.#ackTag[index]!;
    this.#ackBytes += ACK_TEMPLATE.length;
    if (this.#ackBytes === this.#acks.length) this.#flushAcks();
  }

  #flushAcks(): void {
    // The socket may keep what it is given, so it gets a copy and the filled-in template stays.
    this.connection.socket.write(Buffer.from(this.#acks.subarray(0, this.#ackBytes)));
    this.#ackBytes = 0;
  }
}

function newAckBuffer(): Buffer {
  const buffer = Buffer.allocUnsafeSlow(ACK_TEMPLATE.length * ACKS_PER_WRITE_MAX);
  for (let at = 0; at < buffer.length; at += ACK_TEMPLATE.length) ACK_TEMPLATE.copy(buffer, at);
  return buffer;
}
