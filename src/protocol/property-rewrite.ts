// Properties with some of them changed, everything else byte for byte as it came, so also the types
// of integers in the headers, which a decoded table has not. Any thread. Specification 4.2.6.1.
//
// What is to change is noted first (`dropHeader`, `setReplyTo`, ...); `write` writes the new
// properties into a scratch buffer, once for all changes. The scratch holds until the next `write`.
// Noting and writing allocate nothing; the properties have been scanned, so they are well-formed.
import { copyBytes } from '../base/copy.ts';
import { encodeTable, type FieldTable } from './field-table.ts';
import { FLAG_EXPIRATION, FLAG_HEADERS, FLAG_REPLY_TO, FLAG_TIMESTAMP } from './property-flags.ts';
import {
  EXPIRATION_PROPERTY,
  findProperties,
  HEADERS_PROPERTY,
  PROPERTY_COUNT,
  REPLY_TO_PROPERTY,
  TIMESTAMP_PROPERTY,
} from './property-places.ts';
import { valueEnd } from './table-scan.ts';

const SCRATCH_BYTES = 4096;
/** More than new headers, reply-to and timestamp take besides their contents. */
const LENGTHS_BYTES = 16;
const UINT32 = 0x1_0000_0000;

export class PropertyRewrite {
  /** What `write` has written: the first `byteCount` bytes. */
  bytes: Buffer<ArrayBuffer>;
  byteCount: number;
  private view: DataView<ArrayBuffer>;
  private readonly places: Int32Array;
  /** Names of headers to leave out. */
  private readonly dropped: Buffer[];
  /** Whole fields, encoded, that come last in the table. */
  private readonly added: Buffer[];
  private addedBytes: number;
  private replyTo: Buffer | undefined;
  private timestampSeconds: number;
  private dropsExpiration: boolean;

  constructor() {
    this.bytes = Buffer.alloc(SCRATCH_BYTES);
    this.byteCount = 0;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, SCRATCH_BYTES);
    this.places = new Int32Array(PROPERTY_COUNT + 1);
    this.dropped = [];
    this.added = [];
    this.addedBytes = 0;
    this.replyTo = undefined;
    this.timestampSeconds = -1;
    this.dropsExpiration = false;
  }

  dropHeader(name: Buffer): void {
    this.dropped.push(name);
  }

  /** `field` is the whole field: name, type and value. Any other of this name goes. */
  setHeader(name: Buffer, field: Buffer): void {
    this.dropped.push(name);
    this.added.push(field);
    this.addedBytes += field.length;
  }

  setReplyTo(value: Buffer): void {
    this.replyTo = value;
    this.addedBytes += value.length;
  }

  setTimestamp(seconds: number): void {
    this.timestampSeconds = seconds;
  }

  dropExpiration(): void {
    this.dropsExpiration = true;
  }

  get isPending(): boolean {
    const { dropped, replyTo, timestampSeconds, dropsExpiration } = this;
    return dropped.length > 0 || replyTo !== undefined || timestampSeconds >= 0 || dropsExpiration;
  }

  /** Writes properties that begin at `at` of `source` with the changes noted, and forgets these. */
  write(source: Buffer<ArrayBufferLike>, view: DataView, at: number): void {
    const { places } = this;
    const flags = findProperties(source, view, at, places);
    this.reserve(places[PROPERTY_COUNT] - at + this.addedBytes + LENGTHS_BYTES);
    this.byteCount = 2;
    let to = this.dropsExpiration ? flags & ~FLAG_EXPIRATION : flags;
    for (let i = 0; i < PROPERTY_COUNT; i += 1) to |= this.property(source, view, flags, i);
    this.view.setUint16(0, to);
    this.forget();
  }

  /** Writes one property, new or as it was; returns its flag if it is new. */
  private property(
    source: Buffer<ArrayBufferLike>,
    view: DataView,
    flags: number,
    index: number,
  ): number {
    const from = this.places[index];
    if (index === HEADERS_PROPERTY && this.dropped.length > 0) {
      this.headers(source, view, flags, from);
      return FLAG_HEADERS;
    }
    if (index === REPLY_TO_PROPERTY && this.replyTo !== undefined) {
      this.view.setUint8(this.byteCount, this.replyTo.length);
      this.byteCount += 1;
      this.append(this.replyTo, 0, this.replyTo.length);
      return FLAG_REPLY_TO;
    }
    if (index === TIMESTAMP_PROPERTY && this.timestampSeconds >= 0) {
      this.view.setUint32(this.byteCount, Math.floor(this.timestampSeconds / UINT32));
      this.view.setUint32(this.byteCount + 4, this.timestampSeconds % UINT32);
      this.byteCount += 8;
      return FLAG_TIMESTAMP;
    }
    if (index === EXPIRATION_PROPERTY && this.dropsExpiration) return 0;
    this.append(source, from, this.places[index + 1] - from);
    return 0;
  }

  private headers(
    source: Buffer<ArrayBufferLike>,
    view: DataView,
    flags: number,
    from: number,
  ): void {
    const lengthAt = this.byteCount;
    this.byteCount += 4;
    const tableEnd = (flags & FLAG_HEADERS) === 0 ? 0 : from + 4 + view.getUint32(from);
    let at = from + 4;
    while (at < tableEnd) {
      const nameEnd = at + 1 + source[at];
      const next = valueEnd(source, view, nameEnd, tableEnd, 1);
      if (next < 0) throw new RangeError('headers of a message that has been taken are malformed');
      if (!this.isDropped(source, at + 1, nameEnd)) this.append(source, at, next - at);
      at = next;
    }
    for (const field of this.added) this.append(field, 0, field.length);
    this.view.setUint32(lengthAt, this.byteCount - lengthAt - 4);
  }

  private isDropped(bytes: Buffer<ArrayBufferLike>, from: number, to: number): boolean {
    return this.dropped.some((name) => bytes.compare(name, 0, name.length, from, to) === 0);
  }

  private append(bytes: Buffer<ArrayBufferLike>, from: number, count: number): void {
    copyBytes(bytes, from, this.bytes, this.byteCount, count);
    this.byteCount += count;
  }

  private reserve(count: number): void {
    if (this.bytes.length >= count) return;
    this.bytes = Buffer.alloc(count);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, count);
  }

  private forget(): void {
    this.dropped.length = 0;
    this.added.length = 0;
    this.addedBytes = 0;
    this.replyTo = undefined;
    this.timestampSeconds = -1;
    this.dropsExpiration = false;
  }
}

export interface HeaderChanges {
  /** They take the place of any of these names. */
  readonly added?: FieldTable;
  readonly dropped?: readonly string[];
  readonly dropsExpiration?: boolean;
}

const rewrite = new PropertyRewrite();

/** The properties that are `bytes`, changed; a copy. What dead-lettering and the like do. Cold. */
export function withHeaders(bytes: Buffer, changes: HeaderChanges): Buffer<ArrayBuffer> {
  const { added = {}, dropped = [], dropsExpiration = false } = changes;
  for (const name of dropped) rewrite.dropHeader(Buffer.from(name));
  for (const [name, value] of Object.entries(added)) {
    rewrite.setHeader(Buffer.from(name), Buffer.from(encodeTable({ [name]: value })));
  }
  if (dropsExpiration) rewrite.dropExpiration();
  rewrite.write(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  return Buffer.from(rewrite.bytes.subarray(0, rewrite.byteCount));
}
