// Test thread. The largest message (RabbitMQ: docs/configure max_message_size; rabbit_channel). Both
// brokers are given 16 MiB, 4.x's default; RabbitMQ 3.10 must be started with
// max_message_size = 16777216. framing.test.ts has what is announced and never sent.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { channelRefusal } from './refusal-shapes.ts';

const MESSAGE_BYTES_MAX = 16_777_216;

const broker = useBroker({ set: { max_message_size: String(MESSAGE_BYTES_MAX) } });
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

describe('a message', () => {
  test('of exactly max_message_size is taken and delivered whole', async () => {
    const publisher = await channel.client.channel();
    await publisher.call('confirm.select');
    const body = Buffer.alloc(MESSAGE_BYTES_MAX, 'x');
    publisher.publish({ routingKey: queue }, body);
    expect(await outcomes(publisher, 1)).toEqual(['ack']);
    await channel.consume(queue, { noAck: true });
    expect((await channel.delivery()).body.equals(body)).toBe(true);
  });

  test('of a byte more closes its channel with 406, and no other', async () => {
    const other = await channel.client.channel();
    channel.publish({ routingKey: queue }, Buffer.alloc(MESSAGE_BYTES_MAX + 1));
    const text =
      `message size ${MESSAGE_BYTES_MAX + 1} is larger than ` +
      `configured max size ${MESSAGE_BYTES_MAX}`;
    const refusal = await channel.refusal();
    expect(refusal).toEqual(channelRefusal(406, text));
    expect(refusal).toMatchObject({ classId: 60, methodId: 40 });
    expect(await other.get(queue)).toBeUndefined();
  });

  test('that is too large spoils none of those before it', async () => {
    channel.publish({ routingKey: queue }, 'before');
    channel.publish({ routingKey: queue }, Buffer.alloc(MESSAGE_BYTES_MAX + 1));
    await channel.refusal();
    expect(await (await channel.client.channel()).drain(queue)).toEqual(['before']);
  });
});
