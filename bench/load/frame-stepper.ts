// Steps over AMQP frames by their size fields, in the chunk where the socket put them; a frame that
// a chunk boundary cuts is put together in a side buffer. Runs in the generator's process; hot.
// Invariants: the sink sees every frame exactly once and in order; frames are whole, but for large
// body frames that a chunk cuts: those come in pieces, uncopied, of which the first has at least
// PIECE_BYTES_MIN bytes; nothing is allocated per frame; a size over `frameBytesMax` or a wrong end
// octet stops everything (specification 4.2.3).
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

/** Body frames up to this size are put together, so that small bodies always come whole. */
const WHOLE_BYTES_MAX = 4096;
/** What stands at the start of a body (a stamp) is never cut. */
const PIECE_BYTES_MIN = 64;
const FRAME_START_BYTES = 7;

/** Receives payloads as `bytes[start, end)`, valid only during the call. */
export interface FrameSink {
  onMethod(bytes: Buffer, start: number, end: number): void;
  onContentHeader(bytes: Buffer, start: number, end: number): void;
  /** A body frame's payload, or a piece of one. */
  onBody(bytes: Buffer, start: number, end: number): void;
  /** Everything in the chunk has been handed over: the moment to write answers. */
  onChunkEnd(): void;
}

export class FrameStepper {
  sink: FrameSink;
  frameBytesMax: number;
  #carry: Buffer;
  #carried: number;
  /** What is to come of a body frame that is handed over in pieces, its end octet included. */
  #bodyBytesLeft: number;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.frameBytesMax = frameBytesMax;
    this.#carry = Buffer.allocUnsafeSlow(4096);
    this.#carried = 0;
    this.#bodyBytesLeft = 0;
  }

  /** Hands every frame that ends in `chunk[0, length)` to the sink and keeps the rest. */
  feed(chunk: Buffer, length: number): void {
    let at = 0;
    if (this.#carried > 0) {
      at = this.#completeCarried(chunk, length);
      if (at < 0) return;
    }
    if (this.#bodyBytesLeft > 0) at = this.#handOverPiece(chunk, at, length);
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
      throw wrongEnd(bytes[end - 1]);
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
    if (this.#carried < FRAME_START_BYTES) {
      at = this.#append(chunk, at, length, FRAME_START_BYTES);
      if (this.#carried < FRAME_START_BYTES) return -1;
    }
    const frameBytes = this.#sizeOf(this.#carry, 0);
    if (this.#carry[0] === FRAME_BODY && frameBytes > WHOLE_BYTES_MAX) {
      const enough = FRAME_START_BYTES + PIECE_BYTES_MIN;
      at = this.#append(chunk, at, length, enough);
      if (this.#carried < enough) return -1;
      this.#carried = 0;
      this.sink.onBody(this.#carry, FRAME_START_BYTES, enough);
      this.#bodyBytesLeft = frameBytes - enough;
      return at;
    }
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
    const there = length - at;
    // Only a frame that is cut can be too large for memory: the others fit in the chunk.
    const frameBytes = there >= FRAME_START_BYTES ? this.#sizeOf(chunk, at) : FRAME_START_BYTES;
    const large = chunk[at] === FRAME_BODY && frameBytes > WHOLE_BYTES_MAX;
    if (large && there >= FRAME_START_BYTES + PIECE_BYTES_MIN) {
      this.#bodyBytesLeft = frameBytes - FRAME_START_BYTES;
      this.#handOverPiece(chunk, at + FRAME_START_BYTES, length);
    } else {
      this.#append(chunk, at, length, Math.max(large ? 0 : frameBytes, there));
    }
  }

  /** More of a body frame that comes in pieces; the position after it in `chunk`. */
  #handOverPiece(chunk: Buffer, from: number, length: number): number {
    const at = from + Math.min(this.#bodyBytesLeft - 1, length - from);
    if (at > from) this.sink.onBody(chunk, from, at);
    this.#bodyBytesLeft -= at - from;
    if (at === length) return at;
    if (chunk[at] !== FRAME_END) throw wrongEnd(chunk[at]);
    this.#bodyBytesLeft = 0;
    return at + 1;
  }

  #sizeOf(bytes: Buffer, at: number): number {
    const frameBytes = FRAME_OVERHEAD_BYTES + readU32(bytes, at + 3);
    if (frameBytes > this.frameBytesMax) {
      throw new Error(`expected a frame of at most ${this.frameBytesMax}, received ${frameBytes}`);
    }
    return frameBytes;
  }
}

function wrongEnd(octet: number): Error {
  return new Error(`expected a frame end octet 0xce, received ${octet}`);
}
