// Test thread. The exchange types that RabbitMQ has as plugins (rabbitmq_consistent_hash_exchange,
// rabbitmq_random_exchange, rabbitmq_recent_history_exchange, rabbitmq_sharding): x-consistent-hash,
// x-random, x-modulus-hash, x-recent-history. How a hash spreads keys is nobody's business; that a
// key stays where it is, is.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { Properties } from '../support/wire/content.ts';
import type { FieldTable, FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let exchange: string;

beforeEach(async () => {
  channel = await broker.channel();
  exchange = uniqueName('x');
});

async function declare(type: string, args: FieldTable = {}): Promise<void> {
  await channel.call('exchange.declare', { exchange, type, autoDelete: true, arguments: args });
}

/** Queues that are bound with these keys. */
async function bind(...routingKeys: string[]): Promise<string[]> {
  const queues: string[] = [];
  for (const routingKey of routingKeys) {
    const queue = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue, exchange, routingKey });
    queues.push(queue);
  }
  return queues;
}

/** Publishes one message for each key, the key as its body. */
async function publishKeys(
  keys: readonly string[],
  propertiesOf?: (key: string) => Properties,
): Promise<void> {
  const publisher = await channel.client.channel();
  for (const key of keys) {
    const routingKey = propertiesOf === undefined ? key : 'same';
    publisher.publish({ exchange, routingKey }, key, propertiesOf?.(key));
  }
  await publishAll(publisher, { exchange: '', routingKey: 'nowhere' }, ['after']);
}

async function drainAll(queues: readonly string[], total: number): Promise<string[][]> {
  const found: string[][] = queues.map(() => []);
  for (let poll = 0; found.flat().length < total && poll < 500; poll += 1) {
    for (const [index, queue] of queues.entries()) {
      found[index].push(...(await channel.drain(queue)));
    }
  }
  return found;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `key-${index}`);
}

const ONE_QUEUE_TYPES = ['x-consistent-hash', 'x-modulus-hash', 'x-random'];

describe.each(ONE_QUEUE_TYPES)('an exchange of type %s', (type) => {
  test('routes each message to one of its queues, and uses all of them', async () => {
    await declare(type);
    const queues = await bind('1', '1', '1');
    await publishKeys(numbered(300));
    const found = await drainAll(queues, 300);
    expect(found.flat().sort()).toEqual(numbered(300).sort());
    for (const bodies of found) expect(bodies.length).toBeGreaterThan(0);
  });

  test('without bindings routes nowhere: mandatory is returned', async () => {
    await declare(type);
    channel.publish({ exchange, routingKey: 'key', mandatory: true }, 'x');
    expect((await channel.expect('basic.return')).fields.code).toBe(312);
  });

  test('goes on with the queues that are left', async () => {
    await declare(type);
    const [gone, left] = await bind('1', '1');
    await channel.call('queue.delete', { queue: gone });
    await publishKeys(numbered(20));
    expect((await drainAll([left], 20)).flat()).toEqual(numbered(20));
  });

  test('routes to another exchange', async () => {
    await declare(type);
    const queue = await channel.exclusiveQueue();
    await channel.call('exchange.declare', { exchange: `${exchange}-2`, type: 'fanout' });
    await channel.call('queue.bind', { queue, exchange: `${exchange}-2` });
    const link = { destination: `${exchange}-2`, source: exchange, routingKey: '1' };
    await channel.call('exchange.bind', link);
    await publishKeys(['a', 'b']);
    expect((await drainAll([queue], 2)).flat()).toEqual(['a', 'b']);
    await channel.call('exchange.delete', { exchange: `${exchange}-2` });
  });
});

describe.each(['x-consistent-hash', 'x-modulus-hash'])('an exchange of type %s', (type) => {
  test('routes a routing key to the same queue every time', async () => {
    await declare(type);
    const queues = await bind('1', '1', '1');
    const keys = Array.from({ length: 200 }, (_, index) => `key-${index % 20}`);
    await publishKeys(keys);
    const found = await drainAll(queues, 200);
    for (const [index, bodies] of found.entries()) {
      const others = found.filter((_, other) => other !== index).flat();
      expect(bodies.filter((body) => others.includes(body))).toEqual([]);
    }
  });
});

