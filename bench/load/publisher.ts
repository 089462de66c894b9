// A publisher: one connection, one channel, flat out (closed loop) or by slices (open loop).
// Generator's process. Backpressure: it stops at 1 MiB queued in the socket and goes on when the
// kernel took some; with a confirm window or a backlog limit it also stops there.
// Invariants: `published` counts what the kernel took; only whole messages are written; a slice
// that cannot be sent yet keeps its intended time, so waiting shows up as latency (no coordinated
// omission).
import type { Backlog } from './backlog.ts';
import { ConfirmWindow } from './confirm-window.ts';
import type { LoadConnection } from './connection.ts';
import type { FrameSink } from './frame-stepper.ts';
import { METHOD, methodFrame, readU32, u8 } from './frames.ts';
import { Histogram } from './histogram.ts';
import { monotonicMillis, type MeasuringWindow } from './measuring-window.ts';
import type { MessageBatch } from './message-batch.ts';

/** What waits in one publisher's socket. */
export const QUEUED_BYTES_MAX = 1024 * 1024;
/** What one publisher writes per turn of the event loop, so that consumers get theirs. */
export const TURN_BYTES_MAX = 512 * 1024;

export interface PublisherSettings {
  readonly index: number;
  /** Unconfirmed publishes at most; 0 publishes without confirms. */
  readonly confirmWindow: number;
  /** Whether each body carries a stamp (latency or verification). */
  readonly stamped: boolean;
}

export class Publisher implements FrameSink {
  readonly connection: LoadConnection;
  published: number;
  /** Handed to the socket: `published` plus what the kernel has not taken yet. */
  submitted: number;
  confirmed: number;
  nacked: number;
  /** Open loop: messages whose intended time fell into the measuring window. */
  dueInWindow: number;
  /** Open loop: how long after its intended time a message was handed to the socket. */
  readonly sendLag: Histogram;
  readonly #settings: PublisherSettings;
  readonly #batch: MessageBatch;
  readonly #backlog: Backlog;
  readonly #window: MeasuringWindow;
  readonly #confirms: ConfirmWindow | undefined;
  #running: boolean;
  #turnScheduled: boolean;
  #openLoop: boolean;
  readonly #dueMillis: number[];
  readonly #dueCounts: number[];

  constructor(
    connection: LoadConnection,
    settings: PublisherSettings,
    batch: MessageBatch,
    backlog: Backlog,
    window: MeasuringWindow,
  ) {
    this.connection = connection;
    this.published = 0;
    this.submitted = 0;
    this.confirmed = 0;
    this.nacked = 0;
    this.dueInWindow = 0;
    this.sendLag = new Histogram();
    this.#settings = settings;
    this.#batch = batch;
    this.#backlog = backlog;
    this.#window = window;
    this.#confirms =
      settings.confirmWindow > 0 ? new ConfirmWindow(settings.confirmWindow, window) : undefined;
    this.#running = false;
    this.#turnScheduled = false;
    this.#openLoop = false;
    this.#dueMillis = [];
    this.#dueCounts = [];
  }

  get confirmLatency(): Histogram | undefined {
    return this.#confirms?.latency;
  }

  async prepare(): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    if (this.#confirms === undefined) return;
    const select = methodFrame(1, METHOD.confirmSelect, u8(0));
    await this.connection.call(select, METHOD.confirmSelectOk);
  }

  /** Closed loop: publish as fast as the limits allow until `finish`. */
  start(): void {
    this.#running = true;
    this.wake();
  }

  /** Open loop: `count` more messages whose time to be sent is `millis`. */
  due(count: number, millis: number): void {
    this.#openLoop = true;
    this.#running = true;
    this.#dueMillis.push(millis);
    this.#dueCounts.push(count);
    if (this.#window.includes(millis)) this.dueInWindow += count;
    this.#turn();
  }

  /** No more messages, except those of slices that are due already. */
  finish(): void {
    if (!this.#openLoop) this.#running = false;
  }

  /** Messages that are due, or in the socket, but not yet with the kernel. */
  get unsent(): number {
    const due = this.#dueCounts.reduce((sum, count) => sum + count, 0);
    return due + this.submitted - this.published;
  }

  /** Goes on after something that held it back has changed. */
  wake(): void {
    if (this.#turnScheduled || !this.#running) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.#turnScheduled = false;
      this.#turn();
    });
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    const method = readU32(bytes, start);
    if (method !== METHOD.basicAck && method !== METHOD.basicNack) {
      this.connection.onMethod(bytes, start, end);
      return;
    }
    const tag = readU32(bytes, start + 4) * 2 ** 32 + readU32(bytes, start + 8);
    const settled = this.#confirms!.settle(tag, (bytes[start + 12] & 1) === 1);
    if (method === METHOD.basicAck) this.confirmed += settled;
    else this.nacked += settled;
  }

  onContentHeader(): void {}

  onBody(): void {}

  onChunkEnd(): void {
    if (this.#confirms !== undefined) this.wake();
  }

  #turn(): void {
    let turnBytes = 0;
    while (this.#running && turnBytes < TURN_BYTES_MAX) {
      if (this.connection.socket.writableLength >= QUEUED_BYTES_MAX) return;
      const written = this.#write();
      if (written === 0) return;
      turnBytes += written;
    }
    this.wake();
  }

  /** Writes the next buffer; its size in bytes, 0 when something holds the publisher back. */
  #write(): number {
    let count = Math.min(this.#batch.messagesMax, this.#backlog.room);
    if (this.#confirms !== undefined) count = Math.min(count, this.#confirms.room);
    if (this.#openLoop) count = Math.min(count, this.#dueCounts[0] ?? 0);
    if (count <= 0) return 0;
    const millis = this.#openLoop ? this.#takeDue(count) : Number.NaN;
    const buffer = this.#settings.stamped
      ? this.#batch.stamped(count, millis, this.#settings.index, this.submitted)
      : this.#batch.plain(count);
    this.#confirms?.published(count, millis);
    this.#backlog.published(count);
    this.submitted += count;
    this.#send(buffer, this.#settings.stamped ? this.#batch.tail : undefined, count);
    return count * this.#batch.messageBytes;
  }

  #send(buffer: Buffer, tail: Buffer | undefined, count: number): void {
    const { socket } = this.connection;
    const taken = (): void => {
      this.published += count;
      this.wake();
    };
    if (tail === undefined) {
      socket.write(buffer, taken);
      return;
    }
    socket.cork();
    socket.write(buffer);
    socket.write(tail, taken);
    socket.uncork();
  }

  /** Takes `count` messages off the oldest slice that is due; its intended send time. */
  #takeDue(count: number): number {
    const millis = this.#dueMillis[0];
    this.#dueCounts[0] -= count;
    if (this.#dueCounts[0] === 0) {
      this.#dueMillis.shift();
      this.#dueCounts.shift();
    }
    if (this.#window.includes(millis)) {
      this.sendLag.record((monotonicMillis() - millis) * 1000, count);
    }
    return millis;
  }
}
