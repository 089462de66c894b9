// Test thread. Messages that expire (RabbitMQ: docs/ttl; rabbit_amqqueue_process, rabbit_basic): a
// queue's x-message-ttl, a message's own expiration, what is unacked or returned, TTL 0. Waits are
// for what must happen; nothing is asserted about what has not happened yet.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { deathSummary, type Morgue, openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { typed, type FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const HOUR_MILLIS = 3_600_000;

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
});

function queueWithTtl(ttlMillis: number): Promise<string> {
  return channel.exclusiveQueue({ arguments: { 'x-message-ttl': ttlMillis } });
}

interface Held {
  readonly morgue: Morgue;
  readonly queue: string;
  readonly deliveryTag: number;
}

/** One message of a queue with dead letters is unacked, and nobody consumes any more. */
async function holdOne(): Promise<Held> {
  const morgue = await openMorgue(channel);
  const args = { ...morgue.arguments, 'x-message-ttl': 150 };
  const queue = await channel.exclusiveQueue({ arguments: args });
  await channel.consume(queue);
  channel.publish({ routingKey: queue }, 'held');
  const { consumerTag, deliveryTag } = (await channel.delivery()).fields;
  await channel.call('basic.cancel', { consumerTag });
  return { morgue, queue, deliveryTag };
}

function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

