// Test thread. Consumers that share a limit share it fairly: with a prefetch of 1 over the whole channel,
// consumers of one queue and of several queues take turns.
// https://www.rabbitmq.com/docs/consumer-prefetch
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
  await channel.call('basic.qos', { prefetchCount: 1, global: true });
});

/** Acks each delivery as it comes; how many came, by consumer tag. */
async function shares(count: number): Promise<Map<string, number>> {
  const byTag = new Map<string, number>();
  for (let i = 0; i < count; i += 1) {
    const { consumerTag, deliveryTag } = (await channel.delivery()).fields;
    byTag.set(consumerTag, (byTag.get(consumerTag) ?? 0) + 1);
    channel.ack(deliveryTag);
  }
  return byTag;
}

/** A queue of the connection with 90 messages ready. */
async function filledQueue(): Promise<string> {
  const queue = await channel.exclusiveQueue();
  for (let i = 0; i < 90; i += 1) channel.publish({ routingKey: queue }, 'x');
  await channel.awaitReady(queue, 90);
  return queue;
}

describe('a prefetch of 1 over the whole channel', () => {
  const tags = ['a', 'b', 'c'];

  // With nowait, so that no delivery comes between a consume and its answer.
  test('is shared by the consumers of one queue', async () => {
    const queue = await filledQueue();
    for (const consumerTag of tags) {
      channel.send('basic.consume', { queue, consumerTag, nowait: true });
    }
    const byTag = await shares(90);
    for (const tag of tags) expect(byTag.get(tag) ?? 0).toBeGreaterThan(9);
  });

  test('is shared by the consumers of several queues', async () => {
    const queues = [await filledQueue(), await filledQueue(), await filledQueue()];
    tags.forEach((consumerTag, index) => {
      channel.send('basic.consume', { queue: queues[index], consumerTag, nowait: true });
    });
    const byTag = await shares(90);
    for (const tag of tags) expect(byTag.get(tag) ?? 0).toBeGreaterThan(9);
  });
});
