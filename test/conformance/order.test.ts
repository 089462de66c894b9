// Test thread. Order and completeness with more messages than fit in any one buffer (specification
// 4.7: one publisher, one channel, one queue, one consumer keep the order).
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('10,000 messages of a channel', () => {
  test('reach a consumer that waits for them in order', async () => {
    await channel.consume(queue, { noAck: true });
    for (const index of numbers(10_000)) channel.publish({ routingKey: queue }, String(index));
    expect((await channel.bodies(10_000)).map(Number)).toEqual(numbers(10_000));
  });

  test('reach a consumer that comes later in order', async () => {
    for (const index of numbers(10_000)) channel.publish({ routingKey: queue }, String(index));
    await channel.awaitReady(queue, 10_000);
    await channel.consume(queue, { noAck: true });
    expect((await channel.bodies(10_000)).map(Number)).toEqual(numbers(10_000));
  });

  test('reach a consumer that acks every hundredth in order', async () => {
    await channel.call('basic.qos', { prefetchCount: 250 });
    await channel.consume(queue);
    for (const index of numbers(10_000)) channel.publish({ routingKey: queue }, String(index));
    const received: number[] = [];
    while (received.length < 10_000) {
      const { fields, body } = await channel.delivery();
      expect(fields.redelivered).toBe(false);
      received.push(Number(body));
      if (fields.deliveryTag % 100 === 0) channel.ack(fields.deliveryTag, true);
    }
    expect(received).toEqual(numbers(10_000));
  });

  test('of different sizes keep their order', async () => {
    await channel.consume(queue, { noAck: true });
    for (const index of numbers(10_000)) {
      const bytes = index % 1000 === 0 ? 200_000 : (index * 37) % 3000;
      channel.publish({ routingKey: queue }, String(index).padEnd(bytes, '.'));
    }
    const bodies = await channel.bodies(10_000);
    expect(bodies.map((body) => Number.parseInt(body, 10))).toEqual(numbers(10_000));
  });

  test('come back in order when the consumer drops out, and none is lost', async () => {
    const shared = uniqueName('shared');
    await channel.call('queue.declare', { queue: shared, durable: true });
    const consumer = await broker.channel();
    await consumer.call('basic.qos', { prefetchCount: 3000 });
    await consumer.consume(shared);
    for (const index of numbers(10_000)) channel.publish({ routingKey: shared }, String(index));
    await consumer.deliveries(3000);
    await consumer.client.drop();
    await channel.awaitReady(shared, 10_000);
    const consumerTag = await channel.consume(shared, { noAck: true });
    const again = await channel.deliveries(10_000);
    expect(again.map(({ body }) => Number(body))).toEqual(numbers(10_000));
    const redelivered = again.filter(({ fields }) => fields.redelivered).length;
    expect(redelivered).toBeGreaterThanOrEqual(3000);
    await channel.call('basic.cancel', { consumerTag });
    await channel.call('queue.delete', { queue: shared });
  });
});

describe('a fan-out to ten queues', () => {
  test('gives each of them all 1000 messages in order', async () => {
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    const consumers: RawChannel[] = [];
    for (const _ of numbers(10)) {
      const consumer = await channel.client.channel();
      const each = await consumer.exclusiveQueue();
      await consumer.call('queue.bind', { queue: each, exchange });
      await consumer.consume(each, { noAck: true });
      consumers.push(consumer);
    }
    for (const index of numbers(1000)) channel.publish({ exchange, routingKey: '' }, String(index));
    for (const consumer of consumers) {
      expect((await consumer.bodies(1000)).map(Number)).toEqual(numbers(1000));
    }
  });
});

describe('several publishers of a queue', () => {
  test('lose nothing, and each keeps its own order', async () => {
    await channel.consume(queue, { noAck: true });
    const publishers = [await broker.channel(), await broker.channel(), await broker.channel()];
    for (const index of numbers(1000)) {
      publishers.forEach((publisher, who) => {
        publisher.publish({ routingKey: queue }, `${who}:${index}`);
      });
    }
    const bodies = await channel.bodies(3000);
    publishers.forEach((_, who) => {
      const own = bodies.filter((body) => body.startsWith(`${who}:`));
      expect(own).toEqual(numbers(1000).map((index) => `${who}:${index}`));
    });
  });
});

describe('several consumers of a queue', () => {
  test('get every message exactly once between them', async () => {
    const consumers: RawChannel[] = [];
    for (const _ of numbers(4)) {
      const consumer = await channel.client.channel();
      await consumer.call('basic.qos', { prefetchCount: 10 });
      await consumer.consume(queue);
      consumers.push(consumer);
    }
    for (const index of numbers(2000)) channel.publish({ routingKey: queue }, String(index));
    const seen: number[] = [];
    const work = consumers.map(async (consumer) => {
      for (;;) {
        // Ends with the channel, which whoever takes the last message closes.
        const delivery = await consumer.delivery().catch(() => undefined);
        if (delivery === undefined) return;
        seen.push(Number(delivery.body));
        consumer.ack(delivery.fields.deliveryTag);
        if (seen.length === 2000) await channel.settled(queue, 0);
        if (seen.length >= 2000) channel.client.socket.destroy();
      }
    });
    await Promise.all(work);
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(2000));
  });
});
