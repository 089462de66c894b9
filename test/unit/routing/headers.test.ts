// Headers exchange: tables of (binding arguments, message headers, match or not), after RabbitMQ's
// rabbit_exchange_type_headers, and the index against a naive reading of those rules.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import {
  Decimal,
  Double,
  Float,
  LongString,
  Timestamp,
  valuesEqual,
} from '../../../src/protocol/field-table.ts';
import { HeadersMatcher } from '../../../src/routing/exchange/headers.ts';
import { Binding, ExchangeNode, QueueNode } from '../../../src/routing/topology-node.ts';
import { bindingSpec, exchangeSpec, queueSpec, VhostFixture } from './vhost-fixture.ts';

function headersWith(...bindings: readonly FieldTable[]): VhostFixture {
  const vhost = new VhostFixture().exchange('h', 'headers');
  bindings.forEach((args, index) => vhost.queue(`q${index}`).bind('h', `q${index}`, '', args));
  return vhost;
}

const all = { 'x-match': 'all', org: 'burrow', user: 'test' };
const any = { 'x-match': 'any', org: 'burrow', user: 'test' };

describe('a headers binding', () => {
  it.each<[string, FieldTable, FieldTable | undefined, boolean]>([
    ['all: the same headers', all, { org: 'burrow', user: 'test' }, true],
    ['all: more headers than asked for', all, { org: 'burrow', user: 'test', z: 1 }, true],
    ['all: one value differs', all, { org: 'other', user: 'test' }, false],
    ['all: one is missing', all, { org: 'burrow' }, false],
    ['all: no headers', all, undefined, false],
    ['all is the default', { a: 1, b: 2 }, { a: 1, b: 2 }, true],
    ['all is the default (one missing)', { a: 1, b: 2 }, { a: 1 }, false],
    ['an x-match that is no string means all', { 'x-match': 7, a: 1, b: 2 }, { a: 1 }, false],
    ['any: one is the same', any, { org: 'other', user: 'test' }, true],
    ['any: one is the same, the other missing', any, { org: 'burrow' }, true],
    ['any: none is the same', any, { org: 'other', user: 'other' }, false],
    ['any: no headers', any, undefined, false],
    // With nothing to ask, match_all([]) is true and match_any([]) is false.
    ['no arguments, no headers', {}, undefined, true],
    ['no arguments, some headers', {}, { a: 1 }, true],
    ['only x-match all', { 'x-match': 'all' }, { a: 1 }, true],
    ['only x-match all, no headers', { 'x-match': 'all' }, undefined, true],
    ['only x-match any', { 'x-match': 'any' }, { a: 1 }, false],
    ['only x-match any-with-x', { 'x-match': 'any-with-x' }, { a: 1 }, false],
    ['only x-match all-with-x', { 'x-match': 'all-with-x' }, { a: 1 }, true],
    // Arguments that start with "x-".
    ['all skips x-', { 'x-a': 1, b: 2 }, { b: 2 }, true],
    ['all of only x- matches always', { 'x-a': 1 }, {}, true],
    ['any skips x-', { 'x-match': 'any', 'x-a': 1, b: 2 }, { 'x-a': 1 }, false],
    ['all-with-x asks for x-', { 'x-match': 'all-with-x', 'x-a': 1, b: 2 }, { b: 2 }, false],
    ['all-with-x finds x-', { 'x-match': 'all-with-x', 'x-a': 1 }, { 'x-a': 1 }, true],
    ['any-with-x finds x-', { 'x-match': 'any-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1 }, true],
    ['"x" and "X-" are no x-', { x: 1, 'X-a': 2 }, { x: 1, 'X-a': 3 }, false],
    // Void asks for presence.
    ['void: present', { a: null }, { a: 'whatever' }, true],
    ['void: present as void', { a: null }, { a: null }, true],
    ['void: absent', { a: null }, { b: 1 }, false],
    ['void: any', { 'x-match': 'any', a: null, b: 1 }, { a: 7 }, true],
    ['a value is not met by void', { a: 1 }, { a: null }, false],
    // Names that objects have of their own.
    ['no inherited names beside others', { a: 1, toString: null }, { a: 1 }, false],
    ['no inherited names', { toString: null }, { a: 1 }, false],
    ['an own name like that', { 'x-match': 'any', constructor: 1 }, { constructor: 1 }, true],
    ['the empty name', { '': 1 }, { '': 1 }, true],
  ])('%s', (_name, args, headers, expected) => {
    expect(headersWith(args).route('h', 'any key', headers)).toEqual(expected ? ['q0'] : []);
  });

  it.each<[string, FieldTable[string], FieldTable[string], boolean]>([
    ['strings', 'a', 'a', true],
    ['strings in another case', 'a', 'A', false],
    ['a number and its text', 1, '1', false],
    ['integers of two widths', 1, 1n, true],
    ['integers beyond 53 bits', 2n ** 60n, 2n ** 60n, true],
    ['integers beyond 53 bits, one apart', 2n ** 60n, 2n ** 60n + 1n, false],
    ['an integer and a float', 1, new Double(1), false],
    ['floats of two widths', new Float(1.5), new Double(1.5), true],
    ['booleans', true, true, true],
    ['different booleans', true, false, false],
    ['a boolean and its text', true, 'true', false],
    ['a boolean and 1', true, 1, false],
    ['timestamps', new Timestamp(5), new Timestamp(5n), true],
    ['a timestamp and an integer', new Timestamp(5), 5, false],
    ['decimals', new Decimal(2, 314), new Decimal(2, 314), true],
    ['decimals of another scale', new Decimal(1, 10), new Decimal(2, 100), false],
    ['a string and the same bytes', 'é', new Uint8Array([0xc3, 0xa9]), true],
    ['bytes and the same string', new Uint8Array([0x61]), 'a', true],
    ['no UTF-8, as string and bytes', new LongString(bytes(0xff)), bytes(0xff), true],
    ['arrays', [1, 'a'], [1, 'a'], true],
    ['arrays in another order', [1, 'a'], ['a', 1], false],
    ['nested tables', { k: { l: 'v' } }, { k: { l: 'v' } }, true],
    ['nested tables that differ', { k: 'v' }, { k: 'w' }, false],
  ])('compares %s', (_name, asked, given, expected) => {
    const vhost = headersWith({ k: asked }, { 'x-match': 'any', k: asked });
    expect(vhost.route('h', '', { k: given })).toEqual(expected ? ['q0', 'q1'] : []);
  });
});

describe('the headers exchange', () => {
  it('finds every binding that matches, and each queue once', () => {
    const vhost = headersWith(any, all, { org: 'burrow' }).bind('h', 'q2', '', { user: null });
    expect(vhost.route('h', '', { org: 'burrow', user: 'test' })).toEqual(['q0', 'q1', 'q2']);
    expect(vhost.route('h', '', { user: 'x' })).toEqual(['q2']);
  });

  it('says that its results cannot be remembered, also when it was reached through another', () => {
    const vhost = headersWith(all).exchange('f', 'fanout').exchange('d', 'direct');
    vhost.bindExchange('f', 'h').bindExchange('d', 'f', 'k');
    for (const [exchange, key, expected] of [
      ['h', '', true],
      ['f', '', true],
      ['d', 'k', true],
      ['d', 'other', false],
      ['', 'q0', false],
    ] as const) {
      vhost.route(exchange, key, {});
      expect([exchange, key, vhost.resolution.isCacheable]).toEqual([exchange, key, !expected]);
    }
  });

  it('takes bindings away by their arguments, in whatever order they are written', () => {
    const vhost = headersWith({ a: 1, b: 2 }).bind('h', 'q0', '', { a: 1 });
    vhost.unbind('h', 'q0', '', { b: 2n, a: 1 });
    expect(vhost.route('h', '', { a: 1, b: 2 })).toEqual(['q0']);
    vhost.unbind('h', 'q0', '', { a: 1 });
    expect(vhost.route('h', '', { a: 1, b: 2 })).toEqual([]);
  });

  it('matches like a naive matcher does, and is as new when all bindings are gone', () => {
    const value = fc.constantFrom<FieldTable[string]>(null, 1, 1n, '1', true, 'a', bytes(0x61));
    const name = fc.constantFrom('a', 'b', 'x-c');
    const mode = fc.constantFrom('all', 'any', 'all-with-x', 'any-with-x');
    const table = fc.dictionary(name, value, { noNullPrototype: true });
    const args = fc
      .tuple(table, fc.option(mode))
      .map(([t, m]): FieldTable => (m === null ? t : { ...t, 'x-match': m }));
    fc.assert(
      fc.property(fc.array(args, { maxLength: 8 }), table, (bound, headers) => {
        const matcher = new HeadersMatcher();
        const source = new ExchangeNode(exchangeSpec('h', 'headers'), matcher);
        const bindings = bound.map((a, index) => {
          const queue = new QueueNode(queueSpec(`q${index}`, index + 1));
          return new Binding(bindingSpec('h', `q${index}`, '', a), source, queue);
        });
        for (const binding of bindings) matcher.bind(binding);
        while (bindings.length > 0) {
          const found = new Set<unknown>();
          const message = { headers, properties: {} };
          matcher.match('', message, {
            found: (destination) => found.add(destination),
            kept: () => {},
          });
          const expected = bindings.filter((b) => matchesNaively(b.spec.arguments, headers));
          expect(found).toEqual(new Set(expected.map((b) => b.destination)));
          matcher.unbind(bindings.shift()!);
        }
        expect(matcher).toEqual(new HeadersMatcher());
      }),
      { numRuns: 500 },
    );
  });
});

function matchesNaively(args: FieldTable, headers: FieldTable): boolean {
  const mode = args['x-match'] ?? 'all';
  const withX = mode === 'all-with-x' || mode === 'any-with-x';
  const names = Object.keys(args).filter((n) => n !== 'x-match' && (withX || !n.startsWith('x-')));
  const holds = (name: string) => {
    const given = headers[name];
    if (given === undefined) return false;
    return args[name] === null || valuesEqual(asText(args[name]), asText(given));
  };
  return mode === 'any' || mode === 'any-with-x' ? names.some(holds) : names.every(holds);
}

function asText(value: FieldTable[string]): FieldTable[string] {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
}

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values);
}
