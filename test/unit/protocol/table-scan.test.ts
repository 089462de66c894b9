// Test thread. The allocation-free table check against the decoder: they must agree on every input,
// but for names that are not UTF-8, which only the decoder refuses.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeTable,
  encodeTable,
  type FieldTable,
  type FieldValue,
} from '../../../src/protocol/field-table.ts';
import {
  findField,
  HAS_BCC,
  HAS_CC,
  MALFORMED,
  scanTable,
  valueEnd,
} from '../../../src/protocol/table-scan.ts';

const value: fc.Arbitrary<FieldValue> = fc.letrec<{ value: FieldValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{0,8}$/), tie('value'), { maxKeys: 4 }),
  ),
})).value;
const table = fc.dictionary(fc.stringMatching(/^[a-z]{0,8}$/), value, { maxKeys: 6 });

function decodes(bytes: Uint8Array): boolean {
  try {
    decodeTable(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    return true;
  } catch (error) {
    // A name that is not UTF-8 is the one thing that the scan does not look at.
    return /UTF-8/.test(String(error));
  }
}

function scans(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return scanTable(bytes, view, 0, bytes.length) !== MALFORMED;
}

describe('scanTable', () => {
  test('accepts every table that the encoder makes', () => {
    fc.assert(fc.property(table, (fields) => scans(encodeTable(fields))));
  });

  test('accepts the empty table', () => {
    expect(scans(new Uint8Array(0))).toBe(true);
  });

  test('refuses every proper beginning of a table with one string', () => {
    const bytes = encodeTable({ a: 'bcd' });
    for (let end = 1; end < bytes.length; end += 1) expect(scans(bytes.slice(0, end))).toBe(false);
  });

  test('agrees with the decoder on mutated tables', () => {
    const mutated = fc.tuple(table, fc.nat(), fc.nat(255)).map(([fields, at, octet]) => {
      const bytes = encodeTable(fields).slice();
      if (bytes.length > 0) bytes[at % bytes.length] = octet;
      return bytes;
    });
    fc.assert(
      fc.property(mutated, (bytes) => {
        expect(decodes(bytes) || !scans(bytes)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('refuses tables nested deeper than the decoder takes', () => {
    let nested: FieldValue = 'x';
    for (let depth = 0; depth < 99; depth += 1) nested = { a: nested };
    expect(scans(encodeTable({ a: nested }))).toBe(true);
    expect(scans(encodeTable({ a: { a: { a: nested } } }))).toBe(false);
  });
});

describe('the fields that scanTable notices', () => {
  const noticed = (fields: FieldTable): number => {
    const bytes = encodeTable(fields);
    return scanTable(bytes, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
  };

  test.each<[FieldTable, number]>([
    [{}, 0],
    [{ CC: ['a'] }, HAS_CC],
    [{ BCC: ['a'] }, HAS_BCC],
    [{ x: 1, BCC: null, y: 'CC', CC: 5 }, HAS_CC | HAS_BCC],
    [{ cc: 'a', ACC: 'b', CCC: 'c', C: 'd', BC: 'e', CB: 'f', BCB: 'g' }, 0],
    [{ inside: { CC: ['a'], BCC: ['b'] }, list: ['CC', 'BCC'] }, 0],
  ])('of %j', (fields, expected) => {
    expect(noticed(fields)).toBe(expected);
  });

  test('are found by name, the first of them', () => {
    fc.assert(
      fc.property(table, fc.stringMatching(/^[a-z]{0,8}$/), (fields, name) => {
        const bytes = encodeTable(fields);
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const at = findField(bytes, view, 0, bytes.length, Buffer.from(name));
        expect(at >= 0).toBe(Object.hasOwn(fields, name));
        if (at < 0) return;
        const end = valueEnd(bytes, view, at, bytes.length, 1);
        const field = encodeTable({ [name]: fields[name] });
        expect(bytes.slice(at, end)).toEqual(field.slice(1 + name.length));
      }),
    );
  });
});
