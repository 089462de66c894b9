// Writes AMQP frames and elementary types (specification 4.2.3 and 4.2.5) into a buffer that grows.
// Runs in any thread.
// Invariants: numbers and lengths that the wire cannot hold throw RangeError (they are this
// process's own mistakes, never a peer's); a frame that was started is ended or abandoned before
// the next one, so the bytes taken are whole frames.
import { FRAME_END, FRAME_HEADER_BYTES } from './constants.ts';
import type { FieldTable } from './field-table.ts';
import { tableBytes, writeTable } from './field-table-encode.ts';
import { utf8Bytes, writeUtf8 } from './utf8.ts';

const BYTES_INITIAL = 256;
const NO_FRAME = -1;
const TWO_TO_32 = 2 ** 32;

export class WireWriter {
  bytes: Uint8Array;
  view: DataView;
  /** How many bytes have been written. */
  length = 0;
  private frameStart = NO_FRAME;

  constructor(bytesInitial = BYTES_INITIAL) {
    this.bytes = new Uint8Array(bytesInitial);
    this.view = new DataView(this.bytes.buffer);
  }

  octet(value: number): void {
    const at = this.grow(1);
    this.bytes[at] = inRange(value, 0xff);
  }

  /** An octet that packs up to eight bits, the first in the lowest place. */
  bits(value: number): void {
    this.octet(value);
  }

  short(value: number): void {
    const at = this.grow(2);
    this.view.setUint16(at, inRange(value, 0xffff));
  }

  long(value: number): void {
    const at = this.grow(4);
    this.view.setUint32(at, inRange(value, 0xffffffff));
  }

  longlong(value: number | bigint): void {
    const at = this.grow(8);
    if (typeof value === 'bigint') {
      if (value !== BigInt.asUintN(64, value)) {
        throw new RangeError(`Expected an unsigned 64-bit integer, got ${value}`);
      }
      this.view.setBigUint64(at, value);
      return;
    }
    inRange(value, Number.MAX_SAFE_INTEGER);
    this.view.setUint32(at, Math.floor(value / TWO_TO_32));
    this.view.setUint32(at + 4, value % TWO_TO_32);
  }

  shortString(text: string): void {
    const bytes = utf8Bytes(text);
    this.octet(bytes);
    const at = this.grow(bytes);
    writeUtf8(this.bytes, at, text);
  }

  longString(value: string | Uint8Array): void {
    if (typeof value === 'string') {
      const bytes = utf8Bytes(value);
      this.long(bytes);
      const at = this.grow(bytes);
      writeUtf8(this.bytes, at, value);
    } else {
      this.long(value.length);
      this.raw(value);
    }
  }

  table(table: FieldTable): void {
    const bytes = tableBytes(table);
    this.long(bytes);
    const at = this.grow(bytes);
    writeTable(this.bytes, this.view, at, table);
  }

  /** Bytes as they are: a body, or fields that are encoded already. */
  raw(bytes: Uint8Array): void {
    const at = this.grow(bytes.length);
    this.bytes.set(bytes, at);
  }

  startFrame(type: number, channel: number): void {
    if (this.frameStart !== NO_FRAME) throw new Error('The frame before was not ended');
    this.frameStart = this.length;
    this.octet(type);
    this.short(channel);
    this.long(0);
  }

  /** Fills in the size of the frame and adds its end octet. */
  endFrame(): void {
    if (this.frameStart === NO_FRAME) throw new Error('There is no frame to end');
    const payloadBytes = this.length - this.frameStart - FRAME_HEADER_BYTES;
    this.view.setUint32(this.frameStart + 3, payloadBytes);
    this.octet(FRAME_END);
    this.frameStart = NO_FRAME;
  }

  /** Drops the frame that was started, if there is one, and keeps those before it. */
  abandonFrame(): void {
    if (this.frameStart === NO_FRAME) return;
    this.length = this.frameStart;
    this.frameStart = NO_FRAME;
  }

  /** A copy of what was written; the writer is empty afterwards and keeps its buffer. */
  take(): Uint8Array {
    if (this.frameStart !== NO_FRAME) throw new Error('The last frame was not ended');
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  /** Makes room for `bytes` bytes and counts them as written; returns where they start. */
  private grow(bytes: number): number {
    const at = this.length;
    const needed = at + bytes;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }
}

function inRange(value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`Expected an integer from 0 to ${max}, got ${value}`);
}