describe('x-consistent-hash', () => {
  test('gives a queue a share by the weight that is its binding key', async () => {
    await declare('x-consistent-hash');
    const queues = await bind('1', '20');
    await publishKeys(numbered(1000));
    const [light, heavy] = await drainAll(queues, 1000);
    expect(heavy.length).toBeGreaterThan(light.length * 4);
  });

  test.each(['heavy', '', '1.5'])("refuses the weight '%s' with 406", async (routingKey) => {
    await declare('x-consistent-hash');
    const queue = await channel.exclusiveQueue();
    const refusal = await channel.refused('queue.bind', { queue, exchange, routingKey });
    expect(refusal).toEqual(channelRefusal(406));
  });

  test.each<[string, FieldTable, (key: string) => Properties]>([
    ['a header', { 'hash-header': 'id' }, (key) => ({ headers: { id: key } })],
    ['message_id', { 'hash-property': 'message_id' }, (key) => ({ messageId: key })],
    ['correlation_id', { 'hash-property': 'correlation_id' }, (key) => ({ correlationId: key })],
    [
      'timestamp',
      { 'hash-property': 'timestamp' },
      (key) => ({ timestamp: Number(key.split('-')[1]) }),
    ],
  ])('hashes %s instead, if the exchange says so', async (_, args, propertiesOf) => {
    await declare('x-consistent-hash', args);
    const queues = await bind('1', '1');
    const keys = Array.from({ length: 100 }, (__, index) => `key-${index % 25}`);
    await publishKeys(keys, propertiesOf);
    const [one, two] = await drainAll(queues, 100);
    expect(Math.min(one.length, two.length)).toBeGreaterThan(0);
    expect(one.filter((body) => two.includes(body))).toEqual([]);
  });

  test('with hash-header routes messages without the header, too', async () => {
    await declare('x-consistent-hash', { 'hash-header': 'id' });
    const queues = await bind('1', '1');
    await publishKeys(['a', 'b']);
    const found = await drainAll(queues, 2);
    expect(found.flat()).toHaveLength(2);
  });

  test.each<[string, FieldTable]>([
    ['both hash-header and hash-property', { 'hash-header': 'id', 'hash-property': 'message_id' }],
    ['an unknown hash-property', { 'hash-property': 'colour' }],
  ])('with %s is refused with 406', async (_, args) => {
    const declaration = { exchange, type: 'x-consistent-hash', arguments: args };
    expect(await channel.refused('exchange.declare', declaration)).toEqual(channelRefusal(406));
  });

  test('leaves the other queues their keys when one goes', async () => {
    await declare('x-consistent-hash');
    const queues = await bind('10', '10', '10');
    await publishKeys(numbered(200));
    const before = await drainAll(queues, 200);
    await channel.call('queue.delete', { queue: queues[2] });
    await publishKeys(numbered(200));
    const after = await drainAll(queues.slice(0, 2), 200);
    for (const index of [0, 1]) expect(after[index]).toEqual(expect.arrayContaining(before[index]));
  });
});

describe('x-recent-history', () => {
  test('gives a new binding what was published before, in order', async () => {
    await declare('x-recent-history');
    await bind('');
    await publishKeys(['a', 'b', 'c']);
    const [late] = await bind('');
    expect((await drainAll([late], 3)).flat()).toEqual(['a', 'b', 'c']);
  });

  test('keeps the last 20', async () => {
    await declare('x-recent-history');
    await bind('');
    await publishKeys(numbered(30));
    const [late] = await bind('');
    expect((await drainAll([late], 20)).flat()).toEqual(numbered(30).slice(10));
  });

  test('keeps as many as x-recent-history-length says', async () => {
    await declare('x-recent-history', { 'x-recent-history-length': 2 });
    await bind('');
    await publishKeys(['a', 'b', 'c']);
    const [late] = await bind('');
    expect((await drainAll([late], 2)).flat()).toEqual(['b', 'c']);
  });

  test('keeps also what no queue was there to take', async () => {
    await declare('x-recent-history');
    const [keepsTheExchange] = await bind('');
    await channel.call('exchange.bind', { destination: exchange, source: 'amq.fanout' });
    await publishKeys(['a']);
    const [late] = await bind('');
    expect((await drainAll([late, keepsTheExchange], 2)).flat()).toEqual(['a', 'a']);
  });

  test('routes like a fanout afterwards', async () => {
    await declare('x-recent-history');
    const queues = await bind('one', 'two');
    await publishKeys(['a', 'b']);
    expect(await drainAll(queues, 4)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('passes over messages with the header x-recent-history-no-store', async () => {
    await declare('x-recent-history');
    const [early] = await bind('');
    const headers = { 'x-recent-history-no-store': true };
    await publishKeys(['hidden'], () => ({ headers }));
    await publishKeys(['kept']);
    const [late] = await bind('');
    expect((await drainAll([late], 1)).flat()).toEqual(['kept']);
    expect((await drainAll([early], 2)).flat()).toEqual(['hidden', 'kept']);
  });

  test('gives the history with its properties and its routing key', async () => {
    await declare('x-recent-history');
    await bind('');
    const headers = { own: 'header' };
    await publishAll(channel, { exchange, routingKey: 'key' }, ['x'], { headers, messageId: 'm' });
    const [late] = await bind('');
    await channel.awaitReady(late, 1);
    const message = await channel.get(late);
    expect(message?.fields).toMatchObject({ exchange, routingKey: 'key' });
    expect(message?.content.properties).toMatchObject({ headers, messageId: 'm' });
  });

  test('gives it to another exchange that is bound', async () => {
    await declare('x-recent-history');
    await bind('');
    await publishKeys(['a']);
    const queue = await channel.exclusiveQueue();
    await channel.call('exchange.declare', { exchange: `${exchange}-2`, type: 'fanout' });
    await channel.call('queue.bind', { queue, exchange: `${exchange}-2` });
    await channel.call('exchange.bind', { destination: `${exchange}-2`, source: exchange });
    expect((await drainAll([queue], 1)).flat()).toEqual(['a']);
    await channel.call('exchange.delete', { exchange: `${exchange}-2` });
  });

  test.each<[string, FieldValue, string]>([
    ['0', 0, '0'],
    ['negative', -1, '-1'],
    ['a string', 'many', '<<"many">>'],
  ])('with a length that is %s is refused with 406', async (_, value, term) => {
    const args = { 'x-recent-history-length': value };
    const declaration = { exchange, type: 'x-recent-history', arguments: args };
    const text = `Invalid argument ${term}, 'x-recent-history-length' must be a positive integer`;
    expect(await channel.refused('exchange.declare', declaration)).toEqual(
      channelRefusal(406, text),
    );
  });
});
