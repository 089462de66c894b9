// Test process. A publisher of a crash run: confirms on, a window of unconfirmed publishes, one
// message after the other as the plan has them, each told to the checker before it is sent.
// Invariants: a buffer given to the socket is never changed; delivery tag t of this connection is
// message `#base + t`; every tag is settled at most once (RabbitMQ "Publisher Confirms").
import type { LoadConnection } from '../../bench/load/connection.ts';
import type { FrameSink } from '../../bench/load/frame-stepper.ts';
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_OVERHEAD_BYTES,
  METHOD,
  methodFrame,
  readU32,
  shortString,
  u16,
  u8,
} from '../../bench/load/frames.ts';
import type { Checker } from './checker.ts';
import { type MessagePlan, STAMP_BYTES } from './message-plan.ts';
import { FANOUT_EXCHANGE, queueName } from './topology.ts';

/** Frame header, class, weight, body size, flags, delivery mode, frame end. */
const HEADER_FRAME_BYTES = 7 + 2 + 2 + 8 + 2 + 1 + 1;
const DELIVERY_MODE_FLAG = 1 << 12;
const BATCH_BYTES_MAX = 64 * 1024;
const TURN_BYTES_MAX = 256 * 1024;
const QUEUED_BYTES_MAX = 1024 * 1024;
const BACKLOG_POLL_MILLIS = 5;

export interface PublisherSettings {
  readonly index: number;
  readonly window: number;
  /** Copies in the broker at which everybody waits for the consumers. */
  readonly backlogMax: number;
  /** Messages to send over this connection; without it as many as go. */
  readonly limit?: number;
}

export class CrashPublisher implements FrameSink {
  readonly connection: LoadConnection;
  /** connection.blocked without connection.unblocked. */
  isBlocked = false;
  unblockedCount = 0;
  readonly #settings: PublisherSettings;
  readonly #plan: MessagePlan;
  readonly #checker: Checker;
  readonly #methods: readonly Buffer[];
  /** The number of the message before the first one of this connection. */
  #base = 0;
  /** Tags sent; those up to `#settledTag` are settled, and those that `#early` has. */
  #sentTag = 0;
  #settledTag = 0;
  readonly #early = new Set<number>();
  readonly #limit: number;
  #window: number;
  #onAllConfirmed: (() => void) | undefined;
  #running = false;
  #scheduled = false;

