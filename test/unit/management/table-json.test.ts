// Arguments as JSON: every type of field value, and keys that JavaScript has its own ideas about.
import { expect, it } from 'vitest';
import { tableJson } from '../../../src/management/table-json.ts';
import {
  Decimal,
  Double,
  type FieldValue,
  Float,
  LongString,
  Timestamp,
} from '../../../src/protocol/field-table.ts';

it.each<[FieldValue, string]>([
  [null, 'null'],
  [true, 'true'],
  [-3, '-3'],
  [2 ** 40, '1099511627776'],
  [9_007_199_254_740_993n, '9007199254740993'],
  [1n, '1'],
  ['text', '"text"'],
  [new Double(2), '2'],
  [new Float(1.5), '1.5'],
  [0.25, '0.25'],
  [new Double(Number.NaN), 'null'],
  [new Timestamp(1_700_000_000), '1700000000'],
  [new Timestamp(18_446_744_073_709_551_615n), '18446744073709551615'],
  [new Decimal(2, 123), '1.23'],
  [new Uint8Array([1, 255]), '"Not UTF-8, base64 is: Af8="'],
  [new LongString(new Uint8Array([255])), '"Not UTF-8, base64 is: /w=="'],
  [[1, 'a', null, [true]], '[1,"a",null,[true]]'],
  [{ inner: { deeper: 1n } }, '{"inner":{"deeper":1}}'],
])('%o', (value, json) => {
  expect(JSON.stringify(tableJson({ key: value }))).toBe(`{"key":${json}}`);
});

it('keeps every key', () => {
  const table = JSON.parse('{"__proto__":1,"toJSON":2,"constructor":3}');
  expect(JSON.stringify(tableJson(table))).toBe('{"__proto__":1,"toJSON":2,"constructor":3}');
});
