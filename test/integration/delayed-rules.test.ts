// Test thread. What a delay does to everything else a message can have, as clients (amqplib) and the
// HTTP API see it: headers, expiration, priority, mandatory, transactions, alternate exchanges, dead
// letters, bindings between exchanges, policies, cancelling, and a crash. WarrenMQ only.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  type Options,
} from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { metricSum } from '../soak/samples.ts';
import { TestBroker, useBroker } from '../support/broker.ts';
import { uniqueName } from '../support/unique-name.ts';

const broker = useBroker({ acceptors: 2, shards: 3 });
let client: ChannelModel;
let channel: ConfirmChannel;

beforeAll(async () => {
  client = await connect(broker.url);
  channel = await client.createConfirmChannel();
});
afterAll(() => client.close());

interface Later {
  readonly exchange: string;
  readonly queue: string;
}

interface Got {
  readonly body: string;
  readonly exchange: string;
  readonly headers: Record<string, unknown>;
  readonly priority: number | undefined;
  readonly expiration: string | undefined;
}

/** A delayed exchange and a queue bound to it with the key k. */
async function later(args: Record<string, unknown> = {}, queueArgs = {}): Promise<Later> {
  const [exchange, queue] = [uniqueName('later'), uniqueName('due')];
  await channel.assertExchange(exchange, 'x-delayed-message', {
    arguments: { 'x-delayed-type': 'direct', ...args },
  });
  await channel.assertQueue(queue, { arguments: queueArgs });
  await channel.bindQueue(queue, exchange, 'k');
  return { exchange, queue };
}

async function send(exchange: string, body: string, delay: unknown, options: Options.Publish = {}) {
  const headers = { ...options.headers, 'x-delay': delay };
  channel.publish(exchange, 'k', Buffer.from(body), { persistent: true, ...options, headers });
  await channel.waitForConfirms();
}

/** Consumes until `count` have come. */
async function take(from: Channel, queue: string, count: number): Promise<Got[]> {
  const got: Got[] = [];
  let tag = '';
  await new Promise<void>((resolve) => {
    void from
      .consume(queue, (message) => {
        const { content, fields, properties } = message!;
        const { headers, priority, expiration } = properties;
        const { exchange } = fields;
        got.push({ body: content.toString(), exchange, headers: headers!, priority, expiration });
        from.ack(message!);
        if (got.length === count) resolve();
      })
      .then(({ consumerTag }) => (tag = consumerTag));
  });
  await from.cancel(tag);
  return got;
}

const bodies = (messages: readonly Got[]): string[] => messages.map(({ body }) => body);

