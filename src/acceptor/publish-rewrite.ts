// Gives a publish other properties than its client sent: without BCC, with the real reply-to, with
// a timestamp. Acceptor thread, one per acceptor.
//
// What is to change is noted first (`dropHeader`, `setHeader`, ...); `apply` writes the new
// properties into a scratch buffer, once for all changes, and points the publish at them. The
// scratch holds until the next `apply`: by then the publish is in the rings, kept by its
// transaction, or waits to be offered again, which rewrites it again. A publish without changes
// costs nothing but the tests of those who would change it.
import { copyBytes } from '../base/copy.ts';
import { FLAG_HEADERS, FLAG_REPLY_TO, FLAG_TIMESTAMP } from '../protocol/property-flags.ts';
import {
  findProperties,
  HEADERS_PROPERTY,
  PROPERTY_COUNT,
  REPLY_TO_PROPERTY,
  TIMESTAMP_PROPERTY,
} from '../protocol/property-places.ts';
import { valueEnd } from '../protocol/table-scan.ts';
import type { IncomingPublish } from './publisher.ts';

/** No rewrite makes a message longer by more than this. */
export const REWRITE_BYTES_MAX = 1024;
const SCRATCH_BYTES = 4096;
const UINT32 = 0x1_0000_0000;

export class PublishRewrite {
  private scratch: Buffer<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  private end: number;
  private readonly places: Int32Array;
  /** Names of headers to leave out. */
  private readonly dropped: Buffer[];
  /** Whole fields, encoded, that come last in the table. */
  private readonly added: Buffer[];
  private replyTo: Buffer | undefined;
  private timestampSeconds: number;

  constructor() {
    this.scratch = Buffer.alloc(SCRATCH_BYTES);
    this.view = new DataView(this.scratch.buffer, this.scratch.byteOffset, SCRATCH_BYTES);
    this.end = 0;
    this.places = new Int32Array(PROPERTY_COUNT + 1);
    this.dropped = [];
    this.added = [];
    this.replyTo = undefined;
    this.timestampSeconds = -1;
  }

  dropHeader(name: Buffer): void {
    this.dropped.push(name);
  }

  /** `field` is the whole field: name, type and value. Any other of this name goes. */
  setHeader(name: Buffer, field: Buffer): void {
    this.dropped.push(name);
    this.added.push(field);
  }

  setReplyTo(value: Buffer): void {
    this.replyTo = value;
  }

  setTimestamp(seconds: number): void {
    this.timestampSeconds = seconds;
  }

  get isPending(): boolean {
    const { dropped, replyTo, timestampSeconds } = this;
    return dropped.length > 0 || replyTo !== undefined || timestampSeconds >= 0;
  }

  /** Makes the noted changes to a message whose properties have been found well-formed. */
  apply(message: IncomingPublish): void {
    const { bytes, view, propsAt, propsBytes } = message;
    const flags = findProperties(bytes, view, propsAt, this.places);
    this.reserve(propsBytes + REWRITE_BYTES_MAX);
    this.end = 2;
    let to = flags;
    for (let i = 0; i < PROPERTY_COUNT; i += 1) to |= this.property(message, flags, i);
    this.view.setUint16(0, to);
    message.propsSource = this.scratch;
    message.propsAt = 0;
    message.propsBytes = this.end;
    // A plugin may have rewritten it before: then the slab still has what the client sent.
    if (message.slabPage >= 0 && message.slabSkip < 0) message.slabSkip = propsBytes;
    this.forget();
  }

  /** Writes one property, new or as it was; returns its flag if it is new. */
  private property(message: IncomingPublish, flags: number, index: number): number {
    const from = this.places[index];
    if (index === HEADERS_PROPERTY && this.dropped.length > 0) {
      this.headers(message, flags, from);
      return FLAG_HEADERS;
    }
    if (index === REPLY_TO_PROPERTY && this.replyTo !== undefined) {
      this.view.setUint8(this.end, this.replyTo.length);
      this.end += 1;
      this.append(this.replyTo, 0, this.replyTo.length);
      return FLAG_REPLY_TO;
    }
    if (index === TIMESTAMP_PROPERTY && this.timestampSeconds >= 0) {
      this.view.setUint32(this.end, Math.floor(this.timestampSeconds / UINT32));
      this.view.setUint32(this.end + 4, this.timestampSeconds % UINT32);
      this.end += 8;
      return FLAG_TIMESTAMP;
    }
    this.append(message.bytes, from, this.places[index + 1] - from);
    return 0;
  }

  private headers(message: IncomingPublish, flags: number, from: number): void {
    const { bytes, view } = message;
    const lengthAt = this.end;
    this.end += 4;
    const tableEnd = (flags & FLAG_HEADERS) === 0 ? 0 : from + 4 + view.getUint32(from);
    let at = from + 4;
    while (at < tableEnd) {
      const nameEnd = at + 1 + bytes[at];
      const next = valueEnd(bytes, view, nameEnd, tableEnd, 1);
      if (!this.isDropped(bytes, at + 1, nameEnd)) this.append(bytes, at, next - at);
      at = next;
    }
    for (const field of this.added) this.append(field, 0, field.length);
    this.view.setUint32(lengthAt, this.end - lengthAt - 4);
  }

  private isDropped(bytes: Buffer<ArrayBufferLike>, from: number, to: number): boolean {
    return this.dropped.some((name) => bytes.compare(name, 0, name.length, from, to) === 0);
  }

  private append(bytes: Buffer<ArrayBufferLike>, from: number, count: number): void {
    copyBytes(bytes, from, this.scratch, this.end, count);
    this.end += count;
  }

  private reserve(count: number): void {
    if (this.scratch.length >= count) return;
    this.scratch = Buffer.alloc(count);
    this.view = new DataView(this.scratch.buffer, this.scratch.byteOffset, count);
  }

  private forget(): void {
    this.dropped.length = 0;
    this.added.length = 0;
    this.replyTo = undefined;
    this.timestampSeconds = -1;
  }
}
