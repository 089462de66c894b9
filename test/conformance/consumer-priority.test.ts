// Test thread. Consumers with priorities (RabbitMQ: docs/consumer-priority; rabbit_queue_consumers):
// the higher ones are served while they have room, equals take turns. consume.test.ts has the
// simplest of it.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { type FieldValue, typed } from '../support/wire/field-values.ts';

const broker = useBroker();
let owner: RawChannel;
let queue: string;

beforeEach(async () => {
  owner = await broker.channel();
  queue = await owner.exclusiveQueue();
});

/** A consumer on a channel of its own. */
async function consumer(priority?: FieldValue, prefetchCount = 1): Promise<RawChannel> {
  const channel = await owner.client.channel();
  await channel.call('basic.qos', { prefetchCount });
  const args = priority === undefined ? {} : { 'x-priority': priority };
  await channel.consume(queue, { arguments: args });
  return channel;
}

async function expectTaken(channel: RawChannel, body: string): Promise<void> {
  const delivery = await channel.delivery();
  expect(delivery.body.toString()).toBe(body);
  channel.ack(delivery.fields.deliveryTag);
  // The ack has made room when this is answered.
  await channel.call('channel.flow', { active: true });
}

describe('consumers of different priorities', () => {
  test('are served from the highest down, each as far as its prefetch goes', async () => {
    const [low, high, middle] = [await consumer(1, 2), await consumer(9, 2), await consumer(5, 2)];
    await publishAll(owner, queue, ['a', 'b', 'c', 'd', 'e', 'f']);
    expect(await high.bodies(2)).toEqual(['a', 'b']);
    expect(await middle.bodies(2)).toEqual(['c', 'd']);
    expect(await low.bodies(2)).toEqual(['e', 'f']);
  });

  test('count 0 where none is given, and may be negative', async () => {
    const [negative, none, positive] = [await consumer(-1), await consumer(), await consumer(1)];
    await publishAll(owner, queue, ['a', 'b', 'c']);
    await expectTaken(positive, 'a');
    await expectTaken(none, 'b');
    await expectTaken(negative, 'c');
  });

  test('serve one that comes later first, if it is higher', async () => {
    const low = await consumer(0, 1);
    await publishAll(owner, queue, ['a']);
    await expectTaken(low, 'a');
    const high = await consumer(1, 1);
    for (const body of ['b', 'c', 'd']) {
      await publishAll(owner, queue, [body]);
      await expectTaken(high, body);
    }
    expect(await low.settled(queue, 0)).toEqual([]);
  });

  test('fall back to the lower one when the higher one is cancelled', async () => {
    const low = await consumer(0);
    const high = await owner.client.channel();
    await high.consume(queue, { consumerTag: 'high', arguments: { 'x-priority': 5 } });
    await high.call('basic.cancel', { consumerTag: 'high' });
    await publishAll(owner, queue, ['a']);
    await expectTaken(low, 'a');
  });

  test('take back what the higher one left', async () => {
    const low = await consumer(0);
    const high = await consumer(5);
    await publishAll(owner, queue, ['a']);
    await high.delivery();
    await high.call('channel.close');
    await expectTaken(low, 'a');
  });

  test.each<[string, FieldValue, FieldValue]>([
    ['bytes', typed('b', -3), typed('b', 3)],
    ['short integers', typed('s', -300), typed('s', 300)],
    ['long long integers', -3n, 3_000_000_000_000n],
  ])('may be %s', async (_, lower, higher) => {
    const [low, high] = [await consumer(lower), await consumer(higher)];
    await publishAll(owner, queue, ['a']);
    await expectTaken(high, 'a');
    expect(await low.settled(queue, 0)).toEqual([]);
  });
});

test('consumers of the same priority take turns', async () => {
  const equals = [await consumer(5, 10), await consumer(5, 10), await consumer(5, 10)];
  const low = await consumer(0, 10);
  await publishAll(
    owner,
    queue,
    Array.from({ length: 12 }, (_, index) => String(index)),
  );
  for (const channel of equals) await channel.deliveries(4);
  expect(await low.settled(queue, 0)).toEqual([]);
});