  constructor(
    connection: LoadConnection,
    settings: PublisherSettings,
    plan: MessagePlan,
    checker: Checker,
  ) {
    this.connection = connection;
    this.#settings = settings;
    this.#plan = plan;
    this.#checker = checker;
    this.#window = settings.window;
    this.#limit = settings.limit ?? Number.POSITIVE_INFINITY;
    this.#methods = plan.routes.map((queues, route) => {
      const isFanout = route === plan.mix.queues;
      const exchange = shortString(isFanout ? FANOUT_EXCHANGE : '');
      const key = shortString(isFanout ? '' : queueName(queues[0]));
      return methodFrame(1, METHOD.basicPublish, u16(0), exchange, key, u8(0));
    });
  }

  get unconfirmed(): number {
    return this.#sentTag - this.#settledTag - this.#early.size;
  }

  async prepare(): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    await this.connection.call(methodFrame(1, METHOD.confirmSelect, u8(0)), METHOD.confirmSelectOk);
  }

  start(): void {
    this.#running = true;
    this.#wake();
  }

  /** Resolves when the limit is reached and everything is confirmed. */
  async publishAll(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAllConfirmed = resolve;
    this.start();
    await promise;
  }

  /** One message more may be unconfirmed: without confirms, too, a publish is attempted. */
  widen(): void {
    this.#window += 1;
    this.#wake();
  }

  stop(): void {
    this.#running = false;
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    const method = readU32(bytes, start);
    if (method === METHOD.basicAck || method === METHOD.basicNack) {
      const tag = readU32(bytes, start + 4) * 2 ** 32 + readU32(bytes, start + 8);
      this.#settle(tag, (bytes[start + 12] & 1) === 1, method === METHOD.basicAck);
      return;
    }
    if (method === METHOD.connectionBlocked) this.isBlocked = true;
    if (method === METHOD.connectionUnblocked) {
      this.isBlocked = false;
      this.unblockedCount += 1;
    }
    this.connection.onMethod(bytes, start, end);
  }

  onContentHeader(): void {}

  onBody(): void {}

  onChunkEnd(): void {
    if (this.#settledTag === this.#limit) this.#onAllConfirmed?.();
    this.#wake();
  }

  #settle(tag: number, multiple: boolean, isAck: boolean): void {
    if (tag > this.#sentTag || tag <= this.#settledTag) {
      const text = `tag ${tag} settled, sent ${this.#sentTag}, settled up to ${this.#settledTag}`;
      this.#checker.strayConfirm(this.#settings.index, text);
      return;
    }
    if (multiple) {
      for (let each = this.#settledTag + 1; each <= tag; each += 1) {
        if (!this.#early.delete(each)) this.#settleOne(each, isAck);
      }
      this.#settledTag = tag;
    } else {
      this.#settleOne(tag, isAck);
      this.#early.add(tag);
    }
    while (this.#early.delete(this.#settledTag + 1)) this.#settledTag += 1;
  }

  #settleOne(tag: number, isAck: boolean): void {
    this.#checker.settled(this.#settings.index, this.#base + tag, isAck);
  }

  #wake(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  /** How many messages may be sent now. */
  get #room(): number {
    const inWindow = this.#window - (this.#sentTag - this.#settledTag);
    return Math.min(inWindow, this.#limit - this.#sentTag);
  }

  #turn(): void {
    let turnBytes = 0;
    while (this.#running && turnBytes < TURN_BYTES_MAX) {
      const { socket } = this.connection;
      if (socket.destroyed || this.#room <= 0) return;
      const mustWait = this.#checker.backlog >= this.#settings.backlogMax;
      if (mustWait || socket.writableLength >= QUEUED_BYTES_MAX) {
        setTimeout(() => this.#wake(), BACKLOG_POLL_MILLIS).unref();
        return;
      }
      turnBytes += this.#writeBatch();
    }
    this.#wake();
  }

  /** Writes messages until the window or the batch is full; the bytes written. */
  #writeBatch(): number {
    const { index } = this.#settings;
    const parts: Buffer[] = [];
    let bytes = 0;
    while (bytes < BATCH_BYTES_MAX && this.#room > 0) {
      const number = this.#checker.attempted(index);
      this.#sentTag += 1;
      if (this.#sentTag === 1) this.#base = number - 1;
      const frames = this.#framesOf(number);
      parts.push(frames);
      bytes += frames.length;
    }
    this.connection.socket.write(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    return bytes;
  }

  #framesOf(number: number): Buffer {
    const { index } = this.#settings;
    const plan = this.#plan;
    const method = this.#methods[plan.route(index, number)];
    const bodyBytes = plan.bodyBytes(index, number);
    const pieceBytesMax = this.connection.frameBytesMax - FRAME_OVERHEAD_BYTES;
    const pieces = Math.ceil(bodyBytes / pieceBytesMax);
    const overhead = method.length + HEADER_FRAME_BYTES + pieces * FRAME_OVERHEAD_BYTES;
    const frames = Buffer.allocUnsafe(overhead + bodyBytes);
    method.copy(frames);
    const isPersistent = plan.isPersistent(index, number);
    let at = writeHeader(frames, method.length, bodyBytes, isPersistent ? 2 : 1);
    const poolStart = plan.poolOffset(index, number);
    for (let from = 0; from < bodyBytes; from += pieceBytesMax) {
      const to = Math.min(from + pieceBytesMax, bodyBytes);
      frames[at] = FRAME_BODY;
      frames.writeUInt16BE(1, at + 1);
      frames.writeUInt32BE(to - from, at + 3);
      const stampBytes = from === 0 ? STAMP_BYTES : 0;
      if (from === 0) plan.writeStamp(frames, at + 7, index, number, bodyBytes);
      plan.pool.copy(frames, at + 7 + stampBytes, poolStart + from + stampBytes, poolStart + to);
      at += FRAME_OVERHEAD_BYTES + to - from;
      frames[at - 1] = FRAME_END;
    }
    return frames;
  }
}

/** A content header with delivery-mode alone; where it ends. */
function writeHeader(frames: Buffer, at: number, bodyBytes: number, deliveryMode: number): number {
  frames[at] = FRAME_HEADER;
  frames.writeUInt16BE(1, at + 1);
  frames.writeUInt32BE(HEADER_FRAME_BYTES - FRAME_OVERHEAD_BYTES, at + 3);
  frames.writeUInt16BE(60, at + 7);
  frames.writeUInt16BE(0, at + 9);
  frames.writeUInt32BE(0, at + 11);
  frames.writeUInt32BE(bodyBytes, at + 15);
  frames.writeUInt16BE(DELIVERY_MODE_FLAG, at + 19);
  frames[at + 21] = deliveryMode;
  frames[at + 22] = FRAME_END;
  return at + HEADER_FRAME_BYTES;
}
