// Test thread. Acks, nacks, rejects, recover (specification 1.8.3.11 to 1.8.3.14; RabbitMQ:
// docs/confirms, docs/nack): what settles a message, what brings it back, where it stands then, and
// wrong tags.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { Incoming } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

function publish(...bodies: string[]): void {
  for (const body of bodies) channel.publish({ routingKey: queue }, body);
}

/** Publishes the bodies and takes them all with basic.get, unacked; tags run from 1. */
async function holdUnacked(...bodies: string[]): Promise<void> {
  publish(...bodies);
  for (const body of bodies) {
    expect((await channel.get(queue, false))?.body.toString()).toBe(body);
  }
}

/** Closes the channel, so that what is unacked comes back; returns what the queue then holds. */
async function leftAfterClose(): Promise<string[]> {
  await channel.call('channel.close');
  const other = await channel.client.channel();
  return other.drain(queue);
}

function summary({ body, fields }: Incoming<'basic.deliver'> | Incoming<'basic.get-ok'>): string {
  return fields.redelivered ? `${body}, redelivered` : body.toString();
}

/** What the queue holds, with the redelivered flag. */
async function drainWithFlag(on: RawChannel = channel): Promise<string[]> {
  const messages: string[] = [];
  for (;;) {
    const message = await on.get(queue);
    if (message === undefined) return messages;
    messages.push(summary(message));
  }
}

describe('basic.ack', () => {
  test('settles the one message', async () => {
    await holdUnacked('a', 'b', 'c');
    channel.ack(2);
    expect(await leftAfterClose()).toEqual(['a', 'c']);
  });

  test('multiple settles every message up to the tag', async () => {
    await holdUnacked('a', 'b', 'c', 'd');
    channel.ack(3, true);
    expect(await leftAfterClose()).toEqual(['d']);
  });

  test('multiple skips what is settled already', async () => {
    await holdUnacked('a', 'b', 'c', 'd');
    channel.ack(2);
    channel.ack(3, true);
    expect(await leftAfterClose()).toEqual(['d']);
  });

  test('multiple of tag 0 settles everything that is outstanding', async () => {
    await holdUnacked('a', 'b', 'c');
    channel.ack(0, true);
    expect(await leftAfterClose()).toEqual([]);
  });

  test('multiple of tag 0 with nothing outstanding is accepted', async () => {
    channel.ack(0, true);
    await channel.call('channel.flow', { active: true });
  });

  test('multiple reaches over several queues and consumers', async () => {
    const second = await channel.exclusiveQueue();
    await channel.consume(queue);
    await channel.consume(second);
    for (let index = 0; index < 10; index += 1) {
      channel.publish({ routingKey: index % 2 === 0 ? queue : second }, String(index));
    }
    await channel.deliveries(10);
    channel.ack(10, true);
    await channel.call('channel.close');
    const other = await channel.client.channel();
    expect([...(await other.drain(queue)), ...(await other.drain(second))]).toEqual([]);
  });

  test('in any order settles exactly the messages that were acked', async () => {
    await holdUnacked('a', 'b', 'c', 'd', 'e', 'f');
    for (const tag of [6, 1, 4]) channel.ack(tag);
    expect(await leftAfterClose()).toEqual(['b', 'c', 'e']);
  });
});

