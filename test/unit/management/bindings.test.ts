// The properties key of a binding. Keys without arguments are what RabbitMQ 3.10 gave for the same.
import { expect, it } from 'vitest';
import { propertiesKey } from '../../../src/management/api/bindings.ts';
import type { BindingSpec } from '../../../src/routing/change.ts';

function binding(routingKey: string, args: BindingSpec['arguments'] = {}): BindingSpec {
  return {
    source: 'x',
    destination: 'q',
    destinationKind: 'queue',
    routingKey,
    arguments: args,
  };
}

it.each([
  ['', '~'],
  ['plain', 'plain'],
  ['a/b', 'a%2Fb'],
  ['x.*.y z/~', 'x.%2A.y+z%2F%7E'],
  ['a-b_c.d#', 'a-b_c.d%23'],
  ['é€', '%C3%A9%E2%82%AC'],
])('of %j is %s', (routingKey, key) => {
  expect(propertiesKey(binding(routingKey))).toBe(key);
});

it('has a hash that tells arguments apart, in whatever order they came', () => {
  const key = propertiesKey(binding('k', { a: 1, b: 'x' }));
  expect(key).toMatch(/^k~[\w-]{11}$/u);
  expect(propertiesKey(binding('k', { b: 'x', a: 1 }))).toBe(key);
  expect(propertiesKey(binding('k', { a: 1, b: 'y' }))).not.toBe(key);
  expect(propertiesKey(binding('', { a: 1 }))).toMatch(/^~/u);
});
