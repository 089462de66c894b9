// A worker between two queues of a pipeline: takes a message from one, puts its body together in a
// ready-made publish for the next, publishes that and acks. Generator's process.
// Invariants: a body is copied once, from the read buffer into the publish; a message is acked only
// after its copy is with the kernel or, with confirms, with the broker, so a worker that is lost
// loses nothing; prefetch bounds the publishes that exist, and each is used again and again.
import type { LoadConnection } from './connection.ts';
import { consume, deliveryTagOf, writeAck } from './consuming.ts';
import type { FrameSink } from './frame-stepper.ts';
import { FRAME_OVERHEAD_BYTES, METHOD, methodFrame, publishFrames, readU32, u8 } from './frames.ts';

export interface WorkerSettings {
  readonly from: string;
  readonly to: string;
  readonly bodyBytes: number;
  readonly prefetch: number;
  readonly persistent: boolean;
  /** Whether an ack waits for the broker's confirm of the copy. */
  readonly confirms: boolean;
}

export class PipelineWorker implements FrameSink {
  readonly connection: LoadConnection;
  readonly #settings: WorkerSettings;
  readonly #template: Buffer;
  readonly #bodyStart: number;
  readonly #pieceBytesMax: number;
  /** Publishes that wait for a body. */
  readonly #free: Buffer[];
  #filling: Buffer;
  #filledBytes: number;
  #deliveryTag: number;
  #published: number;
  /** Delivery tags of publishes that are not confirmed yet, the oldest first. */
  readonly #unconfirmed: Map<number, number>;

  constructor(connection: LoadConnection, settings: WorkerSettings) {
    this.connection = connection;
    this.#settings = settings;
    const { to, bodyBytes, persistent } = settings;
    const { frameBytesMax } = connection;
    const { bytes, bodyStart } = publishFrames('', to, bodyBytes, persistent, frameBytesMax);
    this.#template = bytes;
    this.#bodyStart = bodyStart;
    this.#pieceBytesMax = frameBytesMax - FRAME_OVERHEAD_BYTES;
    this.#free = [];
    this.#filling = bytes;
    this.#filledBytes = 0;
    this.#deliveryTag = 0;
    this.#published = 0;
    this.#unconfirmed = new Map();
  }

  async prepare(): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    if (this.#settings.confirms) {
      const select = methodFrame(1, METHOD.confirmSelect, u8(0));
      await this.connection.call(select, METHOD.confirmSelectOk);
    }
    await consume(this.connection, this.#settings.from, this.#settings.prefetch, false);
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    const method = readU32(bytes, start);
    if (method === METHOD.basicDeliver) {
      this.#deliveryTag = deliveryTagOf(bytes, start);
    } else if (method === METHOD.basicAck && this.#settings.confirms) {
      this.#confirmed(readU32(bytes, start + 8), (bytes[start + 12] & 1) === 1);
    } else if (method === METHOD.basicNack) {
      throw new Error('the broker refused a publish (basic.nack)');
    } else {
      this.connection.onMethod(bytes, start, end);
    }
  }

  onContentHeader(bytes: Buffer, start: number): void {
    const bodyBytes = readU32(bytes, start + 8);
    if (bodyBytes !== this.#settings.bodyBytes) {
      throw new Error(`expected a body of ${this.#settings.bodyBytes}, received ${bodyBytes}`);
    }
    this.#filling = this.#free.pop() ?? Buffer.from(this.#template);
    this.#filledBytes = 0;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    // The frames that come may be cut elsewhere than those that go.
    for (let from = start; from < end; ) {
      const inPiece = this.#filledBytes % this.#pieceBytesMax;
      const count = Math.min(end - from, this.#pieceBytesMax - inPiece);
      const pieces = (this.#filledBytes - inPiece) / this.#pieceBytesMax;
      const to = this.#bodyStart + this.#filledBytes + pieces * FRAME_OVERHEAD_BYTES;
      bytes.copy(this.#filling, to, from, from + count);
      this.#filledBytes += count;
      from += count;
    }
    if (this.#filledBytes === this.#settings.bodyBytes) this.#publish();
  }

  onChunkEnd(): void {}

  #publish(): void {
    const full = this.#filling;
    const tag = this.#deliveryTag;
    this.#published += 1;
    const { confirms } = this.#settings;
    if (confirms) this.#unconfirmed.set(this.#published, tag);
    this.connection.socket.write(full, () => {
      this.#free.push(full);
      if (!confirms) writeAck(this.connection, tag);
    });
  }

  #confirmed(publish: number, multiple: boolean): void {
    for (const [number, tag] of this.#unconfirmed) {
      if (number > publish) return;
      if (number < publish && !multiple) continue;
      this.#unconfirmed.delete(number);
      writeAck(this.connection, tag);
    }
  }
}
