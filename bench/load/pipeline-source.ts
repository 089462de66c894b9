// The start of a pipeline: publishes numbered, varied bodies to the first queue as fast as the
// limits allow. Generator's process.
// Invariants: numbers come from a counter that all sources share; no large body is ever copied; it
// stops at 1 MiB queued in the socket and while `--max-backlog` messages are on their way.
import type { Backlog } from './backlog.ts';
import { ConfirmWindow } from './confirm-window.ts';
import type { LoadConnection } from './connection.ts';
import type { FrameSink } from './frame-stepper.ts';
import { METHOD, methodFrame, readU32, u8 } from './frames.ts';
import type { MeasuringWindow } from './measuring-window.ts';
import type { PipelineBodies } from './pipeline-body.ts';
import { QUEUED_BYTES_MAX } from './publisher.ts';

/** What the sources of a run have sent, all together. */
export interface SentCount {
  value: number;
}

const MESSAGES_PER_TURN_MAX = 64;

export class PipelineSource implements FrameSink {
  readonly connection: LoadConnection;
  /** Taken by the kernel. */
  published: number;
  confirmed: number;
  readonly #bodies: PipelineBodies;
  readonly #backlog: Backlog;
  readonly #sent: SentCount;
  readonly #confirms: ConfirmWindow | undefined;
  #running: boolean;
  #scheduled: boolean;

  constructor(
    connection: LoadConnection,
    bodies: PipelineBodies,
    backlog: Backlog,
    sent: SentCount,
    confirmWindow: number,
    window: MeasuringWindow,
  ) {
    this.connection = connection;
    this.published = 0;
    this.confirmed = 0;
    this.#bodies = bodies;
    this.#backlog = backlog;
    this.#sent = sent;
    this.#confirms = confirmWindow > 0 ? new ConfirmWindow(confirmWindow, window) : undefined;
    this.#running = false;
    this.#scheduled = false;
  }

  async prepare(): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    if (this.#confirms === undefined) return;
    await this.connection.call(methodFrame(1, METHOD.confirmSelect, u8(0)), METHOD.confirmSelectOk);
  }

  start(): void {
    this.#running = true;
    this.wake();
  }

  stop(): void {
    this.#running = false;
  }

  wake(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    const method = readU32(bytes, start);
    if (method === METHOD.basicNack) throw new Error('the broker refused a publish (basic.nack)');
    if (method !== METHOD.basicAck) {
      this.connection.onMethod(bytes, start, end);
      return;
    }
    const tag = readU32(bytes, start + 8);
    this.confirmed += this.#confirms!.settle(tag, (bytes[start + 12] & 1) === 1);
  }

  onContentHeader(): void {}

  onBody(): void {}

  onChunkEnd(): void {
    if (this.#confirms !== undefined) this.wake();
  }

  #turn(): void {
    const { socket } = this.connection;
    for (let count = 0; count < MESSAGES_PER_TURN_MAX; count += 1) {
      if (!this.#running || socket.writableLength >= QUEUED_BYTES_MAX) return;
      if (this.#backlog.room <= 0 || (this.#confirms?.room ?? 1) <= 0) return;
      const sequence = this.#sent.value;
      this.#sent.value += 1;
      this.#confirms?.published(1, Number.NaN);
      this.#backlog.published(1);
      socket.cork();
      socket.write(this.#bodies.startOf(sequence));
      socket.write(this.#bodies.restOf(sequence), () => {
        this.published += 1;
        this.wake();
      });
      socket.uncork();
    }
    this.wake();
  }
}
