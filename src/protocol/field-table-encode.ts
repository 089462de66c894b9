// Encodes AMQP field tables and arrays (specification 4.2.5.5; types: see field-value.ts). Runs in
// any thread, cold code. Two passes: `tableBytes` measures, `writeTable` writes into space that is
// known to be enough, so the writer never grows in the middle of a table.
// Only this process's own mistakes throw here (RangeError): what was decoded can be encoded.
import type {
  Decimal,
  Double,
  FieldTable,
  FieldValue,
  Float,
  LongString,
  Timestamp,
} from './field-value.ts';
import { typeNameOf } from './field-value.ts';
import { utf8Bytes, writeUtf8 } from './utf8.ts';

const NAME_BYTES_MAX = 255;
const UINT64_MAX = 2n ** 64n - 1n;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The fields of `table` as bytes, without the 4-byte length: what `decodeTable` takes. */
export function encodeTable(table: FieldTable): Uint8Array {
  const bytes = new Uint8Array(tableBytes(table));
  writeTable(bytes, new DataView(bytes.buffer), 0, table);
  return bytes;
}

/** How many bytes the fields take, without the 4-byte length. */
export function tableBytes(table: FieldTable): number {
  let bytes = 0;
  for (const name of Object.keys(table)) {
    const nameBytes = utf8Bytes(name);
    if (nameBytes > NAME_BYTES_MAX) {
      throw new RangeError(
        `Expected a field name of at most ${NAME_BYTES_MAX} bytes, got ${nameBytes}: ${name}`,
      );
    }
    bytes += 1 + nameBytes + valueBytes(table[name]);
  }
  return bytes;
}

/** Writes the fields at `offset`, where `tableBytes(table)` bytes are free; returns the end. */
export function writeTable(
  buf: Uint8Array,
  view: DataView,
  offset: number,
  table: FieldTable,
): number {
  let at = offset;
  for (const name of Object.keys(table)) {
    const nameEnd = writeUtf8(buf, at + 1, name);
    buf[at] = nameEnd - at - 1;
    at = writeValue(buf, view, nameEnd, table[name]);
  }
  return at;
}

function valueBytes(value: FieldValue): number {
  switch (typeNameOf(value)) {
    case 'void':
      return 1;
    case 'bool':
      return 2;
    case 'signedint':
    case 'float':
      return 5;
    case 'decimal':
      return 6;
    case 'long':
    case 'double':
    case 'timestamp':
      return 9;
    case 'longstr':
      return (
        5 + (typeof value === 'string' ? utf8Bytes(value) : (value as LongString).bytes.length)
      );
    case 'binary':
      return 5 + (value as Uint8Array).length;
    case 'table':
      return 5 + tableBytes(value as FieldTable);
    case 'array':
      return (value as FieldValue[]).reduce<number>((sum, item) => sum + valueBytes(item), 5);
  }
}

function writeValue(buf: Uint8Array, view: DataView, offset: number, value: FieldValue): number {
  const at = offset + 1;
  const type = typeNameOf(value);
  switch (type) {
    case 'void':
      return tag(buf, offset, 'V', at);
    case 'bool':
      buf[at] = value === true ? 1 : 0;
      return tag(buf, offset, 't', at + 1);
    case 'signedint':
      view.setInt32(at, value as number);
      return tag(buf, offset, 'I', at + 4);
    case 'long':
      view.setBigInt64(at, inRange(BigInt(value as number | bigint), INT64_MIN, INT64_MAX));
      return tag(buf, offset, 'l', at + 8);
    case 'double':
      view.setFloat64(at, typeof value === 'number' ? value : (value as Double).value);
      return tag(buf, offset, 'd', at + 8);
    case 'float':
      view.setFloat32(at, (value as Float).value);
      return tag(buf, offset, 'f', at + 4);
    case 'timestamp':
      view.setBigUint64(at, inRange(BigInt((value as Timestamp).seconds), 0n, UINT64_MAX));
      return tag(buf, offset, 'T', at + 8);
    case 'decimal':
      buf[at] = (value as Decimal).places;
      view.setUint32(at + 1, (value as Decimal).digits);
      return tag(buf, offset, 'D', at + 5);
    default:
      return writeCounted(buf, view, offset, type, value);
  }
}

/** Writes a value that carries a 4-byte length, which is filled in last. */
function writeCounted(
  buf: Uint8Array,
  view: DataView,
  offset: number,
  type: 'longstr' | 'binary' | 'table' | 'array',
  value: FieldValue,
): number {
  const start = offset + 5;
  let end = start;
  if (type === 'table') {
    tag(buf, offset, 'F', start);
    end = writeTable(buf, view, start, value as FieldTable);
  } else if (type === 'array') {
    tag(buf, offset, 'A', start);
    for (const item of value as FieldValue[]) end = writeValue(buf, view, end, item);
  } else if (typeof value === 'string') {
    tag(buf, offset, 'S', start);
    end = writeUtf8(buf, start, value);
  } else {
    tag(buf, offset, type === 'longstr' ? 'S' : 'x', start);
    const bytes = type === 'longstr' ? (value as LongString).bytes : (value as Uint8Array);
    buf.set(bytes, start);
    end = start + bytes.length;
  }
  view.setUint32(offset + 1, end - start);
  return end;
}

function tag(buf: Uint8Array, offset: number, type: string, end: number): number {
  buf[offset] = type.charCodeAt(0);
  return end;
}

function inRange(value: bigint, min: bigint, max: bigint): bigint {
  if (value < min || value > max) {
    throw new RangeError(`Expected an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}
