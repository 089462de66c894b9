// Test thread. What a dead letter says about its deaths (RabbitMQ: docs/dlx#effects; rabbit_dead_letter
// in 3.x, mc in 4.x): x-death, x-first-death-*, x-last-death-*.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { deaths, deathSummary, type Morgue, openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { Incoming } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { Typed } from '../support/wire/field-values.ts';
import { type FieldTable } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';

const broker = useBroker();
let channel: RawChannel;
let morgue: Morgue;

beforeEach(async () => {
  channel = await broker.channel();
  morgue = await openMorgue(channel);
});

/** A queue whose dead letters go to another one, by the default exchange. */
function queueBefore(target: string, args: FieldTable = {}): Promise<string> {
  return channel.exclusiveQueue({
    arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target, ...args },
  });
}

async function rejectNext(queue: string): Promise<Incoming> {
  await channel.awaitReady(queue, 1);
  const message = (await channel.get(queue, false))!;
  channel.send('basic.reject', { deliveryTag: message.fields.deliveryTag, requeue: false });
  return message;
}

/** Two entries as they are, or turned round where the broker mixes them up. */
function inOrder<Entry>(entries: Entry[]): Entry[] {
  return expectedOn(broker, differences.olderDeathsKeepTheirOrder) ? entries : entries.reverse();
}

function headersOf(message: Incoming): FieldTable {
  return message.content.properties.headers!;
}

describe('x-death', () => {
  test('tells queue, reason, count, exchange, routing keys and time', async () => {
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: queue });
    const earliest = Math.floor(Date.now() / 1000) - 1;
    const headers = { CC: ['other'], BCC: ['hidden'] };
    await publishAll(channel, { exchange: 'amq.topic', routingKey: queue }, ['x'], { headers });
    await rejectNext(queue);
    const dead = await morgue.next();
    expect(deaths(dead)).toEqual([
      {
        reason: 'rejected',
        queue,
        count: 1,
        exchange: 'amq.topic',
        'routing-keys': [queue, 'other'],
      },
    ]);
    const [entry] = headersOf(dead)['x-death'] as readonly FieldTable[];
    expect(typeof entry['count'], 'a long').toBe('bigint');
    const time = entry['time'] as Typed;
    expect([time.letter, Number(time.value) >= earliest]).toEqual(['T', true]);
    expect(Number(time.value)).toBeLessThanOrEqual(Date.now() / 1000 + 1);
  });

  test('tells the expiration that a message had', async () => {
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    channel.publish({ routingKey: queue }, 'x', { expiration: '30' });
    const dead = await morgue.next();
    expect(deaths(dead)).toEqual([
      {
        reason: 'expired',
        queue,
        count: 1,
        exchange: '',
        'routing-keys': [queue],
        'original-expiration': '30',
      },
    ]);
  });

  test('tells the expiration also of a message that died of something else', async () => {
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    await publishAll(channel, queue, ['x'], { expiration: '3600000' });
    await rejectNext(queue);
    expect(deaths(await morgue.next())[0]).toMatchObject({
      reason: 'rejected',
      'original-expiration': '3600000',
    });
  });

  test('tells no expiration where the queue had the TTL', async () => {
    const args = { ...morgue.arguments, 'x-message-ttl': 30 };
    const queue = await channel.exclusiveQueue({ arguments: args });
    channel.publish({ routingKey: queue }, 'x');
    expect(deaths(await morgue.next())[0]).not.toHaveProperty('original-expiration');
  });

  test('has an entry for each queue of a chain, newest first', async () => {
    const third = await channel.exclusiveQueue({ arguments: morgue.arguments });
    const second = await queueBefore(third, { 'x-message-ttl': 30 });
    const first = await queueBefore(second, { 'x-max-length': 0 });
    await publishAll(channel, first, ['x']);
    await rejectNext(third);
    const [newest, ...older] = deaths(await morgue.next());
    expect(newest).toMatchObject({ queue: third, reason: 'rejected', 'routing-keys': [third] });
    expect(inOrder(older)).toMatchObject([
      { queue: second, reason: 'expired', exchange: '', 'routing-keys': [second] },
      { queue: first, reason: 'maxlen', exchange: '', 'routing-keys': [first] },
    ]);
  });

  test('counts deaths of the same queue and reason in one entry', async () => {
    const queue = uniqueName('again');
    const args = { 'x-dead-letter-exchange': '' };
    await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
    await publishAll(channel, queue, ['x']);
    for (let count = 0; count < 4; count += 1) {
      const message = await rejectNext(queue);
      expect(deathSummary(message)).toEqual(count === 0 ? [] : [['rejected', queue, count]]);
    }
  });

  test('has entries of their own for two reasons of a queue, the latest first', async () => {
    const parking = uniqueName('parking');
    const work = await queueBefore(parking, { 'x-message-ttl': 200 });
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work };
    await channel.call('queue.declare', { queue: parking, exclusive: true, arguments: args });
    await publishAll(channel, parking, ['x']);
    await rejectNext(parking);
    await rejectNext(work);
    await rejectNext(parking);
    await channel.awaitReady(work, 0);
    await channel.awaitReady(parking, 1);
    const [newest, ...older] = deathSummary((await channel.get(parking))!);
    expect(newest).toEqual(['expired', work, 1]);
    expect(inOrder(older)).toEqual([
      ['rejected', parking, 2],
      ['rejected', work, 1],
    ]);
  });

  test('of the latest death is moved to the front', async () => {
    const [one, two] = [uniqueName('one'), uniqueName('two')];
    for (const [queue, target] of [
      [one, two],
      [two, one],
    ] as const) {
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target };
      await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
    }
    await publishAll(channel, one, ['x']);
    for (const queue of [one, two, one]) await rejectNext(queue);
    expect(deathSummary(await rejectNext(two))).toEqual([
      ['rejected', one, 2],
      ['rejected', two, 1],
    ]);
  });

  test("leaves the message's own headers alone", async () => {
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    const headers = { own: 'header', nested: { list: [1, 'two', null] } };
    await publishAll(channel, queue, ['x'], { headers });
    await rejectNext(queue);
    expect(headersOf(await morgue.next())).toMatchObject(headers);
  });

  test('is there for each copy on its own', async () => {
    const queues = [];
    const key = uniqueName('key');
    for (let count = 0; count < 2; count += 1) {
      const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
      await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: key });
      queues.push(queue);
    }
    await publishAll(channel, { exchange: 'amq.topic', routingKey: key }, ['x']);
    for (const queue of queues) {
      await rejectNext(queue);
      expect(deathSummary(await morgue.next())).toEqual([['rejected', queue, 1]]);
    }
  });

  test('that a client publishes', async () => {
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    const headers = headersOf(await morgue.next());
    await publishAll(channel, queue, ['x'], { headers });
    await rejectNext(queue);
    const counts = deaths(await morgue.next()).map(({ count }) => count);
    expect(counts).toEqual([expectedOn(broker, differences.publishedDeathCount)]);
  });
});

