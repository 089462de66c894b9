// x-consistent-hash and x-modulus-hash: who gets how much, and what stays where it was when
// bindings come and go.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import { ConsistentHashMatcher } from '../../../src/routing/exchange/consistent-hash.ts';
import { ModulusHashMatcher } from '../../../src/routing/exchange/modulus-hash.ts';
import { Binding, ExchangeNode, QueueNode } from '../../../src/routing/topology-node.ts';
import { bindingSpec, exchangeSpec, queueSpec, VhostFixture } from './vhost-fixture.ts';

const KEYS = Array.from({ length: 10_000 }, (_, index) => `key-${index}`);

function hashing(weights: Readonly<Record<string, string>>, args: FieldTable = {}): VhostFixture {
  const vhost = new VhostFixture().exchange('x', 'x-consistent-hash', { arguments: args });
  for (const [name, weight] of Object.entries(weights)) vhost.queue(name).bind('x', name, weight);
  return vhost;
}

function only(names: readonly string[]): string {
  expect(names).toHaveLength(1);
  return names[0];
}

/** Where every key goes. */
function placesOf(vhost: VhostFixture): string[] {
  return KEYS.map((key) => only(vhost.route('x', key)));
}

function share(places: readonly string[], name: string): number {
  return places.filter((place) => place === name).length / places.length;
}

describe('x-consistent-hash', () => {
  it.each([
    { a: '1', b: '1' },
    { a: '1', b: '1', c: '1', d: '1', e: '1' },
    { a: '1', b: '2', c: '3' },
    { a: '1000000', b: '3000000' },
  ])('gives each destination its share: %j', (weights) => {
    const places = placesOf(hashing(weights));
    const total = Object.values(weights).reduce((sum, weight) => sum + Number(weight), 0);
    for (const [name, weight] of Object.entries(weights)) {
      const expected = Number(weight) / total;
      // Six standard deviations.
      const slack = 6 * Math.sqrt((expected * (1 - expected)) / KEYS.length);
      expect(Math.abs(share(places, name) - expected)).toBeLessThan(slack);
    }
  });

  it('moves nothing but what a new destination wins, and gives back when it goes', () => {
    const vhost = hashing({ a: '1', b: '1', c: '1' });
    const before = placesOf(vhost);
    vhost.queue('d').bind('x', 'd', '1');
    const during = placesOf(vhost);
    const moved = during.filter((place, index) => place !== before[index]);
    expect(new Set(moved)).toEqual(new Set(['d']));
    expect(Math.abs(moved.length / KEYS.length - 0.25)).toBeLessThan(0.03);
    vhost.deleteQueue('d');
    expect(placesOf(vhost)).toEqual(before);
  });

  it('moves nothing but to the destination that gets more weight', () => {
    const vhost = hashing({ a: '1', b: '1' });
    const before = placesOf(vhost);
    vhost.bind('x', 'a', '2');
    const after = placesOf(vhost);
    for (const [index, place] of after.entries()) {
      if (place !== before[index]) expect(place).toBe('a');
    }
    expect(Math.abs(share(after, 'a') - 0.75)).toBeLessThan(0.03);
    vhost.unbind('x', 'a', '2');
    expect(placesOf(vhost)).toEqual(before);
    expect(placesOf(hashing({ a: '3', b: '1' }))).toEqual(after);
  });

  it('depends on names and weights only, not on the order of the bindings', () => {
    const weights = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,3}$/u),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(weights, fc.string(), (all, key) => {
        const entries = Object.entries(all).map(([name, weight]) => [name, `${weight}`] as const);
        fc.pre(entries.length > 0);
        const forward = hashing(Object.fromEntries(entries));
        const backward = hashing(Object.fromEntries(entries.toReversed()));
        expect(backward.route('x', key)).toEqual(forward.route('x', key));
      }),
    );
  });

  it('hashes the routing key, which may be remembered', () => {
    const vhost = hashing({ a: '1', b: '1', c: '1' });
    expect(new Set(placesOf(vhost)).size).toBe(3);
    expect(vhost.resolution.isCacheable).toBe(true);
    // CC and BCC make no second choice.
    expect(vhost.route('x', KEYS)).toEqual(vhost.route('x', KEYS[0]));
  });

  it('hashes a header, whose type counts too', () => {
    const vhost = hashing({ a: '1', b: '1', c: '1' }, { 'hash-header': 'id' });
    const at = (id: FieldTable[string]) => only(vhost.route('x', 'any', { id }));
    const places = Array.from({ length: 100 }, (_, index) => at(index));
    expect(new Set(places).size).toBe(3);
    expect(Array.from({ length: 100 }, (_, index) => at(BigInt(index)))).toEqual(places);
    expect(vhost.resolution.isCacheable).toBe(false);
    const without = only(vhost.route('x', KEYS[0]));
    for (const key of KEYS.slice(0, 50)) expect(vhost.route('x', key, {})).toEqual([without]);
  });

  it.each([
    ['message_id', (value: number) => ({ messageId: `${value}` })],
    ['correlation_id', (value: number) => ({ correlationId: `${value}` })],
    ['timestamp', (value: number) => ({ timestamp: value })],
  ])('hashes the property %s', (name, propertiesOf) => {
    const vhost = hashing({ a: '1', b: '1', c: '1' }, { 'hash-property': name });
    const at = (value: number, key: string) =>
      only(vhost.route('x', key, undefined, propertiesOf(value)));
    const places = KEYS.slice(0, 100).map((key, index) => at(index, key));
    expect(new Set(places).size).toBe(3);
    expect(KEYS.slice(0, 100).map((_, index) => at(index, 'other'))).toEqual(places);
    expect(vhost.resolution.isCacheable).toBe(false);
  });

  it('has exchanges as destinations, and nothing without one', () => {
    const vhost = new VhostFixture().exchange('x', 'x-consistent-hash').exchange('f', 'fanout');
    expect(vhost.route('x', 'k')).toEqual([]);
    vhost.queue('a', 'b', 'c').bindExchange('x', 'f', '1').bind('x', 'a', '1');
    vhost.bind('f', 'b').bind('f', 'c');
    const places = new Set(KEYS.slice(0, 100).map((key) => vhost.route('x', key).join('+')));
    expect([...places].toSorted()).toEqual(['a', 'b+c']);
  });
});

