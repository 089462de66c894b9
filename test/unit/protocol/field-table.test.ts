// Field tables: every wire type by hand, round trips, equality of arguments, and refusals.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmqpError } from '../../../src/errors/refusal.ts';
import {
  Decimal,
  Double,
  decodeTable,
  encodeTable,
  type FieldTable,
  type FieldValue,
  Float,
  LongString,
  NESTING_DEPTH_MAX,
  Timestamp,
  tablesEqual,
  typeNameOf,
} from '../../../src/protocol/field-table.ts';
import { fieldTable } from './arbitraries.ts';
import { bytesOf, viewOf } from './bytes.ts';

function decode(bytes: Uint8Array): FieldTable {
  return decodeTable(bytes, viewOf(bytes), 0, bytes.length);
}

/** [wire value, what it decodes to, RabbitMQ's name of the type it is written as]. */
const VALUES: readonly (readonly [string, FieldValue, string])[] = [
  ['74 01', true, 'bool'],
  ['74 00', false, 'bool'],
  ['49 fffffffe', -2, 'signedint'],
  ['49 7fffffff', 2147483647, 'signedint'],
  ['6c 0000000080000000', 2147483648, 'long'],
  ['6c ffe0000000000001', -(2 ** 53 - 1), 'long'],
  ['6c 8000000000000000', -(2n ** 63n), 'long'],
  ['64 3ff8000000000000', new Double(1.5), 'double'],
  ['64 4000000000000000', new Double(2), 'double'],
  ['66 3fc00000', new Float(1.5), 'float'],
  ['44 02 0000007b', new Decimal(2, 123), 'decimal'],
  ["53 00000003 'qé'", 'qé', 'longstr'],
  ['53 00000000', '', 'longstr'],
  ["53 00000004 efbbbf 'x'", '\ufeffx', 'longstr'],
  ['53 00000002 c328', new LongString(Uint8Array.of(0xc3, 0x28)), 'longstr'],
  ["78 00000002 'hi'", Uint8Array.of(0x68, 0x69), 'binary'],
  ['54 000000006543210f', new Timestamp(0x6543210f), 'timestamp'],
  ['54 ffffffffffffffff', new Timestamp(2n ** 64n - 1n), 'timestamp'],
  ['56', null, 'void'],
  ['41 00000003 56 74 01', [null, true], 'array'],
  ["46 00000003 01 'k' 56", { k: null }, 'table'],
];

/** Integers of other widths: read by value, written as I or l. */
const NARROW_INTEGERS: readonly (readonly [string, number | bigint])[] = [
  ['62 ff', -1],
  ['42 ff', 255],
  ['73 fffe', -2],
  ['75 fffe', 65534],
  ['69 ffffffff', 4294967295],
  ['6c 0000000000000005', 5],
  ['4c 0000000000000005', 5],
  ['4c 7fffffffffffffff', 2n ** 63n - 1n],
];

describe('values', () => {
  it.each(VALUES)('%s', (dump, value, type) => {
    const bytes = bytesOf(`01 'k' ${dump}`);
    const decoded = decode(bytes);
    expect(decoded).toEqual({ k: value });
    expect(typeNameOf(decoded['k'])).toBe(type);
    expect(Buffer.from(encodeTable({ k: value })).toString('hex')).toBe(
      Buffer.from(bytes).toString('hex'),
    );
  });

  it.each(NARROW_INTEGERS)('%s', (dump, value) => {
    expect(decode(bytesOf(`01 'k' ${dump}`))).toEqual({ k: value });
  });

  it('writes a bigint as a 64-bit integer, however small', () => {
    expect(encodeTable({ k: 1n })).toEqual(bytesOf("01 'k' 6c 0000000000000001"));
  });

  it('copies bytes, so that the buffer may be reused', () => {
    const bytes = Buffer.from(bytesOf("01 'k' 78 00000002 'hi'"));
    const decoded = decode(bytes);
    bytes.fill(0);
    expect(decoded['k']).toEqual(Uint8Array.of(0x68, 0x69));
  });

  it('reads from shared memory and from the middle of a buffer', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64), 3);
    shared.set(bytesOf("02 'é' 53 00000002 'é'"), 5);
    expect(decodeTable(shared, viewOf(shared), 5, 15)).toEqual({ é: 'é' });
  });

  it.each<[string, FieldTable]>([
    ['an integer beyond 64 bits', { k: 2n ** 63n }],
    ['a time before 1970', { k: new Timestamp(-1) }],
    ['a name of more than 255 bytes', { ['é'.repeat(128)]: null }],
  ])('does not encode %s', (_what, table) => {
    expect(() => encodeTable(table)).toThrow(RangeError);
  });
});

