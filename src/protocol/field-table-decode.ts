// Decodes AMQP field tables and field arrays (specification 4.2.5.5, types as RabbitMQ reads them:
// https://www.rabbitmq.com/amqp-0-9-1-errata, section 3). Runs in any thread, cold code.
//
// Invariants: every length is checked against the end of what holds it before anything is read or
// allocated; byte strings are copies, so the caller's buffer may be reused; nesting is bounded.
// A name that occurs twice keeps its first value, because RabbitMQ looks up the first. Names must
// be UTF-8 (RabbitMQ does not check), else two names could become one.
import { malformedFieldTable } from '../errors/protocol-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import {
  Decimal,
  Double,
  type FieldTable,
  type FieldValue,
  Float,
  LongString,
  Timestamp,
} from './field-value.ts';
import { readUtf8 } from './utf8.ts';

/** Tables in tables: far beyond what any client sends, far below what would exhaust the stack. */
export const NESTING_DEPTH_MAX = 100;

/**
 * Decodes the fields at [offset, end) of `buf`: a table without its 4-byte length. `view` covers
 * the same bytes as `buf`. Throws `AmqpError` (502) when they are malformed.
 */
export function decodeTable(
  buf: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
): FieldTable {
  return new TableDecoder(buf, view, offset).fields(end, 1);
}

class TableDecoder {
  readonly buf: Uint8Array;
  readonly view: DataView;
  /** Where the outermost table starts: error texts count from here. */
  readonly start: number;
  offset: number;

  constructor(buf: Uint8Array, view: DataView, offset: number) {
    this.buf = buf;
    this.view = view;
    this.start = offset;
    this.offset = offset;
  }

  fields(end: number, depth: number): FieldTable {
    // No prototype: a field may be named __proto__ or constructor.
    const table: { [key: string]: FieldValue } = Object.create(null);
    while (this.offset < end) {
      const name = this.name(end);
      const value = this.value(end, depth);
      if (!(name in table)) table[name] = value;
    }
    return table;
  }

  name(end: number): string {
    const bytes = this.buf[this.offset];
    const at = this.take(1 + bytes, end, 'a field name') + 1;
    const name = readUtf8(this.buf, at, this.offset);
    if (name === undefined) throw this.malformed(at, 'a field name in UTF-8', 'other bytes');
    return name;
  }

  value(end: number, depth: number): FieldValue {
    const typeAt = this.take(1, end, 'a field type');
    switch (this.buf[typeAt]) {
      case 0x53: // S
        return this.longString(end);
      case 0x62: // b
        return this.view.getInt8(this.take(1, end, 'an 8-bit integer'));
      case 0x42: // B
        return this.view.getUint8(this.take(1, end, 'an 8-bit integer'));
      case 0x73: // s
        return this.view.getInt16(this.take(2, end, 'a 16-bit integer'));
      case 0x75: // u
        return this.view.getUint16(this.take(2, end, 'a 16-bit integer'));
      case 0x49: // I
        return this.view.getInt32(this.take(4, end, 'a 32-bit integer'));
      case 0x69: // i
        return this.view.getUint32(this.take(4, end, 'a 32-bit integer'));
      case 0x6c: // l
      case 0x4c: // L is signed for RabbitMQ, too
        return safeNumber(this.view.getBigInt64(this.take(8, end, 'a 64-bit integer')));
      case 0x64: // d
        return new Double(this.view.getFloat64(this.take(8, end, 'a 64-bit float')));
      case 0x66: // f
        return new Float(this.view.getFloat32(this.take(4, end, 'a 32-bit float')));
      default:
        return this.otherValue(typeAt, end, depth);
    }
  }

  otherValue(typeAt: number, end: number, depth: number): FieldValue {
    switch (this.buf[typeAt]) {
      case 0x74: // t
        return this.buf[this.take(1, end, 'a boolean')] !== 0;
      case 0x56: // V
        return null;
      case 0x54: // T
        return new Timestamp(
          safeNumber(this.view.getBigUint64(this.take(8, end, 'a 64-bit timestamp'))),
        );
      case 0x44: {
        // D
        const at = this.take(5, end, 'a decimal');
        return new Decimal(this.buf[at], this.view.getUint32(at + 1));
      }
      case 0x78: {
        // x
        const at = this.counted(end, 'a byte array');
        return copyOf(this.buf, at, this.offset);
      }
      case 0x46: // F
        return this.nested(end, depth, 'a table', (innerEnd) => this.fields(innerEnd, depth + 1));
      case 0x41: // A
        return this.nested(end, depth, 'an array', (innerEnd) => this.items(innerEnd, depth + 1));
      default:
        throw this.malformed(
          typeAt,
          'a field type, one of t b B s u I i l L f d D S x A T F V',
          `0x${this.buf[typeAt].toString(16).padStart(2, '0')}`,
        );
    }
  }

  items(end: number, depth: number): FieldValue[] {
    const items: FieldValue[] = [];
    while (this.offset < end) items.push(this.value(end, depth));
    return items;
  }

  nested<T>(end: number, depth: number, what: string, read: (innerEnd: number) => T): T {
    if (depth === NESTING_DEPTH_MAX) {
      throw this.malformed(
        this.offset,
        `tables nested at most ${NESTING_DEPTH_MAX} deep`,
        'one more',
      );
    }
    const at = this.counted(end, what);
    const innerEnd = this.offset;
    this.offset = at;
    return read(innerEnd);
  }

  longString(end: number): string | LongString {
    const at = this.counted(end, 'a long string');
    return readUtf8(this.buf, at, this.offset) ?? new LongString(copyOf(this.buf, at, this.offset));
  }

  /** Steps over a 4-byte length and as many bytes; returns where those bytes start. */
  counted(end: number, what: string): number {
    const bytes = this.view.getUint32(this.take(4, end, `the length of ${what}`));
    return this.take(bytes, end, what);
  }

  /** Steps over `bytes` bytes that must lie before `end`; returns where they start. */
  take(bytes: number, end: number, what: string): number {
    const at = this.offset;
    if (bytes > end - at) {
      throw this.malformed(at, `${what} of ${bytes} bytes`, `${end - at} bytes`);
    }
    this.offset = at + bytes;
    return at;
  }

  malformed(at: number, expected: string, received: string): AmqpError {
    return new AmqpError(malformedFieldTable(at - this.start, expected, received));
  }
}

function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function copyOf(buf: Uint8Array, start: number, end: number): Uint8Array {
  // Not `slice`: a Buffer's is a view, not a copy.
  return new Uint8Array(buf.subarray(start, end));
}