describe('an unknown delivery tag', () => {
  test.each([
    ['ack', 'basic.ack', {}],
    ['ack multiple', 'basic.ack', { multiple: true }],
    ['nack', 'basic.nack', {}],
    ['nack multiple', 'basic.nack', { multiple: true }],
    ['reject', 'basic.reject', {}],
  ] as const)('in %s is refused with 406', async (_, name, flags) => {
    const refusal = await channel.refused(name, { deliveryTag: 99, ...flags });
    expect(refusal).toEqual(channelRefusal(406, 'unknown delivery tag 99'));
  });

  test('is every tag that was acked before', async () => {
    await holdUnacked('a', 'b');
    channel.ack(1);
    channel.ack(1);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('is every tag that a multiple ack covered', async () => {
    await holdUnacked('a', 'b', 'c');
    channel.ack(2, true);
    channel.ack(1);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('is the tag of a no_ack delivery', async () => {
    publish('a');
    await channel.consume(queue, { noAck: true });
    await channel.delivery();
    channel.ack(1);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('is tag 0 without multiple', async () => {
    await holdUnacked('a');
    channel.ack(0);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 0'));
  });

  test('is a tag of another channel', async () => {
    await holdUnacked('a');
    const other = await channel.client.channel();
    other.ack(1);
    expect(await other.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('brings the unacked messages of its channel back', async () => {
    await holdUnacked('a', 'b');
    channel.ack(99);
    await channel.refusal();
    const other = await channel.client.channel();
    expect(await drainWithFlag(other)).toEqual(['a, redelivered', 'b, redelivered']);
  });
});

describe.each(['basic.nack', 'basic.reject'] as const)('%s', (name) => {
  test('with requeue puts the message back where it was, as redelivered', async () => {
    await holdUnacked('a', 'b');
    publish('c');
    channel.send(name, { deliveryTag: 1, requeue: true });
    expect(await drainWithFlag()).toEqual(['a, redelivered', 'c']);
  });

  test('without requeue drops the message', async () => {
    await holdUnacked('a', 'b');
    channel.send(name, { deliveryTag: 1, requeue: false });
    expect(await leftAfterClose()).toEqual(['b']);
  });

  test('with requeue gives the message to the consumer again', async () => {
    publish('a');
    await channel.consume(queue);
    expect(summary(await channel.delivery())).toBe('a');
    channel.send(name, { deliveryTag: 1, requeue: true });
    const again = await channel.delivery();
    expect(summary(again)).toBe('a, redelivered');
    expect(again.fields.deliveryTag).toBe(2);
  });

  test('with requeue may give the message to another consumer', async () => {
    await channel.call('basic.qos', { prefetchCount: 2 });
    publish('a', 'b');
    const consumerTag = await channel.consume(queue);
    await channel.deliveries(2);
    const other = await channel.client.channel();
    await other.consume(queue);
    await channel.call('basic.cancel', { consumerTag });
    channel.send(name, { deliveryTag: 1, requeue: true });
    expect(summary(await other.delivery())).toBe('a, redelivered');
  });
});

describe('basic.nack multiple', () => {
  test('with requeue brings every message up to the tag back in order', async () => {
    await holdUnacked('a', 'b', 'c', 'd');
    publish('e');
    channel.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: true });
    expect(await drainWithFlag()).toEqual([
      'a, redelivered',
      'b, redelivered',
      'c, redelivered',
      'e',
    ]);
  });

  test('without requeue drops every message up to the tag', async () => {
    await holdUnacked('a', 'b', 'c', 'd');
    channel.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: false });
    expect(await leftAfterClose()).toEqual(['d']);
  });

  test('of tag 0 means everything that is outstanding', async () => {
    await holdUnacked('a', 'b', 'c');
    channel.ack(2);
    channel.send('basic.nack', { deliveryTag: 0, multiple: true, requeue: true });
    expect(await drainWithFlag()).toEqual(['a, redelivered', 'c, redelivered']);
  });
});

describe('requeued messages', () => {
  test('return to their place among the ready ones, whatever the order of the nacks', async () => {
    await holdUnacked('a', 'b', 'c', 'd', 'e');
    publish('f', 'g');
    for (const deliveryTag of [4, 1, 5, 2]) {
      channel.send('basic.nack', { deliveryTag, requeue: true });
    }
    expect(await drainWithFlag()).toEqual([
      'a, redelivered',
      'b, redelivered',
      'd, redelivered',
      'e, redelivered',
      'f',
      'g',
    ]);
  });

  test('keep their properties, body and routing', async () => {
    const properties = { messageId: 'm', headers: { a: [1, 'two'] } };
    channel.publish({ routingKey: queue }, 'body', properties);
    await channel.get(queue, false);
    channel.send('basic.nack', { deliveryTag: 1, requeue: true });
    const again = await channel.get(queue);
    expect(again?.content.properties).toEqual(properties);
    expect(again?.body.toString()).toBe('body');
    expect(again?.fields).toMatchObject({ exchange: '', routingKey: queue });
  });
});

describe('unacked messages', () => {
  test('return to their place when the channel is closed', async () => {
    await channel.call('basic.qos', { prefetchCount: 3 });
    publish('a', 'b', 'c', 'd', 'e');
    await channel.consume(queue);
    await channel.deliveries(3);
    channel.ack(2);
    await channel.delivery();
    await channel.call('channel.close');
    const other = await channel.client.channel();
    expect(await drainWithFlag(other)).toEqual([
      'a, redelivered',
      'c, redelivered',
      'd, redelivered',
      'e',
    ]);
  });

  test.each(['close', 'drop'] as const)('return when the connection ends by %s', async (how) => {
    queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true });
    publish('a', 'b', 'c');
    const client = await broker.open();
    const consumer = await client.channel();
    await consumer.call('basic.qos', { prefetchCount: 2 });
    await consumer.consume(queue);
    await consumer.deliveries(2);
    await client[how]();
    await channel.awaitReady(queue, 3);
    expect(await drainWithFlag()).toEqual(['a, redelivered', 'b, redelivered', 'c']);
    await channel.call('queue.delete', { queue });
  });

  test('go to a waiting consumer when the connection that holds them is dropped', async () => {
    queue = uniqueName('shared');
    await channel.call('queue.declare', { queue, durable: true });
    const client = await broker.open();
    const consumer = await client.channel();
    await consumer.consume(queue);
    publish('a', 'b');
    await consumer.deliveries(2);
    const consumerTag = await channel.consume(queue);
    await client.drop();
    const deliveries = await channel.deliveries(2);
    expect(deliveries.map(summary)).toEqual(['a, redelivered', 'b, redelivered']);
    await channel.call('basic.cancel', { consumerTag });
    await channel.call('queue.delete', { queue });
  });
});

describe('basic.recover', () => {
  test('with requeue brings all unacked messages of the channel back, as redelivered', async () => {
    await channel.call('basic.qos', { prefetchCount: 2 });
    publish('a', 'b', 'c');
    await channel.consume(queue);
    await channel.deliveries(2);
    await channel.call('basic.recover', { requeue: true });
    const again = await channel.deliveries(2);
    expect(again.map(summary)).toEqual(['a, redelivered', 'b, redelivered']);
    expect(again.map(({ fields }) => fields.deliveryTag)).toEqual([3, 4]);
  });

  test('leaves messages of other channels alone', async () => {
    await holdUnacked('a');
    const other = await channel.client.channel();
    await other.call('basic.recover', { requeue: true });
    expect(await other.get(queue)).toBeUndefined();
  });

  test('makes the old delivery tags unknown', async () => {
    await holdUnacked('a');
    await channel.call('basic.recover', { requeue: true });
    channel.ack(1);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('with nothing unacked is answered', async () => {
    await channel.call('basic.recover', { requeue: true });
  });

  test('without requeue is refused with 540', async () => {
    expect(await channel.refused('basic.recover', { requeue: false })).toEqual(
      connectionRefusal(540, 'requeue=false'),
    );
  });

  test('recover-async does the same and is not answered', async () => {
    await holdUnacked('a', 'b');
    channel.send('basic.recover-async', { requeue: true });
    expect(await drainWithFlag()).toEqual(['a, redelivered', 'b, redelivered']);
  });
});