describe('x-message-ttl', () => {
  test('removes a message that was ready for so long', async () => {
    const queue = await queueWithTtl(50);
    await publishAll(channel, queue, ['old']);
    await channel.awaitReady(queue, 0);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('leaves what is younger', async () => {
    const queue = await queueWithTtl(HOUR_MILLIS);
    await publishAll(channel, queue, ['young']);
    await channel.awaitReady(queue, 1);
    expect(await channel.drain(queue)).toEqual(['young']);
  });

  test('removes messages of any kind, in their order', async () => {
    const morgue = await openMorgue(channel);
    const args = { ...morgue.arguments, 'x-message-ttl': 50 };
    const queue = await channel.exclusiveQueue({ durable: true, arguments: args });
    const bodies = Array.from({ length: 20 }, (_, index) => String(index).repeat(index * 400));
    for (const [index, body] of bodies.entries()) {
      channel.publish({ routingKey: queue }, body, { deliveryMode: 1 + (index % 2) });
    }
    expect(await morgue.bodies(20)).toEqual(bodies);
    await channel.awaitReady(queue, 0);
  });

  test('keeps an expired message from a consumer that comes later', async () => {
    const queue = await queueWithTtl(50);
    await publishAll(channel, queue, ['old']);
    await channel.awaitReady(queue, 0);
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'fresh');
    expect(await channel.bodies(1)).toEqual(['fresh']);
  });

  test('of each queue counts for its own copy of a message', async () => {
    const [short, long] = [await queueWithTtl(50), await queueWithTtl(HOUR_MILLIS)];
    for (const queue of [short, long]) {
      await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: short });
    }
    await publishAll(channel, { exchange: 'amq.topic', routingKey: short }, ['copy']);
    await channel.awaitReady(long, 1);
    await channel.awaitReady(short, 0);
    expect(await channel.drain(long)).toEqual(['copy']);
  });

  test('does not touch what is unacked', async () => {
    const { morgue, queue, deliveryTag } = await holdOne();
    channel.publish({ routingKey: queue }, 'waiting');
    expect(await morgue.bodies(1)).toEqual(['waiting']);
    channel.ack(deliveryTag);
    await channel.call('channel.flow', { active: true });
  });

  test('goes on for a message that is returned: it expires at once if its time is up', async () => {
    const { morgue, queue, deliveryTag } = await holdOne();
    await sleep(200);
    channel.send('basic.nack', { deliveryTag, requeue: true });
    const dead = await morgue.next();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['held', [['expired', queue, 1]]]);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test.each<[string, FieldValue, string]>([
    ['negative', -1, '{value_negative,-1}'],
    ['above ten years', 315_360_000_001n, '{value_too_large,315360000001}'],
    ['a string', '1000', '"expected integer, got longstr"'],
    ['a boolean', true, '"expected integer, got bool"'],
  ])('that is %s is refused with 406', async (_, value, term) => {
    const refusal = await channel.refused('queue.declare', {
      queue: 'refused',
      exclusive: true,
      arguments: { 'x-message-ttl': value },
    });
    const text = `invalid arg 'x-message-ttl' for queue 'refused' in vhost '/': ${term}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test.each([
    ['short', typed('s', 50)],
    ['long', 50],
    ['long long', 50n],
    ['byte', typed('b', 50)],
  ])('may be a %s integer', async (_, value) => {
    const queue = await channel.exclusiveQueue({ arguments: { 'x-message-ttl': value } });
    await publishAll(channel, queue, ['old']);
    await channel.awaitReady(queue, 0);
  });
});

describe('expiration', () => {
  test('removes a message that was ready for so long', async () => {
    const queue = await channel.exclusiveQueue();
    await publishAll(channel, queue, ['old'], { expiration: '50' });
    await channel.awaitReady(queue, 0);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test.each([
    [HOUR_MILLIS, '50'],
    [50, String(HOUR_MILLIS)],
  ])('with an x-message-ttl of %i and an expiration of %s: the lower one counts', async (...of) => {
    const queue = await queueWithTtl(of[0]);
    await publishAll(channel, queue, ['old'], { expiration: of[1] });
    await channel.awaitReady(queue, 0);
  });

  test('is passed on to the consumer', async () => {
    const queue = await channel.exclusiveQueue();
    await publishAll(channel, queue, ['young'], { expiration: String(HOUR_MILLIS) });
    await channel.consume(queue, { noAck: true });
    const { content } = await channel.delivery();
    expect(content.properties).toEqual({ expiration: String(HOUR_MILLIS) });
  });

  test('has its effect at the head: what is expired behind it is never delivered', async () => {
    const queue = await channel.exclusiveQueue();
    channel.publish({ routingKey: queue }, 'head');
    channel.publish({ routingKey: queue }, 'expired', { expiration: '1' });
    channel.publish({ routingKey: queue }, 'tail');
    await channel.awaitReady(queue, 3);
    await sleep(50);
    await channel.consume(queue, { noAck: true });
    expect(await channel.bodies(2)).toEqual(['head', 'tail']);
    expect(await channel.settled(queue, 0)).toEqual([]);
  });

  test('has its effect at the head: messages die in the order of the queue', async () => {
    const morgue = await openMorgue(channel);
    const queue = await channel.exclusiveQueue({ arguments: morgue.arguments });
    channel.publish({ routingKey: queue }, 'first', { expiration: '150' });
    channel.publish({ routingKey: queue }, 'second', { expiration: '1' });
    expect(await morgue.bodies(2)).toEqual(['first', 'second']);
  });

  test.each([
    ['abc', 'no_integer'],
    ['', 'no_integer'],
    ['1.5', '{leftover_string,".5"}'],
    ['10s', '{leftover_string,"s"}'],
    ['-1', '{value_negative,-1}'],
    ['315360000001', '{value_too_large,315360000001}'],
  ])("of '%s' closes the channel with 406", async (expiration, term) => {
    const queue = await channel.exclusiveQueue();
    channel.publish({ routingKey: queue }, 'x', { expiration });
    const refusal = await channel.refusal();
    expect(refusal).toEqual(channelRefusal(406, `invalid expiration '${expiration}': ${term}`));
    expect(refusal).toMatchObject({ classId: 60, methodId: 40 });
  });

  test.each(['+50', '0050'])("of '%s' is a number", async (expiration) => {
    const queue = await channel.exclusiveQueue();
    await publishAll(channel, queue, ['old'], { expiration });
    await channel.awaitReady(queue, 0);
  });
});

describe.each<[string, () => Promise<string>, { expiration?: string }]>([
  ['x-message-ttl', () => queueWithTtl(0), {}],
  ['expiration', () => channel.exclusiveQueue(), { expiration: '0' }],
])('a TTL of 0 by %s', (_, declare, properties) => {
  test('delivers to a consumer that is waiting', async () => {
    const queue = await declare();
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'x', properties);
    expect(await channel.bodies(1)).toEqual(['x']);
  });

  test('drops the message where nobody waits, confirmed and not returned', async () => {
    const queue = await declare();
    const publisher = await broker.channel();
    await publisher.call('confirm.select');
    publisher.publish({ routingKey: queue, mandatory: true }, 'x', properties);
    expect(await outcomes(publisher, 1)).toEqual(['ack']);
    await channel.awaitReady(queue, 0);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('drops what a consumer returns', async () => {
    const queue = await declare();
    await channel.consume(queue, { consumerTag: 'mine' });
    channel.publish({ routingKey: queue }, 'x', properties);
    const { fields } = await channel.delivery();
    await channel.call('basic.cancel', { consumerTag: 'mine' });
    channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: true });
    expect(await channel.get(queue)).toBeUndefined();
  });
});
