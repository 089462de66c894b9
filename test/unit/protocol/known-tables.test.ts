// Equal tables are one, and only the newest different ones are remembered.
import { expect, it } from 'vitest';
import { KnownTables } from '../../../src/protocol/known-tables.ts';

const named = (product: string) => ({ product, capabilities: { 'basic.nack': true } });

it('gives the one it knows for all that are equal', () => {
  const known = new KnownTables();
  const first = named('pika');
  expect(known.shared(first)).toBe(first);
  const other = known.shared(named('amqplib'));
  expect(known.shared(named('pika'))).toBe(first);
  expect(known.shared(named('amqplib'))).toBe(other);
  const without = { product: 'pika', capabilities: { 'basic.nack': false } };
  expect(known.shared(without)).toBe(without);
});

it('forgets the oldest when there are too many different ones', () => {
  const known = new KnownTables();
  const [first, second] = [known.shared(named('0')), known.shared(named('1'))];
  for (let i = 2; i <= 16; i += 1) known.shared(named(String(i)));
  expect(known.shared(named('1'))).toBe(second);
  const again = named('0');
  expect(known.shared(again)).toBe(again);
  expect(known.shared(named('0'))).not.toBe(first);
});