describe('x-first-death-queue, -reason and -exchange', () => {
  test('tell of the first death and stay through later ones', async () => {
    const last = await channel.exclusiveQueue({ arguments: morgue.arguments });
    const first = await queueBefore(last, { 'x-message-ttl': 30 });
    await channel.call('queue.bind', { queue: first, exchange: 'amq.topic', routingKey: first });
    await publishAll(channel, { exchange: 'amq.topic', routingKey: first }, ['x']);
    const expected = {
      'x-first-death-queue': first,
      'x-first-death-reason': 'expired',
      'x-first-death-exchange': 'amq.topic',
    };
    expect(headersOf(await rejectNext(last))).toMatchObject(expected);
    expect(headersOf(await morgue.next())).toMatchObject(expected);
  });
});

describe('x-last-death-queue, -reason and -exchange', () => {
  test('tell of the latest death', async () => {
    const last = await channel.exclusiveQueue({ arguments: morgue.arguments });
    const first = await queueBefore(last, { 'x-message-ttl': 30 });
    await publishAll(channel, first, ['x']);
    await rejectNext(last);
    const headers = headersOf(await morgue.next());
    if (!expectedOn(broker, differences.lastDeathIsTold)) {
      expect(headers).not.toHaveProperty('x-last-death-queue');
      return;
    }
    expect(headers).toMatchObject({
      'x-last-death-queue': last,
      'x-last-death-reason': 'rejected',
      'x-last-death-exchange': '',
    });
  });
});
