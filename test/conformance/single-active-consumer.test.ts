// Test thread. Queues with a single active consumer (RabbitMQ: docs/consumers#single-active-consumer;
// rabbit_queue_consumers): one gets everything, and the next takes over when it leaves.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let owner: RawChannel;
let queue: string;

beforeEach(async () => {
  owner = await broker.channel();
  queue = uniqueName('single');
  await owner.call('queue.declare', {
    queue,
    durable: true,
    autoDelete: true,
    arguments: { 'x-single-active-consumer': true },
  });
});

/** A consumer on a connection of its own. */
async function consumer(priority?: number): Promise<RawChannel> {
  const channel = await broker.channel();
  const args = priority === undefined ? {} : { 'x-priority': priority };
  await channel.consume(queue, { consumerTag: 'mine', arguments: args });
  return channel;
}

/** Takes and acks what is delivered; proves that it is exactly `bodies`. */
async function expectTaken(channel: RawChannel, bodies: string[]): Promise<void> {
  const taken = await channel.deliveries(bodies.length);
  expect(taken.map(({ body }) => body.toString())).toEqual(bodies);
  channel.ack(taken.at(-1)!.fields.deliveryTag, true);
}

describe('a queue with x-single-active-consumer', () => {
  test('delivers everything to the consumer that came first', async () => {
    const [first, second] = [await consumer(), await consumer()];
    const bodies = Array.from({ length: 20 }, (_, index) => String(index));
    await publishAll(owner, queue, bodies);
    await expectTaken(first, bodies);
    expect(await second.settled(queue, 0)).toEqual([]);
  });

  test.each<[string, (channel: RawChannel) => Promise<unknown>]>([
    ['is cancelled', (channel) => channel.call('basic.cancel', { consumerTag: 'mine' })],
    ['closes its channel', (channel) => channel.call('channel.close')],
    ['closes its connection', (channel) => channel.client.close()],
    ['loses its connection', (channel) => channel.client.drop()],
  ])('goes on with the next consumer when the first one %s', async (_, leave) => {
    const [first, second, third] = [await consumer(), await consumer(), await consumer()];
    await publishAll(owner, queue, ['a']);
    await expectTaken(first, ['a']);
    await leave(first);
    await publishAll(owner, queue, ['b']);
    await expectTaken(second, ['b']);
    await leave(second);
    await publishAll(owner, queue, ['c']);
    await expectTaken(third, ['c']);
  });

  test('gives the next consumer what the first one left unacked, in order', async () => {
    const [first, second] = [await consumer(), await consumer()];
    await publishAll(owner, queue, ['a', 'b', 'c']);
    await first.deliveries(3);
    await first.client.drop();
    const taken = await second.deliveries(3);
    expect(taken.map(({ body }) => body.toString())).toEqual(['a', 'b', 'c']);
    expect(taken.map(({ fields }) => fields.redelivered)).toEqual([true, true, true]);
  });

  test('leaves with a cancelled consumer what it has not acked yet', async () => {
    const [first, second] = [await consumer(), await consumer()];
    await publishAll(owner, queue, ['held']);
    const held = await first.delivery();
    await first.call('basic.cancel', { consumerTag: 'mine' });
    await publishAll(owner, queue, ['next']);
    await expectTaken(second, ['next']);
    first.send('basic.reject', { deliveryTag: held.fields.deliveryTag, requeue: true });
    await expectTaken(second, ['held']);
  });

  test('does not turn to another consumer when the active one has no room', async () => {
    const first = await broker.channel();
    await first.call('basic.qos', { prefetchCount: 1 });
    await first.consume(queue);
    const second = await consumer();
    await publishAll(owner, queue, ['a', 'b']);
    const delivery = await first.delivery();
    expect(await second.settled(queue, 1)).toEqual([]);
    first.ack(delivery.fields.deliveryTag);
    expect(await first.bodies(1)).toEqual(['b']);
  });

  test('gives a returned message to the active consumer again', async () => {
    const [first, second] = [await consumer(), await consumer()];
    await publishAll(owner, queue, ['a']);
    const { fields } = await first.delivery();
    first.send('basic.nack', { deliveryTag: fields.deliveryTag, requeue: true });
    await expectTaken(first, ['a']);
    expect(await second.settled(queue, 0)).toEqual([]);
  });

  test('keeps its active consumer when one that waits leaves', async () => {
    const [first, second, third] = [await consumer(), await consumer(), await consumer()];
    await second.client.drop();
    await publishAll(owner, queue, ['a']);
    await expectTaken(first, ['a']);
    await first.client.drop();
    await publishAll(owner, queue, ['b']);
    await expectTaken(third, ['b']);
  });

  test('keeps its active consumer when one of a higher priority comes', async () => {
    const [first, second] = [await consumer(), await consumer(10)];
    await publishAll(owner, queue, ['a']);
    await expectTaken(first, ['a']);
    expect(await second.settled(queue, 0)).toEqual([]);
  });

  test('takes over by priority', async () => {
    const first = await consumer();
    const [low, high] = [await consumer(1), await consumer(10)];
    await first.client.drop();
    await publishAll(owner, queue, ['a']);
    await expectTaken(high, ['a']);
    expect(await low.settled(queue, 0)).toEqual([]);
  });

  test('counts every consumer, and answers basic.get', async () => {
    await owner.consume(queue);
    await consumer();
    expect(await owner.counts(queue)).toEqual({ messages: 0, consumers: 2 });
    const other = await broker.channel();
    expect(await other.get(queue)).toBeUndefined();
  });

  test('refuses an exclusive consumer with 403', async () => {
    const channel = await broker.channel();
    const refusal = await channel.refused('basic.consume', { queue, exclusive: true });
    const text = `queue '${queue}' in vhost '/' in exclusive use`;
    expect(refusal).toEqual(channelRefusal(403, text));
  });

  test('tells every consumer when it is deleted', async () => {
    const consumers = [await consumer(), await consumer()];
    await owner.call('queue.delete', { queue });
    for (const channel of consumers) await channel.expect('basic.cancel');
  });
});

describe('x-single-active-consumer', () => {
  test('that is no boolean is refused with 406', async () => {
    const args = { 'x-single-active-consumer': 'yes' };
    const refusal = await owner.refused('queue.declare', { queue: 'refused', arguments: args });
    const text = "invalid arg 'x-single-active-consumer' for queue 'refused' in vhost '/': ";
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('of another value on redeclaration is refused with 406', async () => {
    const refusal = await owner.refused('queue.declare', {
      queue,
      durable: true,
      autoDelete: true,
    });
    const text = `inequivalent arg 'x-single-active-consumer' for queue '${queue}' in vhost '/': `;
    expect(refusal).toEqual(channelRefusal(406, text));
    await (await owner.client.channel()).call('queue.delete', { queue });
  });
});