async function api(
  method: string,
  where: string,
  body?: object,
  at: TestBroker = broker,
): Promise<{ status: number; json: never }> {
  const credentials = Buffer.from('guest:guest').toString('base64');
  const answer = await fetch(`${at.managementUrl}/api/${where}`, {
    method,
    headers: { authorization: `Basic ${credentials}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: (text === '' ? {} : JSON.parse(text)) as never };
}

interface Listed {
  readonly total_count: number;
  readonly items: readonly {
    readonly id: number;
    readonly due_in: number;
    readonly properties: { readonly type: string };
  }[];
}

const delayedOf = async (exchange: string): Promise<Listed> =>
  (await api('GET', `delayed/%2F/${exchange}`)).json;

describe('the header x-delay', () => {
  test.each([
    ['a string', '150'],
    ['a string with a sign', '+150'],
    ['a long', { '!': 'long', value: 150 }],
    ['a short', { '!': 'short', value: 150 }],
    ['a byte', { '!': 'byte', value: 100 }],
    ['a double', { '!': 'double', value: 150.9 }],
    ['a float', { '!': 'float', value: 150.5 }],
  ])('delays as %s', async (_name, delay) => {
    const { exchange, queue } = await later();
    await send(exchange, 'delayed', delay);
    await send(exchange, 'at once', undefined);
    expect(bodies(await take(channel, queue, 2))).toEqual(['at once', 'delayed']);
  });

  test.each([
    ['zero', 0],
    ['below zero', -5000],
    ['no number', 'soon'],
    ['a fraction in a string', '60000.5'],
    ['true', true],
    ['a table', { a: 1 }],
  ])('delays nothing when it is %s', async (_name, delay) => {
    const { exchange, queue } = await later();
    await send(exchange, 'at once', delay);
    expect(bodies(await take(channel, queue, 1))).toEqual(['at once']);
    expect((await delayedOf(exchange)).total_count).toBe(0);
  });

  test('is ten years at most, and no time that 49 days could not hold', async () => {
    const { exchange } = await later();
    await send(exchange, 'for ever', { '!': 'long', value: Number.MAX_SAFE_INTEGER });
    await send(exchange, 'quarter', 90 * 24 * 3_600_000);
    const { items } = await delayedOf(exchange);
    const days = items.map(({ due_in: millis }) => Math.ceil(millis / 86_400_000));
    expect(days).toEqual([90, 3650]);
  });
});

describe('a delayed message', () => {
  test('lives as long as its expiration says from when it is due', async () => {
    const { exchange, queue } = await later();
    await send(exchange, 'lives', 400, { expiration: '60000' });
    await send(exchange, 'dies', 300, { expiration: '1' });
    await send(exchange, 'late', 500);
    // The delay is far longer than the second one lives: it dies in its queue, not before.
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount).toBe(2);
    expect((await take(channel, queue, 2)).map(({ expiration }) => expiration)).toEqual([
      '60000',
      undefined,
    ]);
  });

  test('keeps its priority', async () => {
    const { exchange, queue } = await later({}, { 'x-max-priority': 9 });
    await send(exchange, 'low', 100, { priority: 1 });
    await send(exchange, 'high', 150, { priority: 8 });
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount).toBe(2);
    const got = await take(channel, queue, 2);
    expect(got.map(({ body, priority }) => [body, priority])).toEqual([
      ['high', 8],
      ['low', 1],
    ]);
  });

  test('counts as routed when it is mandatory; what nobody gets when it is due is dropped', async () => {
    const exchange = uniqueName('later');
    const args = { 'x-delayed-type': 'direct' };
    await channel.assertExchange(exchange, 'x-delayed-message', { arguments: args });
    const returned: string[] = [];
    const listen = ({ content }: { content: Buffer }) => returned.push(content.toString());
    channel.on('return', listen);
    await send(exchange, 'delayed', 100, { mandatory: true });
    await send(exchange, 'at once', 0, { mandatory: true });
    channel.off('return', listen);
    expect(returned).toEqual(['at once']);
    await expect.poll(async () => (await delayedOf(exchange)).total_count).toBe(0);
  });

  test('goes to the alternate exchange when it is due and nobody else is to get it', async () => {
    const [other, queue] = [uniqueName('other'), uniqueName('q')];
    await channel.assertExchange(other, 'fanout');
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, other, '');
    const { exchange } = await later({ 'alternate-exchange': other });
    const headers = { 'x-delay': 150 };
    channel.publish(exchange, 'unbound', Buffer.from('a'), { headers });
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    expect(bodies(await take(channel, queue, 1))).toEqual(['a']);
  });

  test('of a transaction is delayed from its commit, and not at all without one', async () => {
    const { exchange, queue } = await later();
    const raw = await broker.channel();
    await raw.call('tx.select', {});
    const publish = (body: string): void =>
      raw.publish({ exchange, routingKey: 'k' }, body, { headers: { 'x-delay': 200 } });
    publish('dropped');
    await raw.call('tx.rollback', {});
    publish('kept');
    await raw.call('tx.commit', {});
    expect((await delayedOf(exchange)).total_count).toBe(1);
    expect(bodies(await take(channel, queue, 1))).toEqual(['kept']);
  });

  test('can come by a binding from another exchange, and shows where it was published', async () => {
    const { exchange, queue } = await later();
    const [front, direct] = [uniqueName('front'), uniqueName('direct')];
    await channel.assertExchange(front, 'fanout');
    await channel.bindExchange(exchange, front, '');
    await channel.assertQueue(direct);
    await channel.bindQueue(direct, front, '');
    await send(front, 'a', 300);
    expect(bodies(await take(channel, direct, 1))).toEqual(['a']);
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    expect(await take(channel, queue, 1)).toMatchObject([{ body: 'a', exchange: front }]);
  });

  test('can be a dead letter, whose deaths it keeps: a retry with a delay', async () => {
    const { exchange, queue } = await later();
    const args = { 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': 'k' };
    const work = uniqueName('work');
    await channel.assertQueue(work, { arguments: args });
    channel.sendToQueue(work, Buffer.from('a'), { headers: { 'x-delay': 200 } });
    await channel.waitForConfirms();
    const message = await channel.get(work);
    channel.nack(message as never, false, false);
    await expect.poll(async () => (await delayedOf(exchange)).total_count).toBe(1);
    const died = 'rabbitmq_global_messages_dead_lettered_rejected_total';
    expect(await metricSum(broker.managementUrl, died)).toBe(1);
    const [got] = await take(channel, queue, 1);
    expect(got.headers).toMatchObject({
      'x-delay': -200,
      'x-death': [{ queue: work, reason: 'rejected', count: 1 }],
    });
  });
});

describe('the HTTP API', () => {
  test('lists what waits, cancels one, sends one at once, and cancels all', async () => {
    const { exchange, queue } = await later();
    for (const [body, hours] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ] as const) {
      await send(exchange, body, hours * 3_600_000, { type: body });
    }
    const { items } = await delayedOf(exchange);
    expect(items).toMatchObject(
      ['a', 'b', 'c', 'd'].map((type) => ({
        routing_key: 'k',
        exchange,
        payload_bytes: 1,
        properties: { type, delivery_mode: 2, headers: { 'x-delay': expect.any(Number) } },
      })),
    );
    const [a, b] = items;
    const one = `delayed/%2F/${exchange}`;
    expect((await api('DELETE', `${one}/${a.id}`)).status).toBe(204);
    expect((await api('DELETE', `${one}/${a.id}`)).status).toBe(404);
    expect((await api('POST', `${one}/${b.id}/deliver`, {})).status).toBe(204);
    expect(bodies(await take(channel, queue, 1))).toEqual(['b']);
    expect((await api('GET', `exchanges/%2F/${exchange}`)).json).toMatchObject({
      messages_delayed: 2,
      next_due: expect.stringMatching(/^\d{4}-.*Z$/u),
    });
    expect((await api('DELETE', one)).status).toBe(204);
    expect((await delayedOf(exchange)).total_count).toBe(0);
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
  });
});

describe('a policy', () => {
  const setPolicy = (exchange: string) =>
    api('PUT', `policies/%2F/${exchange}`, {
      pattern: `^${exchange}$`,
      'apply-to': 'exchanges',
      definition: { 'delayed-message': true },
    });
  const clearPolicy = (exchange: string) => api('DELETE', `policies/%2F/${exchange}`);

  async function topic(): Promise<Later> {
    const [exchange, queue] = [uniqueName('topic'), uniqueName('q')];
    await channel.assertExchange(exchange, 'topic');
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, exchange, '*');
    return { exchange, queue };
  }

  test('delays at once; what waits when it goes still comes, what comes then does not wait', async () => {
    const { exchange, queue } = await topic();
    await send(exchange, 'before', 60_000);
    expect(bodies(await take(channel, queue, 1))).toEqual(['before']);
    expect((await setPolicy(exchange)).status).toBe(201);
    await send(exchange, 'delayed', 700);
    expect((await delayedOf(exchange)).total_count).toBe(1);
    expect((await clearPolicy(exchange)).status).toBe(204);
    await send(exchange, 'after', 60_000);
    expect((await delayedOf(exchange)).total_count).toBe(1);
    expect(bodies(await take(channel, queue, 2))).toEqual(['after', 'delayed']);
    // And once more: the queue of the first time is there and is used.
    await setPolicy(exchange);
    await send(exchange, 'again', 100);
    expect(bodies(await take(channel, queue, 1))).toEqual(['again']);
    await clearPolicy(exchange);
  });

  test('leaves what waits with its exchange, which takes it along when it is deleted', async () => {
    const { exchange, queue } = await topic();
    await setPolicy(exchange);
    await send(exchange, 'gone', 300);
    await channel.deleteExchange(exchange);
    expect((await api('GET', `delayed/%2F/${exchange}`)).status).toBe(404);
    await channel.assertExchange(exchange, 'topic');
    await channel.bindQueue(queue, exchange, '*');
    expect((await delayedOf(exchange)).total_count).toBe(0);
    // Due after the one that was dropped would have been.
    await send(exchange, 'new', 500);
    expect(bodies(await take(channel, queue, 1))).toEqual(['new']);
    await clearPolicy(exchange);
  });
});

describe('a crash', () => {
  const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-delays-'));
  afterAll(() => fs.rmSync(dataDirectory, { recursive: true, force: true }));

  test('loses nothing that was confirmed, nor its order, and brings nothing back', async () => {
    const COUNT = 400;
    const options = { dataDirectory, acceptors: 2, shards: 2 };
    const first = new TestBroker();
    await first.start(options);
    const model = await connect(first.url);
    model.on('error', () => {});
    const before = await model.createConfirmChannel();
    const args = { 'x-delayed-type': 'direct' };
    await before.assertExchange('later', 'x-delayed-message', { arguments: args });
    await before.assertQueue('due');
    await before.bindQueue('due', 'later', 'k');
    const large = '.'.repeat(40_000);
    for (let i = 0; i < COUNT; i += 1) {
      const headers = { 'x-delay': 4000 + ((i * 37) % COUNT) * 3 };
      const body = Buffer.from(`${i} ${i % 50 === 0 ? large : ''}`);
      before.publish('later', 'k', body, { headers, persistent: true, type: String(i) });
    }
    await before.waitForConfirms();
    const where = 'delayed/%2F/later';
    const listed = await api('GET', `${where}?page_size=500`, undefined, first);
    const { items }: Listed = listed.json;
    expect(items).toHaveLength(COUNT);
    for (const { id } of items.slice(0, 2)) {
      expect((await api('DELETE', `${where}/${id}`, undefined, first)).status).toBe(204);
    }
    await first.kill();
    const second = new TestBroker();
    await second.start(options);
    const again = await connect(second.url);
    const got = await take(await again.createChannel(), 'due', COUNT - 2);
    await again.close();
    await second.stop();
    const numbers = got.map(({ body }) => body.split(' ')[0]);
    expect(numbers).toEqual(items.slice(2).map(({ properties }) => properties.type));
    const isWhole = ({ body }: Got): boolean =>
      body.endsWith(` ${large}`) === (Number.parseInt(body, 10) % 50 === 0);
    expect(got.every(isWhole)).toBe(true);
  }, 60_000);
});
