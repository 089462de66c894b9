// Encodes records for a log: header without checksum and tag, words, bytes, padding (the log fills
// in the rest). Main and shard threads; shards write every message through it, so nothing here
// allocates but the growth of a growing buffer.
// Use: `begin` with the record's bytes before padding, then exactly that much by `word`, `long`,
// `put` and `copy`. Records follow one behind the other from the buffer's start.
import { copyBytes } from '../base/copy.ts';
import { RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './log.ts';
import { paddedBytes } from './record-format.ts';

const WORD = 2 ** 32;

/** Where a record of `bytes` bytes lies when the one before it ends at `position`. */
export function placeRecord(position: number, bytes: number, segmentBytes: number): number {
  const offset = position % segmentBytes;
  const start = position - offset;
  // A segment that is full to the last byte ends where the next one begins.
  if (offset < SEGMENT_HEADER_BYTES) return start + SEGMENT_HEADER_BYTES;
  if (offset + bytes <= segmentBytes) return position;
  return start + segmentBytes + SEGMENT_HEADER_BYTES;
}

export class RecordWriter {
  /** The records, from 0 to `used`. */
  bytes: Buffer<ArrayBufferLike>;
  /** Where the last record ends, padding included. */
  used = 0;
  #view: DataView;
  /** Where the next word or byte goes. */
  #at = 0;
  readonly #grows: boolean;

  /** Over memory of a fixed size, or with a first size over memory that grows. */
  constructor(memory: Uint8Array | number) {
    this.#grows = typeof memory === 'number';
    const bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = viewOver(this.bytes);
  }

  /** From the start again. */
  clear(): void {
    this.used = 0;
    this.#at = 0;
  }

  /** Whether a record of `bytes` bytes before padding still goes in. */
  hasRoom(bytes: number): boolean {
    return this.#grows || this.used + paddedBytes(bytes) <= this.bytes.byteLength;
  }

  /** Begins a record of `bytes` bytes before padding, its header included. Returns where. */
  begin(kind: number, flags: number, count: number, bytes: number): number {
    const start = this.used;
    const padded = paddedBytes(bytes);
    const end = start + padded;
    if (end > this.bytes.byteLength) this.#grow(end);
    const view = this.#view;
    // The padding, before anything else stands there.
    view.setInt32(end - 8, 0, true);
    view.setInt32(end - 4, 0, true);
    view.setInt32(start, 0, true);
    view.setInt32(start + 4, padded, true);
    view.setInt32(start + 8, kind | (flags << 8) | (count << 16), true);
    view.setInt32(start + 12, 0, true);
    this.used = end;
    this.#at = start + RECORD_HEADER_BYTES;
    return start;
  }

  /** A u32. */
  word(value: number): void {
    this.#view.setInt32(this.#at, value | 0, true);
    this.#at += 4;
  }

  /** A u64: a position. */
  long(value: number): void {
    this.word((value % WORD) | 0);
    this.word(Math.floor(value / WORD));
  }

  /** All bytes of a small array. */
  put(source: Uint8Array): void {
    this.bytes.set(source, this.#at);
    this.#at += source.byteLength;
  }

  /** Bytes `from` to `from + bytes` of a buffer. */
  copy(source: Buffer<ArrayBufferLike>, from: number, bytes: number): void {
    copyBytes(source, from, this.bytes, this.#at, bytes);
    this.#at += bytes;
  }

  #grow(bytes: number): void {
    if (!this.#grows) {
      throw new RangeError(
        `${bytes} bytes of records for a buffer of ${this.bytes.byteLength}: ask hasRoom first`,
      );
    }
    const grown = Buffer.from(new ArrayBuffer(Math.max(bytes, this.bytes.byteLength * 2)));
    this.bytes.copy(grown, 0, 0, this.used);
    this.bytes = grown;
    this.#view = viewOver(grown);
  }
}

function viewOver(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
