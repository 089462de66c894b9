// The identity of bindings: equal keys exactly for equal bindings.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldTable, FieldValue } from '../../../src/protocol/field-table.ts';
import {
  Decimal,
  Double,
  Float,
  LongString,
  tablesEqual,
  Timestamp,
} from '../../../src/protocol/field-table.ts';
import { bindingKey } from '../../../src/routing/binding-key.ts';
import { bindingSpec } from './vhost-fixture.ts';

const keyOf = (args: FieldTable) => bindingKey(bindingSpec('x', 'q', 'k', args));

// Few values, so that two random tables are often equal or nearly so.
const scalar = fc.oneof(
  fc.constantFrom<FieldValue>(null, true, false, '', 'a', '1', '"', 'i1', ','),
  fc.constantFrom<FieldValue>(0, -0, 1, 1n, 2n ** 60n, 1.5, NaN),
  fc.constantFrom<FieldValue>(new Double(1), new Float(1), new Double(NaN), new Double(-0)),
  fc.constantFrom<FieldValue>(new Timestamp(1), new Timestamp(1n), new Timestamp(2)),
  fc.constantFrom<FieldValue>(new Decimal(1, 2), new Decimal(2, 1), new Decimal(12, 1)),
  fc.constantFrom<FieldValue>(new Uint8Array([0x61]), new Uint8Array([]), new Uint8Array([0xff])),
  fc.constantFrom<FieldValue>(new LongString(new Uint8Array([0xff]))),
);
const { table } = fc.letrec<{ value: FieldValue; table: FieldTable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('table'),
  ),
  table: fc.dictionary(fc.constantFrom('a', 'b', '1', ':'), tie('value'), { maxKeys: 3 }),
}));

describe('the key of a binding', () => {
  it('is the same for the same fields', () => {
    const binding = bindingSpec('x', 'q', 'k', { a: 1, b: { c: [2] } });
    expect(bindingKey(structuredClone(binding))).toBe(bindingKey(binding));
  });

  it('tells every field apart, also where their texts would run together', () => {
    const bindings = [
      bindingSpec('x', 'q', 'k'),
      bindingSpec('xq', '', 'k'),
      bindingSpec('', 'xq', 'k'),
      bindingSpec('x', 'qk', ''),
      bindingSpec('x","q', '', 'k'),
      bindingSpec('x', 'q', 'k', {}, 'exchange'),
      bindingSpec('x', 'q', 'k', { a: 1 }),
      bindingSpec('x', 'q', 'k{"a":i1}'),
    ];
    expect(new Set(bindings.map(bindingKey)).size).toBe(bindings.length);
  });

  it('takes arguments in any order and integers of any width', () => {
    expect(keyOf({ a: 1, b: 2 })).toBe(keyOf({ b: 2n, a: 1n }));
    expect(keyOf({ a: 1 })).not.toBe(keyOf({ a: '1' }));
  });

  it('agrees with tablesEqual', () => {
    fc.assert(
      fc.property(table, table, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(tablesEqual(a, b));
        expect(keyOf(a)).toBe(keyOf(structuredClone(a)));
      }),
      { numRuns: 3000 },
    );
  });
});
