// AMQP field tables: the types, the codec and equality, in one place to import from. Runs in any
// thread. How wire types map to JavaScript, and how floats stay apart from integers:
// field-value.ts. Equality follows rabbit_misc:assert_args_equivalence: all integer widths are one
// class of types, both float widths another; any other type equals only itself.
import type {
  Decimal,
  Double,
  FieldTable,
  FieldTypeName,
  FieldValue,
  Float,
  LongString,
  Timestamp,
} from './field-value.ts';
import { typeNameOf } from './field-value.ts';

export { decodeTable, NESTING_DEPTH_MAX } from './field-table-decode.ts';
export { encodeTable } from './field-table-encode.ts';
export type { FieldTable, FieldValue } from './field-value.ts';
export { Decimal, Double, Float, LongString, Timestamp, typeNameOf } from './field-value.ts';

/** Whether both tables hold equal values under the same names, in whatever order. */
export function tablesEqual(a: FieldTable, b: FieldTable): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && valuesEqual(a[name], b[name]));
}

/** Whether two field values are equivalent arguments. */
export function valuesEqual(a: FieldValue, b: FieldValue): boolean {
  const type = typeClassOf(a);
  if (type !== typeClassOf(b)) return false;
  switch (type) {
    case 'void':
      return true;
    case 'bool':
      return a === b;
    case 'int':
      return BigInt(a as number | bigint) === BigInt(b as number | bigint);
    case 'float':
      // NaN is equal to itself here: a table must be equal to its copy.
      return floatOf(a) === floatOf(b) || (Number.isNaN(floatOf(a)) && Number.isNaN(floatOf(b)));
    case 'timestamp':
      return BigInt((a as Timestamp).seconds) === BigInt((b as Timestamp).seconds);
    case 'decimal':
      return (
        (a as Decimal).places === (b as Decimal).places &&
        (a as Decimal).digits === (b as Decimal).digits
      );
    case 'longstr':
      return longStringsEqual(a as string | LongString, b as string | LongString);
    case 'binary':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
    case 'array':
      return arraysEqual(a as FieldValue[], b as FieldValue[]);
    case 'table':
      return tablesEqual(a as FieldTable, b as FieldTable);
  }
}

type TypeClass =
  | 'int'
  | 'float'
  | Exclude<FieldTypeName, 'signedint' | 'long' | 'double' | 'float'>;

function typeClassOf(value: FieldValue): TypeClass {
  const type = typeNameOf(value);
  if (type === 'signedint' || type === 'long') return 'int';
  return type === 'double' ? 'float' : type;
}

function floatOf(value: FieldValue): number {
  return typeof value === 'number' ? value : (value as Double | Float).value;
}

function longStringsEqual(a: string | LongString, b: string | LongString): boolean {
  // A LongString is not UTF-8, so it never equals a string.
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return Buffer.compare(a.bytes, b.bytes) === 0;
}

function arraysEqual(a: readonly FieldValue[], b: readonly FieldValue[]): boolean {
  return a.length === b.length && a.every((item, index) => valuesEqual(item, b[index]));
}
