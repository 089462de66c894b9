// Test thread. Priority queues, single active consumers, consumer priorities and the timeout of
// acknowledgements as clients meet them, with several acceptors and shards. WarrenMQ only: the
// rules that RabbitMQ shares are in test/conformance.
import { describe, expect, test } from 'vitest';
import { channelRefusal } from '../conformance/refusal-shapes.ts';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable } from '../support/wire/field-values.ts';

const SHAPE = { acceptors: 2, shards: 3 };
const broker = useBroker(SHAPE);

async function declare(channel: RawChannel, args: FieldTable): Promise<string> {
  const queue = uniqueName('features');
  await channel.call('queue.declare', { queue, durable: true, arguments: args });
  return queue;
}

/** A list of the HTTP API. */
async function api<Item>(path: string): Promise<Item[]> {
  const credentials = Buffer.from('guest:guest').toString('base64');
  const answer = await fetch(`${broker.managementUrl}/api/${path}`, {
    headers: { authorization: `Basic ${credentials}` },
  });
  return (await answer.json()) as Item[];
}

function publish(channel: RawChannel, queue: string, body: string, priority?: number): void {
  channel.publish({ routingKey: queue }, body, {
    deliveryMode: 2,
    ...(priority === undefined ? {} : { priority }),
  });
}

describe('a priority queue', () => {
  test('hands the highest priority out first, and nothing above its maximum', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, { 'x-max-priority': 5 });
    for (const [body, priority] of [
      ['a', 1],
      ['b', 5],
      ['c', undefined],
      ['d', 9],
      ['e', 3],
    ] as const) {
      publish(channel, queue, body, priority);
    }
    await channel.awaitReady(queue, 5);
    expect(await channel.drain(queue)).toEqual(['b', 'd', 'e', 'a', 'c']);
  });

  test('takes large messages, and what comes back, at their priority', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, { 'x-max-priority': 2 });
    const large = 'x'.repeat(20_000);
    publish(channel, queue, `low ${large}`, 1);
    publish(channel, queue, `high ${large}`, 2);
    await channel.awaitReady(queue, 2);
    const first = await channel.get(queue, false);
    expect(first?.body.toString('utf8', 0, 5)).toBe('high ');
    publish(channel, queue, 'higher no more', 2);
    channel.send('basic.nack', { deliveryTag: first!.fields.deliveryTag, requeue: true });
    await channel.awaitReady(queue, 3);
    const again = await channel.drain(queue);
    expect(again.map((body) => body.slice(0, 4))).toEqual(['high', 'high', 'low ']);
    expect(again[0].length).toBeGreaterThan(20_000);
  });

  test('of quorum type puts messages without a priority at 4', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, { 'x-queue-type': 'quorum' });
    publish(channel, queue, 'three', 3);
    publish(channel, queue, 'none');
    publish(channel, queue, 'five', 5);
    await channel.awaitReady(queue, 3);
    expect(await channel.drain(queue)).toEqual(['five', 'none', 'three']);
  });
});

describe('a single active consumer', () => {
  const SINGLE = { 'x-single-active-consumer': true };

  test('gets everything until it goes, and its successor what it held', async () => {
    const [one, two] = [await broker.channel(), await broker.channel()];
    const queue = await declare(one, SINGLE);
    await one.consume(queue);
    await two.consume(queue);
    for (const body of ['a', 'b']) publish(two, queue, body);
    expect(await one.bodies(2)).toEqual(['a', 'b']);
    await one.client.drop();
    const again = await two.deliveries(2);
    expect(again.map(({ body }) => body.toString())).toEqual(['a', 'b']);
    expect(again.every(({ fields }) => fields.redelivered)).toBe(true);
  });

  test('is shown as such', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, SINGLE);
    await channel.consume(queue, { consumerTag: 'one' });
    await channel.consume(queue, { consumerTag: 'two' });
    const plain = await declare(channel, {});
    await channel.consume(plain, { consumerTag: 'three' });
    const consumers = await api<{ consumer_tag: string; active: boolean }>('consumers');
    const seen = new Map(consumers.map((one) => [one.consumer_tag, one]));
    expect(seen.get('one')).toMatchObject({ active: true, activity_status: 'single_active' });
    expect(seen.get('two')).toMatchObject({ active: false, activity_status: 'waiting' });
    expect(seen.get('three')).toMatchObject({ active: true, activity_status: 'up' });
    const queues = await api<{ name: string }>('queues');
    expect(queues.find(({ name }) => name === queue)).toMatchObject({
      single_active_consumer_tag: 'one',
    });
  });

  test('is never exclusive', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, SINGLE);
    const refusal = await channel.refused('basic.consume', { queue, exclusive: true });
    expect(refusal).toEqual(channelRefusal(403, `queue '${queue}' in vhost '/' in exclusive use`));
  });

  test('of a quorum queue is the only way to its messages', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, { ...SINGLE, 'x-queue-type': 'quorum' });
    expect(await channel.refused('basic.get', { queue })).toEqual(
      channelRefusal(
        405,
        `cannot obtain access to locked queue '${queue}' in vhost '/'. basic.get operations are ` +
          'not supported by quorum queues with single active consumer',
      ),
    );
  });

  test('of a classic queue leaves basic.get alone', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, SINGLE);
    publish(channel, queue, 'a');
    await channel.awaitReady(queue, 1);
    expect(await channel.drain(queue)).toEqual(['a']);
  });
});

