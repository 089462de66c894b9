// Steps over AMQP frames by their size fields, in the chunk where the socket put them; a frame that
// a chunk boundary cuts is put together in a side buffer. Runs in the generator's process; hot.
// Invariants: the sink sees every frame exactly once, whole and in order; nothing is allocated per
// frame; a size over `frameBytesMax` or a wrong end octet stops everything (specification 4.2.3).
//
//   | type u8 | channel u16 | payload size u32 | payload ... | 0xCE |
//   0         1             3                  7             7+size
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
  readU32,
} from './frames.ts';

/** Receives payloads as `bytes[start, end)`, valid only during the call. */
export interface FrameSink {
  onMethod(bytes: Buffer, start: number, end: number): void;
  onContentHeader(bytes: Buffer, start: number, end: number): void;
  onBody(bytes: Buffer, start: number, end: number): void;
  /** Everything in the chunk has been handed over: the moment to write answers. */
  onChunkEnd(): void;
}

export class FrameStepper {
  sink: FrameSink;
  frameBytesMax: number;
  #carry: Buffer;
  #carried: number;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.frameBytesMax = frameBytesMax;
    this.#carry = Buffer.allocUnsafeSlow(4096);
    this.#carried = 0;
  }

  /** Hands every frame that ends in `chunk[0, length)` to the sink and keeps the rest. */
  feed(chunk: Buffer, length: number): void {
    let at = 0;
    if (this.#carried > 0) {
      at = this.#completeCarried(chunk, length);
      if (at < 0) return;
    }
    while (length - at >= FRAME_OVERHEAD_BYTES) {
      const end = at + FRAME_OVERHEAD_BYTES + readU32(chunk, at + 3);
      if (end > length) break;
      this.#dispatch(chunk, at, end);
      at = end;
    }
    if (at < length) this.#keep(chunk, at, length);
    this.sink.onChunkEnd();
  }

  #dispatch(bytes: Buffer, at: number, end: number): void {
    if (bytes[end - 1] !== FRAME_END) {
      throw new Error(`expected a frame end octet 0xce, received ${bytes[end - 1]}`);
    }
    switch (bytes[at]) {
      case FRAME_METHOD:
        this.sink.onMethod(bytes, at + 7, end - 1);
        break;
      case FRAME_HEADER:
        this.sink.onContentHeader(bytes, at + 7, end - 1);
        break;
      case FRAME_BODY:
        this.sink.onBody(bytes, at + 7, end - 1);
        break;
      case FRAME_HEARTBEAT:
        break;
      default:
        throw new Error(`expected a frame type (1, 2, 3 or 8), received ${bytes[at]}`);
    }
  }

  /** Appends to the cut frame; the position after it in `chunk`, or -1 when it is still cut. */
  #completeCarried(chunk: Buffer, length: number): number {
    let at = 0;
    if (this.#carried < 7) {
      at = this.#append(chunk, at, length, 7);
      if (this.#carried < 7) return -1;
    }
    const frameBytes = this.#sizeOf(this.#carry, 0);
    at = this.#append(chunk, at, length, frameBytes);
    if (this.#carried < frameBytes) return -1;
    this.#carried = 0;
    this.#dispatch(this.#carry, 0, frameBytes);
    return at;
  }

  #append(chunk: Buffer, at: number, length: number, wanted: number): number {
    const count = Math.min(wanted - this.#carried, length - at);
    if (this.#carry.length < wanted) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#carry.length * 2));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    chunk.copy(this.#carry, this.#carried, at, at + count);
    this.#carried += count;
    return at + count;
  }

  #keep(chunk: Buffer, at: number, length: number): void {
    // Only a frame that is cut can be too large for memory: the others fit in the chunk.
    const frameBytes = length - at >= 7 ? this.#sizeOf(chunk, at) : 7;
    this.#append(chunk, at, length, Math.max(frameBytes, length - at));
  }

  #sizeOf(bytes: Buffer, at: number): number {
    const frameBytes = FRAME_OVERHEAD_BYTES + readU32(bytes, at + 3);
    if (frameBytes > this.frameBytesMax) {
      throw new Error(`expected a frame of at most ${this.frameBytesMax}, received ${frameBytes}`);
    }
    return frameBytes;
  }
}
