// Test thread. RabbitMQ's further exchange types as a client (amqplib) meets them, with several
// acceptors and shards. WarrenMQ only: a broker from outside may lack the plugins.
import { type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { uniqueName } from '../support/unique-name.ts';

const MESSAGES = 400;
const broker = useBroker({ acceptors: 2, shards: 2 });
let client: ChannelModel;
beforeAll(async () => {
  client = await connect(broker.url);
});
afterAll(() => client.close());

interface Declared {
  readonly channel: ConfirmChannel;
  readonly exchange: string;
  readonly queues: readonly string[];
}

/** An exchange of the type with three queues, bound with these keys. */
async function declared(type: string, keys: readonly string[], args = {}): Promise<Declared> {
  const channel = await client.createConfirmChannel();
  const exchange = uniqueName(type);
  await channel.assertExchange(exchange, type, { durable: false, arguments: args });
  const queues: string[] = [];
  for (const key of keys) {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, key);
    queues.push(queue);
  }
  return { channel, exchange, queues };
}

/** Publishes, with what `each` says about message number i, and returns what each queue holds. */
async function published(
  { channel, exchange, queues }: Declared,
  each: (i: number) => { key?: string; options?: Options.Publish },
  count = MESSAGES,
): Promise<number[]> {
  for (let i = 0; i < count; i += 1) {
    const { key = `key-${i}`, options = {} } = each(i);
    channel.publish(exchange, key, Buffer.from('x'), options);
  }
  await channel.waitForConfirms();
  const counts: number[] = [];
  for (const queue of queues) counts.push((await channel.checkQueue(queue)).messageCount);
  return counts;
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

/** The text with which the broker closes a channel. */
async function refusal(run: (channel: ConfirmChannel) => Promise<unknown>): Promise<string> {
  const channel = await client.createConfirmChannel();
  channel.on('error', () => {});
  return await run(channel).then(
    () => 'it was not refused',
    (error: Error) => error.message,
  );
}

describe('x-consistent-hash', () => {
  test('spreads by routing key, by weight', async () => {
    const counts = await published(
      await declared('x-consistent-hash', ['1', '1', '8']),
      () => ({}),
    );
    expect(sum(counts)).toBe(MESSAGES);
    expect(counts[2]).toBeGreaterThan(MESSAGES / 2);
    for (const count of counts) expect(count).toBeGreaterThan(5);
  });

  test.each([
    ['hash-header', 'id', (id: number) => ({ headers: { id } })],
    ['hash-property', 'message_id', (id: number) => ({ messageId: `${id}` })],
    ['hash-property', 'correlation_id', (id: number) => ({ correlationId: `${id}` })],
    ['hash-property', 'timestamp', (id: number) => ({ timestamp: 1000 + id })],
  ])('by %s %s: equal values meet, others spread', async (argument, value, optionsOf) => {
    const setting = { [argument]: value };
    const same = await declared('x-consistent-hash', ['1', '1', '1'], setting);
    const alike = await published(same, () => ({ options: optionsOf(7) }));
    expect(alike.toSorted((one, other) => one - other)).toEqual([0, 0, MESSAGES]);
    const other = await declared('x-consistent-hash', ['1', '1', '1'], setting);
    const spread = await published(other, (i) => ({ key: 'same', options: optionsOf(i) }));
    expect(sum(spread)).toBe(MESSAGES);
    for (const count of spread) expect(count).toBeGreaterThan(MESSAGES / 8);
  });

  test('is refused with weights and arguments that make no sense', async () => {
    const { exchange, queues } = await declared('x-consistent-hash', ['1']);
    const text = await refusal((channel) => channel.bindQueue(queues[0], exchange, 'heavy'));
    expect(text).toContain('406');
    expect(text).toContain('The binding key must be an integer: <<"heavy">>');
    const args = { 'hash-header': 'a', 'hash-property': 'message_id' };
    const options = { arguments: args };
    const both = await refusal((channel) =>
      channel.assertExchange(uniqueName('x'), 'x-consistent-hash', options),
    );
    expect(both).toContain('hash-header and hash-property are mutually exclusive');
  });
});

test('x-modulus-hash gives a key to one queue, always the same', async () => {
  const target = await declared('x-modulus-hash', ['', '', '']);
  const counts = await published(target, () => ({}));
  expect(sum(counts)).toBe(MESSAGES);
  for (const count of counts) expect(count).toBeGreaterThan(MESSAGES / 8);
  // Each key once more: every queue has each of its keys twice.
  expect(await published(target, () => ({}))).toEqual(counts.map((count) => count * 2));
});

test.each(['x-random', 'x-local-random'])('%s gives each message to one queue', async (type) => {
  const counts = await published(await declared(type, ['', '', '']), () => ({
    key: 'same',
    options: { CC: ['more', 'keys'] },
  }));
  expect(sum(counts)).toBe(MESSAGES);
  for (const count of counts) expect(count).toBeGreaterThan(MESSAGES / 8);
});

describe('x-recent-history', () => {
  test('is a fanout, and nobody but the exchange has its history', async () => {
    const target = await declared('x-recent-history', ['', 'k', ''], {
      'x-recent-history-length': 5,
    });
    expect(await published(target, () => ({}), 30)).toEqual([30, 30, 30]);
    const history = `amq.recent-history.${target.exchange}`;
    for (const run of [
      (channel: ConfirmChannel) => channel.checkQueue(history),
      (channel: ConfirmChannel) => channel.consume(history, () => {}),
      (channel: ConfirmChannel) => channel.get(history),
      (channel: ConfirmChannel) => channel.purgeQueue(history),
      (channel: ConfirmChannel) => channel.deleteQueue(history),
      (channel: ConfirmChannel) => channel.bindQueue(history, target.exchange, ''),
    ]) {
      const text = await refusal(run);
      expect(text).toContain('403');
      expect(text).toContain(`belongs to exchange '${target.exchange}'`);
    }
    // Returned: there is no such queue for publishers.
    const returned = new Promise<string>((resolve) => {
      target.channel.on('return', ({ fields }) => resolve(fields.routingKey));
    });
    target.channel.publish('', history, Buffer.from('x'), { mandatory: true });
    expect(await returned).toBe(history);
  });

  test('can be deleted and declared again', async () => {
    const { channel, exchange } = await declared('x-recent-history', ['']);
    await channel.deleteExchange(exchange);
    await channel.assertExchange(exchange, 'fanout', { durable: false });
    expect(await refusal((other) => other.checkQueue(`amq.recent-history.${exchange}`))).toContain(
      '404',
    );
  });

  test('is refused with a length that is none', async () => {
    const options = { arguments: { 'x-recent-history-length': -1 } };
    const text = await refusal((channel) =>
      channel.assertExchange(uniqueName('x'), 'x-recent-history', options),
    );
    expect(text).toContain("'x-recent-history-length' must be a positive integer");
  });
});

describe('x-delayed-message', () => {
  test('routes what has no delay as its type does, and keeps the rest', async () => {
    const target = await declared('x-delayed-message', ['a.*', 'a.b', '#'], {
      'x-delayed-type': 'topic',
    });
    const now = await published(target, () => ({ key: 'a.b' }), 3);
    expect(now).toEqual([3, 3, 3]);
    const delays = [60_000, -1, 0];
    const headersOf = (i: number) => ({ headers: { 'x-delay': delays[i % 3] } });
    const later = await published(target, (i) => ({ key: 'a.c', options: headersOf(i) }), 9);
    expect(later).toEqual([9, 3, 9]);
  });

  test('needs an existing type', async () => {
    const text = await refusal((channel) =>
      channel.assertExchange(uniqueName('x'), 'x-delayed-message', {
        arguments: { 'x-delayed-type': 'nonsense' },
      }),
    );
    expect(text).toContain("'x-delayed-type' must be an existing exchange type");
  });
});