describe('a consumer of a higher priority', () => {
  test('gets everything as long as it can take it', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, {});
    const low = await channel.consume(queue, { arguments: { 'x-priority': -1 } });
    await channel.call('basic.qos', { prefetchCount: 2 });
    const high = await channel.consume(queue, { arguments: { 'x-priority': 10 } });
    for (const body of ['a', 'b', 'c']) publish(channel, queue, body);
    const [a, b, c] = await channel.deliveries(3);
    expect([a, b, c].map(({ fields }) => fields.consumerTag)).toEqual([high, high, low]);
    channel.ack(a.fields.deliveryTag);
    publish(channel, queue, 'd');
    expect((await channel.delivery()).fields.consumerTag).toBe(high);
  });

  test('says so by an integer', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, {});
    const args = { 'x-priority': 'high' };
    expect(await channel.refused('basic.consume', { queue, arguments: args })).toEqual(
      channelRefusal(406, `invalid arg 'x-priority' for queue '${queue}' in vhost '/'`),
    );
  });
});

// Each waits for its own second, so they wait together.
describe.concurrent('a delivery that is not acknowledged in time', () => {
  const IN_TIME = { 'x-consumer-timeout': 1000 };

  test('closes its channel, and is there for others', async () => {
    const [slow, other] = [await broker.channel(), await broker.channel()];
    const queue = await declare(other, IN_TIME);
    publish(other, queue, 'a');
    await slow.consume(queue);
    expect((await slow.delivery()).body.toString()).toBe('a');
    const refusal = await slow.refusal();
    expect(refusal).toEqual(
      channelRefusal(
        406,
        `delivery acknowledgement on channel ${slow.number} timed out. Timeout value used: 1000 ` +
          'ms. This timeout value can be configured, see consumers doc guide to learn more',
      ),
    );
    await other.awaitReady(queue, 1);
    expect(await other.drain(queue)).toEqual(['a']);
    // The connection goes on.
    const next = await slow.client.channel();
    await next.counts(queue);
  });

  test('may be one of basic.get', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, IN_TIME);
    publish(channel, queue, 'a');
    await channel.awaitReady(queue, 1);
    await channel.get(queue, false);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'delivery acknowledgement on'));
  });

  test('ends its consumer only, where the queue is a quorum queue', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, { ...IN_TIME, 'x-queue-type': 'quorum' });
    publish(channel, queue, 'a');
    const tag = await channel.consume(queue);
    const { fields } = await channel.delivery();
    const cancel = await channel.expect('basic.cancel');
    expect(cancel.fields.consumerTag).toBe(tag);
    await channel.awaitReady(queue, 1);
    // An ack that comes too late is no mistake, and settles nothing.
    channel.ack(fields.deliveryTag);
    await channel.awaitReady(queue, 1);
    expect(await channel.drain(queue)).toEqual(['a']);
  });

  test('closes the channel of a client that knows no basic.cancel from the broker', async () => {
    const channel = await broker.channel({ capabilities: {} });
    const queue = await declare(channel, { 'x-queue-type': 'quorum' });
    publish(channel, queue, 'a');
    await channel.consume(queue, { arguments: IN_TIME });
    await channel.delivery();
    expect(await channel.refusal()).toEqual(
      channelRefusal(406, `delivery acknowledgement on channel ${channel.number} timed out`),
    );
  });

  test('has its time from the consumer, as milliseconds', async () => {
    const channel = await broker.channel();
    const queue = await declare(channel, {});
    for (const value of ['soon', -1, 1.5]) {
      const args = { 'x-consumer-timeout': value };
      const other = await channel.client.channel();
      expect(await other.refused('basic.consume', { queue, arguments: args })).toEqual(
        channelRefusal(406, `invalid arg 'x-consumer-timeout' for queue '${queue}'`),
      );
    }
  });
});