describe('tables', () => {
  it('come back equal', () => {
    fc.assert(
      fc.property(fieldTable, (table) => {
        const bytes = encodeTable(table);
        const decoded = decode(bytes);
        expect(tablesEqual(decoded, table)).toBe(true);
        expect(encodeTable(decoded).length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('cross threads', () => {
    fc.assert(
      fc.property(fieldTable, (table) => {
        const received = structuredClone(decode(encodeTable(table)));
        expect(tablesEqual(received, table)).toBe(true);
        expect(tablesEqual(decode(encodeTable(received)), table)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('keep their types through JSON', () => {
    const table = { f: new Double(2), t: new Timestamp(5), d: new Decimal(1, 15), n: [1, null] };
    expect(tablesEqual(JSON.parse(JSON.stringify(table)), table)).toBe(true);
  });

  it('keep the first of two fields with one name', () => {
    expect(decode(bytesOf("01 'k' 74 01 01 'k' 74 00"))).toEqual({ k: true });
  });

  it('may have a field named __proto__', () => {
    const decoded = decode(bytesOf("09 '__proto__' 46 00000004 01 'k' 74 01"));
    expect(Object.keys(decoded)).toEqual(['__proto__']);
    expect(decoded['k']).toBeUndefined();
    expect(decode(encodeTable(decoded))).toEqual(decoded);
  });
});

describe('equality', () => {
  const longString = new LongString(Uint8Array.of(0xff));
  it.each<[string, FieldValue, FieldValue, boolean]>([
    ['integers of all widths', 5, 5n, true],
    ['other integers', 5, 6n, false],
    ['integers beyond 2^53', 2n ** 53n + 1n, 2n ** 53n + 2n, false],
    ['an integer and a float', 5, new Double(5), false],
    ['floats of both widths', new Float(1.5), new Double(1.5), true],
    ['a fraction and a float', 1.5, new Double(1.5), true],
    ['NaN and NaN', new Double(Number.NaN), new Double(Number.NaN), true],
    ['an integer and a timestamp', 5, new Timestamp(5), false],
    ['timestamps', new Timestamp(5), new Timestamp(5n), true],
    ['other timestamps', new Timestamp(5), new Timestamp(6), false],
    ['decimals', new Decimal(1, 15), new Decimal(1, 15), true],
    ['other decimals', new Decimal(1, 15), new Decimal(2, 15), false],
    ['a string and a number', '5', 5, false],
    ['a string and bytes', 'a', Uint8Array.of(0x61), false],
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
    ['other bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 3), false],
    ['long strings', longString, new LongString(Uint8Array.of(0xff)), true],
    ['other long strings', longString, new LongString(Uint8Array.of(0xfe)), false],
    ['a long string and text', longString, '\ufffd', false],
    ['a boolean and a number', true, 1, false],
    ['nothing and false', null, false, false],
    ['arrays', [1, ['a']], [1n, ['a']], true],
    ['arrays in another order', [1, 2], [2, 1], false],
    ['an array and a longer one', [1], [1, 2], false],
    ['tables in another order', { a: 1, b: 2 }, { b: 2, a: 1n }, true],
    ['tables with other names', { a: 1 }, { b: 1 }, false],
    ['a table and a larger one', { a: 1 }, { a: 1, b: 1 }, false],
    ['a name that every object has', { a: 1 }, { toString: 1 }, false],
  ])('%s', (_what, a, b, equal) => {
    expect(tablesEqual({ k: a }, { k: b })).toBe(equal);
    expect(tablesEqual({ k: b }, { k: a })).toBe(equal);
  });
});

describe('malformed tables', () => {
  function refusal(bytes: Uint8Array) {
    try {
      decode(bytes);
    } catch (error) {
      if (error instanceof AmqpError) return error.refusal;
      throw error;
    }
    throw new Error('expected a refusal');
  }

  /** `depth` tables in one another, the outermost without its length: name '', type F, length. */
  function nested(depth: number): Uint8Array {
    const bytes = new Uint8Array((depth - 1) * 6);
    for (let at = 0; at < bytes.length; at += 6) {
      bytes[at + 1] = 0x46;
      viewOf(bytes).setUint32(at + 2, bytes.length - at - 6);
    }
    return bytes;
  }

  it.each([
    ["05 'abc'", 'expected a field name of 6 bytes at byte 0 of the table, received 4 bytes'],
    ["01 'a'", 'expected a field type of 1 bytes at byte 2 of the table, received 0 bytes'],
    ["01 'a' 5a", 'expected a field type, one of t b B s u I i l L f d D S x A T F V at byte 2'],
    ["01 'a' 49 0000", 'expected a 32-bit integer of 4 bytes at byte 3 of the table'],
    ["01 'a' 53 ffffffff 'x'", 'a long string of 4294967295 bytes at byte 7'],
    ["01 'a' 78 00000002 'x'", 'a byte array of 2 bytes at byte 7'],
    ["01 'a' 46 00000005 01 'b' 53 0000", 'the length of a long string of 4 bytes at byte 10'],
    ["01 'a' 41 00000001 74 01", 'a boolean of 1 bytes at byte 8 of the table, received 0'],
    ['02 c328 56', 'expected a field name in UTF-8 at byte 1'],
  ])('%s', (dump, text) => {
    expect(refusal(bytesOf(dump))).toMatchObject({ code: 502, scope: 'connection' });
    expect(refusal(bytesOf(dump)).text).toContain(text);
  });

  it('are nested too deep, and not one level earlier', () => {
    expect(Object.keys(decode(nested(NESTING_DEPTH_MAX)))).toEqual(['']);
    expect(refusal(nested(NESTING_DEPTH_MAX + 1)).text).toContain('nested at most 100 deep');
    expect(refusal(nested(20_000)).code).toBe(502);
  });
});