describe('x-modulus-hash', () => {
  const modulus = (...names: readonly string[]): VhostFixture => {
    const vhost = new VhostFixture().exchange('x', 'x-modulus-hash');
    for (const name of names) vhost.queue(name).bind('x', name, 'ignored');
    return vhost;
  };

  it('spreads keys evenly, the same way whatever the order of the bindings', () => {
    const vhost = modulus('a', 'b', 'c');
    const places = placesOf(vhost);
    for (const name of ['a', 'b', 'c']) {
      expect(Math.abs(share(places, name) - 1 / 3)).toBeLessThan(0.03);
    }
    expect(placesOf(modulus('c', 'a', 'b'))).toEqual(places);
    expect(vhost.resolution.isCacheable).toBe(true);
    expect(vhost.route('x', KEYS)).toEqual(vhost.route('x', KEYS[0]));
  });

  it('gives a destination bound twice two parts', () => {
    const vhost = modulus('a', 'b').bind('x', 'b', 'again');
    expect(Math.abs(share(placesOf(vhost), 'b') - 2 / 3)).toBeLessThan(0.03);
    vhost.unbind('x', 'b', 'again');
    expect(placesOf(vhost)).toEqual(placesOf(modulus('a', 'b')));
    vhost.deleteQueue('a').deleteQueue('b');
    expect(vhost.route('x', 'k')).toEqual([]);
  });
});

describe('a hashing matcher', () => {
  it.each([() => new ConsistentHashMatcher({}), () => new ModulusHashMatcher()])(
    'is as new when all bindings are gone',
    (create) => {
      const matcher = create();
      const source = new ExchangeNode(exchangeSpec('x', 'any'), matcher);
      const queues = [1, 2, 3].map((id) => new QueueNode(queueSpec(`q${id}`, id)));
      const bindings = ['1', '2', '3'].flatMap((key) =>
        queues.map((queue) => new Binding(bindingSpec('x', queue.spec.name, key), source, queue)),
      );
      const message = { headers: undefined, properties: {} };
      for (const binding of bindings) matcher.bind(binding);
      matcher.match('k', message, { found: () => {}, kept: () => {} });
      for (const binding of bindings) matcher.unbind(binding);
      matcher.unbind(bindings[0]);
      const held = Object.values(matcher).filter((one) => one instanceof Map || one instanceof Set);
      expect(held.map(({ size }) => size)).toEqual([0]);
      const found: unknown[] = [];
      matcher.match('k', message, { found: (one) => found.push(one), kept: () => {} });
      expect(found).toEqual([]);
    },
  );
});
