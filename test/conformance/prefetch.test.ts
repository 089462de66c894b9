// Test thread. basic.qos (specification 1.8.3.1 with RabbitMQ's meaning of global, docs/consumer-
// prefetch): how many unacked messages a consumer, or a channel, may hold.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

function publish(count: number, routingKey = queue): void {
  for (let index = 0; index < count; index += 1) channel.publish({ routingKey }, String(index));
}

/** The bodies delivered until the queue holds `ready` messages and nothing more is on its way. */
async function deliveredUntil(ready: number, name = queue): Promise<string[]> {
  const arrived = await channel.settled(name, ready);
  return arrived.map(({ name: method, body }) =>
    method === 'basic.deliver' ? body.toString() : `unexpected ${method}`,
  );
}

describe('prefetch per consumer (global=false)', () => {
  test('limits the unacked messages of the consumer', async () => {
    await channel.call('basic.qos', { prefetchCount: 3 });
    await channel.consume(queue);
    publish(10);
    expect(await deliveredUntil(7)).toEqual(['0', '1', '2']);
  });

  test('gives one more message for one ack', async () => {
    await channel.call('basic.qos', { prefetchCount: 2 });
    await channel.consume(queue);
    publish(5);
    expect(await deliveredUntil(3)).toEqual(['0', '1']);
    channel.ack(1);
    expect(await deliveredUntil(2)).toEqual(['2']);
    channel.ack(3, true);
    expect(await deliveredUntil(0)).toEqual(['3', '4']);
  });

  test.each(['basic.nack', 'basic.reject'] as const)('%s makes room as well', async (name) => {
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue);
    publish(2);
    expect(await deliveredUntil(1)).toEqual(['0']);
    channel.send(name, { deliveryTag: 1, requeue: false });
    expect(await deliveredUntil(0)).toEqual(['1']);
  });

  test('limits each consumer of the channel for itself', async () => {
    const second = await channel.exclusiveQueue();
    await channel.call('basic.qos', { prefetchCount: 2 });
    await channel.consume(queue);
    await channel.consume(second);
    publish(4);
    publish(4, second);
    const deliveries = [
      ...(await channel.settled(queue, 2)),
      ...(await channel.settled(second, 2)),
    ];
    expect(deliveries).toHaveLength(4);
  });

  test('applies to consumers that start later, not to those that run', async () => {
    const second = await channel.exclusiveQueue();
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue);
    await channel.call('basic.qos', { prefetchCount: 3 });
    await channel.consume(second);
    publish(5);
    publish(5, second);
    const one = await channel.settled(queue, 4);
    const two = await channel.settled(second, 2);
    expect([...one, ...two]).toHaveLength(4);
  });

  test('of 0 is no limit', async () => {
    await channel.call('basic.qos', { prefetchCount: 0 });
    await channel.consume(queue);
    publish(500);
    expect(await channel.bodies(500)).toHaveLength(500);
  });

  test('does not hold back a no_ack consumer', async () => {
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue, { noAck: true });
    publish(50);
    expect(await channel.bodies(50)).toHaveLength(50);
  });

  test('does not count messages of basic.get', async () => {
    publish(3);
    await channel.get(queue, false);
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue);
    expect(await deliveredUntil(1)).toEqual(['1']);
  });

  test('leaves messages to a consumer that has room', async () => {
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue, { consumerTag: 'full' });
    publish(1);
    await channel.delivery();
    const other = await channel.client.channel();
    await other.consume(queue, { consumerTag: 'free' });
    publish(20);
    expect(await other.bodies(20)).toHaveLength(20);
  });

  test('of 65535, the highest there is, delivers a thousand messages unacked', async () => {
    await channel.call('basic.qos', { prefetchCount: 65_535 });
    await channel.consume(queue);
    publish(1000);
    expect(await channel.bodies(1000)).toHaveLength(1000);
  });
});

describe('prefetch per channel (global=true)', () => {
  test('limits all consumers of the channel together', async () => {
    const second = await channel.exclusiveQueue();
    await channel.call('basic.qos', { prefetchCount: 3, global: true });
    await channel.consume(queue);
    await channel.consume(second);
    publish(3);
    expect(await deliveredUntil(0)).toEqual(['0', '1', '2']);
    publish(2, second);
    expect(await deliveredUntil(2, second)).toEqual([]);
    channel.ack(2, true);
    expect(await deliveredUntil(0, second)).toEqual(['0', '1']);
  });

  test('and per consumer together: both limits hold', async () => {
    await channel.call('basic.qos', { prefetchCount: 2, global: false });
    await channel.consume(queue);
    await channel.call('basic.qos', { prefetchCount: 5, global: true });
    publish(4);
    expect(await deliveredUntil(2)).toEqual(['0', '1']);
  });

  test('can be raised while consumers wait', async () => {
    await channel.call('basic.qos', { prefetchCount: 1, global: true });
    await channel.consume(queue);
    publish(4);
    expect(await deliveredUntil(3)).toEqual(['0']);
    await channel.call('basic.qos', { prefetchCount: 3, global: true });
    expect(await deliveredUntil(1)).toEqual(['1', '2']);
  });

  test('of 0 lifts the limit', async () => {
    await channel.call('basic.qos', { prefetchCount: 1, global: true });
    await channel.consume(queue);
    publish(3);
    expect(await deliveredUntil(2)).toEqual(['0']);
    await channel.call('basic.qos', { prefetchCount: 0, global: true });
    expect(await deliveredUntil(0)).toEqual(['1', '2']);
  });

  test('is of its channel: another channel is not held back', async () => {
    await channel.call('basic.qos', { prefetchCount: 1, global: true });
    await channel.consume(queue);
    publish(1);
    await channel.delivery();
    const other = await channel.client.channel();
    await other.consume(queue);
    publish(5);
    expect(await other.bodies(5)).toHaveLength(5);
  });
});

test('basic.qos with a prefetch_size is refused with 540', async () => {
  const refusal = await channel.refused('basic.qos', { prefetchSize: 10 });
  expect(refusal).toEqual(connectionRefusal(540, 'prefetch_size!=0 (10)'));
});
