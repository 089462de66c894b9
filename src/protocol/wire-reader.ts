// Reads AMQP's elementary types from a frame payload (specification 4.2.5). Runs in any thread.
// Invariants: every read is checked against `end` first, and a length that was announced is checked
// before anything is allocated for it; what is returned never aliases `bytes`. A failed read throws
// `AmqpError` and leaves the reader useless until `reset`.
import { cannotDecode, malformedShortString } from '../errors/protocol-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { decodeTable, type FieldTable } from './field-table.ts';
import { readUtf8, readUtf8Lenient } from './utf8.ts';

const TWO_TO_32 = 2 ** 32;

export class WireReader {
  bytes: Uint8Array;
  view: DataView;
  offset: number;
  end: number;
  /** What is being read, for error texts: a method's name, for example. */
  subject = 'frame';
  /** Where the payload starts: error texts count bytes from here. */
  start: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.start = offset;
    this.offset = offset;
    this.end = end;
  }

  /** Points the reader at another payload; `view` covers the same bytes as `bytes`. */
  reset(bytes: Uint8Array, view: DataView, offset: number, end: number): this {
    this.bytes = bytes;
    this.view = view;
    this.start = offset;
    this.offset = offset;
    this.end = end;
    this.subject = 'frame';
    return this;
  }

  octet(): number {
    return this.bytes[this.take(1, 'an octet')];
  }

  /** An octet that packs up to eight bits, the first in the lowest place. */
  bits(): number {
    return this.bytes[this.take(1, 'an octet of bits')];
  }

  short(): number {
    return this.view.getUint16(this.take(2, 'a short integer'));
  }

  long(): number {
    return this.view.getUint32(this.take(4, 'a long integer'));
  }

  /** An unsigned 64-bit integer, exact: a bigint beyond 2^53 - 1. */
  longlong(): number | bigint {
    const at = this.take(8, 'a long long integer');
    const number = this.view.getUint32(at) * TWO_TO_32 + this.view.getUint32(at + 4);
    return Number.isSafeInteger(number) ? number : this.view.getBigUint64(at);
  }

  /**
   * An unsigned 64-bit integer as a number that stops at 2^53 - 1: for delivery tags and times,
   * which never get there.
   */
  longlongNumber(): number {
    const at = this.take(8, 'a long long integer');
    const number = this.view.getUint32(at) * TWO_TO_32 + this.view.getUint32(at + 4);
    return Math.min(number, Number.MAX_SAFE_INTEGER);
  }

  /** A short string, which must be UTF-8. */
  shortString(): string {
    const at = this.shortStringStart();
    const text = readUtf8(this.bytes, at, this.offset);
    if (text !== undefined) return text;
    throw new AmqpError(malformedShortString(this.subject, at - this.start));
  }

  /**
   * A short string that may be any bytes; what is not UTF-8 becomes U+FFFD. RabbitMQ does not check
   * the short strings of methods with content, nor those of content headers.
   */
  shortStringLenient(): string {
    const at = this.shortStringStart();
    return readUtf8Lenient(this.bytes, at, this.offset);
  }

  /** A long string as its bytes: a copy. */
  longString(): Uint8Array {
    const at = this.longStringStart();
    // Not `slice`: a Buffer's is a view, not a copy.
    return new Uint8Array(this.bytes.subarray(at, this.offset));
  }

  /** A long string as text; what is not UTF-8 becomes U+FFFD. */
  longStringText(): string {
    const at = this.longStringStart();
    return readUtf8Lenient(this.bytes, at, this.offset);
  }

  table(): FieldTable {
    const bytes = this.view.getUint32(this.take(4, "a field table's length"));
    const at = this.take(bytes, 'a field table');
    return decodeTable(this.bytes, this.view, at, this.offset);
  }

  /** Checks that everything up to `end` has been read. */
  finish(): void {
    if (this.offset === this.end) return;
    const left = this.end - this.offset;
    throw this.cannotDecode(
      `expected its end at byte ${this.offset - this.start}, received ${left} more bytes`,
    );
  }

  private shortStringStart(): number {
    const bytes = this.bytes[this.take(1, "a short string's length")];
    return this.take(bytes, 'a short string');
  }

  private longStringStart(): number {
    const bytes = this.view.getUint32(this.take(4, "a long string's length"));
    return this.take(bytes, 'a long string');
  }

  /** Steps over `bytes` bytes that must lie before `end`; returns where they start. */
  private take(bytes: number, what: string): number {
    const at = this.offset;
    if (bytes > this.end - at) {
      throw this.cannotDecode(
        `expected ${what} of ${bytes} bytes at byte ${at - this.start}, received ${this.end - at}`,
      );
    }
    this.offset = at + bytes;
    return at;
  }

  private cannotDecode(problem: string): AmqpError {
    return new AmqpError(cannotDecode(this.subject, problem));
  }
}
