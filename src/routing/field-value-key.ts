// Field values as strings that are equal exactly when the values are, so that they can be looked up
// instead of compared one by one. Any thread. Agrees with `tablesEqual` of field-table.ts: integer
// widths are one type, float widths another, names come in any order (a property test holds the two
// together). Strings are quoted and lists delimited, so no two values share a key.
import { isUtf8 } from 'node:buffer';
import type {
  Decimal,
  Double,
  FieldTable,
  FieldValue,
  Float,
  LongString,
  Timestamp,
} from '../protocol/field-table.ts';
import { typeNameOf } from '../protocol/field-table.ts';

/** The key of a whole table. */
export function tableKey(table: FieldTable): string {
  const names = Object.keys(table).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${valueKey(table[name])}`).join()}}`;
}

/**
 * The key of a header value for matching. As in RabbitMQ, where both are binaries, a long string
 * matches a byte array (wire type x) of the same bytes.
 */
export function headerValueKey(value: FieldValue): string {
  if (typeof value === 'string') return `S${value}`;
  if (value instanceof Uint8Array) {
    return isUtf8(value) ? `S${textOf(value)}` : `L${hexOf(value)}`;
  }
  return valueKey(value);
}

function valueKey(value: FieldValue): string {
  switch (typeNameOf(value)) {
    case 'void':
      return 'V';
    case 'bool':
      return value === true ? 't' : 'f';
    case 'signedint':
    case 'long':
      return `i${value as number | bigint}`;
    case 'double':
    case 'float':
      return `d${typeof value === 'number' ? value : (value as Double | Float).value}`;
    case 'longstr':
      return typeof value === 'string'
        ? `S${JSON.stringify(value)}`
        : `L${hexOf((value as LongString).bytes)}`;
    case 'binary':
      return `x${hexOf(value as Uint8Array)}`;
    case 'timestamp':
      return `T${(value as Timestamp).seconds}`;
    case 'decimal':
      return `D${(value as Decimal).places}e${(value as Decimal).digits}`;
    case 'array':
      return `[${(value as FieldValue[]).map(valueKey).join()}]`;
    case 'table':
      return tableKey(value as FieldTable);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
