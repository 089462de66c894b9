// The end of a pipeline: checks each body against the checksum that it carries, as it arrives, and
// acks it. Generator's process.
// Invariants: bodies are not put together, a checksum needs only its pieces in order; a message is
// acked when it was checked.
import { crc32 } from 'node:zlib';
import type { Backlog } from './backlog.ts';
import type { LoadConnection } from './connection.ts';
import { consume, deliveryTagOf, writeAck } from './consuming.ts';
import type { DeliveryLedger } from './delivery-ledger.ts';
import type { FrameSink } from './frame-stepper.ts';
import { METHOD, readU32 } from './frames.ts';
import { CHECKED_FROM, type PipelineBodies } from './pipeline-body.ts';
import type { SentCount } from './pipeline-source.ts';

export class PipelineSink implements FrameSink {
  readonly connection: LoadConnection;
  delivered: number;
  deliveredBytes: number;
  readonly #bodies: PipelineBodies;
  readonly #ledger: DeliveryLedger;
  readonly #backlog: Backlog;
  readonly #sent: SentCount;
  #deliveryTag: number;
  #bodyBytesLeft: number;
  #bodyStarted: boolean;
  #sequence: number;
  #claimed: number;
  #checksum: number;

  constructor(
    connection: LoadConnection,
    bodies: PipelineBodies,
    ledger: DeliveryLedger,
    backlog: Backlog,
    sent: SentCount,
  ) {
    this.connection = connection;
    this.delivered = 0;
    this.deliveredBytes = 0;
    this.#bodies = bodies;
    this.#ledger = ledger;
    this.#backlog = backlog;
    this.#sent = sent;
    this.#deliveryTag = 0;
    this.#bodyBytesLeft = 0;
    this.#bodyStarted = false;
    this.#sequence = 0;
    this.#claimed = 0;
    this.#checksum = 0;
  }

  async prepare(queue: string, prefetch: number): Promise<void> {
    await this.connection.openChannel();
    this.connection.sendFramesTo(this);
    await consume(this.connection, queue, prefetch, false);
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    if (readU32(bytes, start) === METHOD.basicDeliver) {
      this.#deliveryTag = deliveryTagOf(bytes, start);
    } else {
      this.connection.onMethod(bytes, start, end);
    }
  }

  onContentHeader(bytes: Buffer, start: number): void {
    this.#bodyBytesLeft = readU32(bytes, start + 8);
    this.#bodyStarted = false;
    this.#checksum = 0;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    let from = start;
    if (!this.#bodyStarted) {
      this.#bodyStarted = true;
      this.#sequence = bytes.readUInt32LE(start);
      this.#claimed = bytes.readUInt32LE(start + 4);
      from += CHECKED_FROM;
    }
    this.#checksum = crc32(bytes.subarray(from, end), this.#checksum);
    this.deliveredBytes += end - start;
    this.#bodyBytesLeft -= end - start;
    if (this.#bodyBytesLeft === 0) this.#complete();
  }

  onChunkEnd(): void {}

  #complete(): void {
    this.delivered += 1;
    const intact =
      this.#checksum === this.#claimed && this.#claimed === this.#bodies.checksumOf(this.#sequence);
    this.#ledger.note(this.#sequence, intact, this.#sent.value);
    writeAck(this.connection, this.#deliveryTag);
    this.#backlog.delivered(1);
  }
}
