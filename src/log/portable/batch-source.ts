// The bytes of one batch, read from front to back over all its parts: the writer sees one stream.
// Main and shard threads.
import { copyBytes } from '../../base/copy.ts';
import type { LogBatch } from '../log.ts';

export class BatchSource {
  readonly #batch: LogBatch;
  readonly #own: Buffer<ArrayBufferLike>;
  readonly #memories: readonly Buffer<ArrayBufferLike>[];
  /** The part that is being read, and how much of it was. */
  #part = 0;
  #done = 0;
  /** Bytes not read yet. */
  left = 0;

  /** Throws when a part names memory that is not there. */
  constructor(batch: LogBatch, memories: readonly Buffer<ArrayBufferLike>[]) {
    this.#batch = batch;
    this.#own = bufferOver(batch.bytes);
    this.#memories = memories;
    for (let part = 0; part < batch.partCount; part += 1) {
      const memory = this.#memoryOf(part);
      const offset = batch.parts[part * 3 + 1];
      const bytes = batch.parts[part * 3 + 2];
      if (memory === undefined || !(offset >= 0 && bytes >= 0)) throw this.#wrong(part);
      if (offset + bytes > memory.byteLength) throw this.#wrong(part);
      this.left += bytes;
    }
  }

  /** Moves the next `bytes` bytes to `target`. */
  take(target: Buffer, at: number, bytes: number): void {
    let to = at;
    const end = at + bytes;
    while (to < end) {
      const partBytes = this.#batch.parts[this.#part * 3 + 2];
      const taken = Math.min(partBytes - this.#done, end - to);
      const from = this.#batch.parts[this.#part * 3 + 1] + this.#done;
      copyBytes(this.#memoryOf(this.#part)!, from, target, to, taken);
      to += taken;
      this.#done += taken;
      if (this.#done === partBytes) {
        this.#part += 1;
        this.#done = 0;
      }
    }
    this.left -= bytes;
  }

  #memoryOf(part: number): Buffer<ArrayBufferLike> | undefined {
    const memory = this.#batch.parts[part * 3];
    return memory === 0 ? this.#own : this.#memories[memory - 1];
  }

  #wrong(part: number): Error {
    return new Error(`part ${part} of batch ${this.#batch.number} names memory that is not there`);
  }
}

export function bufferOver(bytes: Uint8Array): Buffer<ArrayBufferLike> {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
