// Test thread. The core rules once more for every shape of the broker: one acceptor and one shard,
// several shards, several acceptors. What is shared between threads must look as if there were only
// one.
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { BROKER_SHAPES, useBroker } from '../support/broker.ts';
import { awaitQueueGone, queueExists } from '../support/presence.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

/** Enough that with two acceptors each has some of them almost surely. */
const CONNECTIONS = 8;

describe.each(BROKER_SHAPES)('$acceptors acceptors, $shards shards:', (shape) => {
  const broker = useBroker(shape);
  let channel: RawChannel;
  let others: RawChannel[];

  beforeEach(async () => {
    channel = await broker.channel();
    others = [];
    while (others.length < CONNECTIONS) others.push(await broker.channel());
  });

  async function queues(count: number): Promise<string[]> {
    const names: string[] = [];
    while (names.length < count) names.push(await channel.exclusiveQueue());
    return names;
  }

  test('each of ten queues keeps its order', async () => {
    const names = await queues(10);
    for (const queue of names) await channel.consume(queue, { noAck: true, consumerTag: queue });
    for (let index = 0; index < 5000; index += 1) {
      channel.publish({ routingKey: names[index % 10] }, String(index));
    }
    const deliveries = await channel.deliveries(5000);
    names.forEach((queue, which) => {
      const own = deliveries.filter(({ fields }) => fields.consumerTag === queue);
      const expected = Array.from({ length: 500 }, (_, index) => String(index * 10 + which));
      expect(own.map(({ body }) => body.toString())).toEqual(expected);
    });
  });

  test('a fan-out reaches queues on every shard, large bodies intact', async () => {
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    for (const other of others) {
      const queue = await other.exclusiveQueue();
      await other.call('queue.bind', { queue, exchange });
      await other.consume(queue, { noAck: true });
    }
    const bodies = [10, 5000, 300_000, 0, 1_000_000].map((bytes) => randomBytes(bytes));
    for (const body of bodies) channel.publish({ exchange, routingKey: '' }, body);
    const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
    for (const other of others) {
      const received = await other.deliveries(bodies.length);
      expect(received.map(({ body }) => digest(body))).toEqual(bodies.map(digest));
    }
  });

  test('publishes to queues on every shard are all confirmed, returns first', async () => {
    const names = await queues(9);
    await channel.call('confirm.select');
    for (let index = 0; index < 900; index += 1) {
      const routingKey = index % 10 === 9 ? uniqueName('missing') : names[index % 10];
      channel.publish({ routingKey, mandatory: true }, String(index), { deliveryMode: 2 });
    }
    const open = new Set(Array.from({ length: 900 }, (_, index) => index + 1));
    const returned: number[] = [];
    while (open.size > 0) {
      const incoming = await channel.next('basic.ack or basic.return');
      if (incoming.name === 'basic.return') {
        returned.push(Number(incoming.body) + 1);
        expect(open.has(returned.at(-1)!)).toBe(true);
        continue;
      }
      expect(incoming.name).toBe('basic.ack');
      const { deliveryTag, multiple } = incoming.fields as {
        deliveryTag: number;
        multiple: boolean;
      };
      const settled = multiple ? [...open].filter((tag) => tag <= deliveryTag) : [deliveryTag];
      for (const tag of settled) expect(open.delete(tag)).toBe(true);
    }
    expect(returned).toHaveLength(90);
    for (const queue of names) await channel.awaitReady(queue, 90);
  });

  test('a binding is in force on every connection once it is answered', async () => {
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue, { noAck: true });
    for (let round = 0; round < 5; round += 1) {
      const routingKey = `${queue}.${round}`;
      await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey });
      for (const other of others) other.publish({ exchange: 'amq.topic', routingKey }, 'bound');
      await channel.deliveries(others.length);
      await channel.call('queue.unbind', { queue, exchange: 'amq.topic', routingKey });
      for (const other of others) {
        other.publish({ exchange: 'amq.topic', routingKey, mandatory: true }, 'unbound');
      }
      for (const other of others) await other.expect('basic.return');
    }
  });

  test('a queue declared by many connections at once is one queue', async () => {
    const queue = uniqueName('shared');
    const declared = others.map((other) => other.call('queue.declare', { queue, durable: true }));
    await Promise.all(declared);
    for (const other of others) other.publish({ routingKey: queue }, 'x');
    await channel.awaitReady(queue, others.length);
    await channel.call('queue.delete', { queue });
    for (const other of others) expect(await queueExists(other.client, queue)).toBe(false);
  });

  test('an exclusive queue is locked for every other connection, and goes with its own', async () => {
    const owner = await broker.channel();
    const queue = await owner.exclusiveQueue();
    for (const other of others) {
      expect(await other.refused('basic.get', { queue })).toEqual(channelRefusal(405));
    }
    await owner.client.close();
    for (const other of others) expect(await queueExists(other.client, queue)).toBe(false);
  });

  test('an exchange that is deleted is gone on every connection', async () => {
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
    for (const other of others) other.publish({ exchange, routingKey: '' }, 'dropped');
    for (const other of others) await other.call('channel.flow', { active: true });
    await channel.call('exchange.delete', { exchange });
    for (const other of others) {
      other.publish({ exchange, routingKey: '' }, 'x');
      expect(await other.refusal()).toEqual(channelRefusal(404));
    }
  });

  test('a queue that is deleted cancels the consumers of every connection', async () => {
    const queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true });
    for (const other of others) await other.consume(queue, { consumerTag: 'mine' });
    expect(await channel.counts(queue)).toEqual({ messages: 0, consumers: others.length });
    await channel.call('queue.delete', { queue });
    for (const other of others) {
      expect((await other.expect('basic.cancel')).fields.consumerTag).toBe('mine');
    }
  });

  test('consumers on different connections take turns', async () => {
    const queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true });
    for (const other of others) {
      await other.call('basic.qos', { prefetchCount: 100 });
      await other.consume(queue);
    }
    for (let index = 0; index < others.length * 20; index += 1) {
      channel.publish({ routingKey: queue }, String(index));
    }
    const taken = await Promise.all(others.map((other) => other.bodies(20)));
    expect(new Set(taken.flat()).size).toBe(others.length * 20);
    await channel.call('queue.delete', { queue });
  });

  test('what a dropped connection held goes to the others, in order', async () => {
    const queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true });
    for (let index = 0; index < 500; index += 1) {
      channel.publish({ routingKey: queue }, String(index));
    }
    const doomed = await broker.channel();
    await doomed.call('basic.qos', { prefetchCount: 200 });
    await doomed.consume(queue);
    await doomed.deliveries(200);
    await doomed.client.drop();
    await channel.awaitReady(queue, 500);
    expect(await others[0].drain(queue)).toEqual(
      Array.from({ length: 500 }, (_, index) => String(index)),
    );
    await channel.call('queue.delete', { queue });
  });

  test('an auto-delete queue goes with its last consumer, wherever that was', async () => {
    const queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true, autoDelete: true });
    for (const other of others) await other.consume(queue);
    for (const other of others) await other.client.close();
    await awaitQueueGone(channel.client, queue);
  });

  test('a prefetch limit of a channel holds over the queues of every shard', async () => {
    const names = await queues(6);
    await channel.call('basic.qos', { prefetchCount: 4, global: true });
    for (const queue of names) await channel.consume(queue);
    const publisher = others[0];
    for (const queue of names) {
      for (let index = 0; index < 3; index += 1) publisher.publish({ routingKey: queue }, queue);
    }
    const taken = (await channel.deliveries(4)).map(({ body }) => body.toString());
    // Whatever else was handed out would be missing from the queues.
    for (const queue of names) {
      const left = 3 - taken.filter((body) => body === queue).length;
      expect(await channel.settled(queue, left)).toEqual([]);
    }
    channel.ack(4, true);
    await channel.deliveries(4);
  });

  test('an ack of many deliveries reaches the queues of every shard', async () => {
    const names = await queues(9);
    for (const queue of names) await channel.consume(queue);
    for (let index = 0; index < 900; index += 1) {
      channel.publish({ routingKey: names[index % 9] }, String(index));
    }
    await channel.deliveries(900);
    channel.ack(450);
    channel.ack(800, true);
    channel.send('basic.nack', { deliveryTag: 850, multiple: true, requeue: false });
    await channel.call('channel.close');
    const fresh = await channel.client.channel();
    const left: string[] = [];
    for (const queue of names) left.push(...(await fresh.drain(queue)));
    expect(left).toHaveLength(50);
  });
});
