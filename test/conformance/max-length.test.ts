// Test thread. Queues with a limit (RabbitMQ: docs/maxlength; rabbit_amqqueue_process): messages and
// bytes, ready ones only; dropping the oldest or refusing the newest.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { deathSummary, openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable, FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let publisher: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
  publisher = await channel.client.channel();
  await publisher.call('confirm.select');
});

function queueWith(args: FieldTable): Promise<string> {
  return channel.exclusiveQueue({ arguments: args });
}

/** Publishes one after the other, each when the one before is settled. */
async function publishEach(queue: string, bodies: readonly string[]): Promise<string[]> {
  const results = [];
  const fresh = await channel.client.channel();
  await fresh.call('confirm.select');
  for (const [index, body] of bodies.entries()) {
    fresh.publish({ routingKey: queue }, body);
    results.push(...(await outcomes(fresh, index + 1, index + 1)));
  }
  return results;
}

describe('x-max-length', () => {
  test('drops the oldest messages, which are confirmed', async () => {
    const queue = await queueWith({ 'x-max-length': 3 });
    await publishAll(channel, queue, ['a', 'b', 'c', 'd', 'e']);
    await channel.awaitReady(queue, 3);
    expect(await channel.drain(queue)).toEqual(['c', 'd', 'e']);
  });

  test('of 0 keeps nothing, and delivers to a consumer that is waiting', async () => {
    const queue = await queueWith({ 'x-max-length': 0 });
    await publishAll(channel, queue, ['lost']);
    expect(await channel.get(queue)).toBeUndefined();
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'taken');
    expect(await channel.bodies(1)).toEqual(['taken']);
  });

  test('counts ready messages only', async () => {
    const queue = await queueWith({ 'x-max-length': 2 });
    await publishAll(channel, queue, ['a', 'b']);
    await channel.get(queue, false);
    await channel.get(queue, false);
    await publishAll(channel, queue, ['c', 'd', 'e']);
    expect(await channel.drain(queue)).toEqual(['d', 'e']);
  });

  test('holds for messages that are returned: they are the oldest, and dropped', async () => {
    const queue = await queueWith({ 'x-max-length': 2 });
    await publishAll(channel, queue, ['a', 'b']);
    await channel.get(queue, false);
    await channel.get(queue, false);
    await publishAll(channel, queue, ['c']);
    channel.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
    await channel.awaitReady(queue, 2);
    expect(await channel.drain(queue)).toEqual(['b', 'c']);
  });

  test('makes dead letters of what it drops, in order', async () => {
    const morgue = await openMorgue(channel);
    const queue = await queueWith({ ...morgue.arguments, 'x-max-length': 1 });
    await publishAll(channel, queue, ['a', 'b', 'c', 'd']);
    expect(await morgue.bodies(3)).toEqual(['a', 'b', 'c']);
  });

  test.each<[string, FieldValue, string]>([
    ['negative', -1, '{value_negative,-1}'],
    ['a string', '10', '"expected integer, got longstr"'],
  ])('that is %s is refused with 406', async (_, value, term) => {
    const args = { 'x-max-length': value };
    const refusal = await channel.refused('queue.declare', { queue: 'refused', arguments: args });
    const text = `invalid arg 'x-max-length' for queue 'refused' in vhost '/': ${term}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });
});

describe('x-max-length-bytes', () => {
  test('drops the oldest messages until the bodies fit', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 100 });
    await publishAll(channel, queue, ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(60)]);
    expect(await channel.drain(queue)).toEqual(['b'.repeat(40), 'c'.repeat(60)]);
  });

  test('counts bodies only, not properties', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 20 });
    const headers = { long: 'x'.repeat(1000) };
    await publishAll(channel, queue, ['a'.repeat(10), 'b'.repeat(10)], { headers });
    await channel.awaitReady(queue, 2);
  });

  test('drops a message that is larger than all of it, and those before it', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 50 });
    await publishAll(channel, queue, ['small', 'x'.repeat(51)]);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('of 0 keeps messages without a body', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 0 });
    await publishAll(channel, queue, ['', 'x', '']);
    expect(await channel.drain(queue)).toEqual(['']);
  });

  test.each([
    ['messages', { 'x-max-length': 2, 'x-max-length-bytes': 1000 }, ['bbbb', 'cccc']],
    ['bytes', { 'x-max-length': 100, 'x-max-length-bytes': 5 }, ['cccc']],
  ])('beside x-max-length: the limit of %s that is reached first counts', async (...of) => {
    const queue = await queueWith(of[1]);
    await publishAll(channel, queue, ['aaaa', 'bbbb', 'cccc']);
    expect(await channel.drain(queue)).toEqual(of[2]);
  });
});

describe.each(['reject-publish', 'reject-publish-dlx'])('x-overflow %s', (overflow) => {
  test('nacks what does not fit and keeps what is there', async () => {
    const queue = await queueWith({ 'x-max-length': 2, 'x-overflow': overflow });
    expect(await publishEach(queue, ['a', 'b', 'c', 'd'])).toEqual(['ack', 'ack', 'nack', 'nack']);
    expect(await channel.drain(queue)).toEqual(['a', 'b']);
  });

  test('takes messages again when there is room', async () => {
    const queue = await queueWith({ 'x-max-length': 1, 'x-overflow': overflow });
    expect(await publishEach(queue, ['a', 'b'])).toEqual(['ack', 'nack']);
    expect(await channel.drain(queue)).toEqual(['a']);
    expect(await publishEach(queue, ['c'])).toEqual(['ack']);
    expect(await channel.drain(queue)).toEqual(['c']);
  });

  test('counts ready messages only', async () => {
    const queue = await queueWith({ 'x-max-length': 1, 'x-overflow': overflow });
    expect(await publishEach(queue, ['a'])).toEqual(['ack']);
    await channel.get(queue, false);
    expect(await publishEach(queue, ['b', 'c'])).toEqual(['ack', 'nack']);
  });

  test('holds for x-max-length-bytes', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 10, 'x-overflow': overflow });
    const bodies = ['a'.repeat(6), 'b'.repeat(6), 'c'.repeat(4), ''];
    expect(await publishEach(queue, bodies)).toEqual(['ack', 'nack', 'ack', 'ack']);
    expect(await channel.drain(queue)).toEqual([bodies[0], bodies[2], bodies[3]]);
  });

  test('with a limit of 0 nacks everything', async () => {
    const queue = await queueWith({ 'x-max-length': 0, 'x-overflow': overflow });
    expect(await publishEach(queue, ['a', 'b'])).toEqual(['nack', 'nack']);
  });

  test('drops without a word when the channel is not in confirm mode', async () => {
    const queue = await queueWith({ 'x-max-length': 1, 'x-overflow': overflow });
    for (const body of ['a', 'b', 'c']) channel.publish({ routingKey: queue }, body);
    await channel.awaitReady(queue, 1);
    expect(await channel.drain(queue)).toEqual(['a']);
    expect(await channel.settled(queue, 0)).toEqual([]);
  });

  test('does not return a mandatory message: it was routed', async () => {
    const queue = await queueWith({ 'x-max-length': 0, 'x-overflow': overflow });
    publisher.publish({ routingKey: queue, mandatory: true }, 'x');
    expect(await outcomes(publisher, 1)).toEqual(['nack']);
  });

  test('takes back returned messages, whatever the limit', async () => {
    const queue = await queueWith({ 'x-max-length': 1, 'x-overflow': overflow });
    await publishEach(queue, ['a']);
    await channel.get(queue, false);
    await publishEach(queue, ['b']);
    channel.send('basic.nack', { deliveryTag: 1, requeue: true });
    await channel.awaitReady(queue, 2);
    expect(await publishEach(queue, ['c'])).toEqual(['nack']);
    expect(await channel.drain(queue)).toEqual(['a', 'b']);
  });

  test('settles every publish of a burst once', async () => {
    const queue = await queueWith({ 'x-max-length': 10, 'x-overflow': overflow });
    for (let count = 0; count < 200; count += 1) publisher.publish({ routingKey: queue }, 'x');
    const settled = await outcomes(publisher, 200);
    const acked = settled.filter((outcome) => outcome === 'ack').length;
    expect(settled.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'ack'));
    await channel.awaitReady(queue, acked);
    expect(acked).toBe(10);
  });
});

describe('a message that several queues should take', () => {
  let routingKey: string;
  let full: string;
  let roomy: string;

  beforeEach(async () => {
    routingKey = uniqueName('key');
    full = await queueWith({ 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    roomy = await channel.exclusiveQueue();
    for (const queue of [full, roomy]) {
      await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey });
    }
  });

  test('is nacked when one of them refuses, and is in the others all the same', async () => {
    publisher.publish({ exchange: 'amq.direct', routingKey }, 'x');
    expect(await outcomes(publisher, 1)).toEqual(['nack']);
    expect(await channel.drain(roomy)).toEqual(['x']);
  });

  test('is nacked once when all of them refuse', async () => {
    const other = await queueWith({ 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    await channel.call('queue.bind', { queue: other, exchange: 'amq.direct', routingKey });
    publisher.publish({ exchange: 'amq.direct', routingKey }, 'x');
    publisher.publish({ routingKey: roomy }, 'y');
    expect(await outcomes(publisher, 2)).toEqual(['nack', 'ack']);
  });
});

describe('dead letters of a full queue', () => {
  test('reject-publish-dlx sends there what it refuses', async () => {
    const morgue = await openMorgue(channel);
    const limit = { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' };
    const queue = await queueWith({ ...morgue.arguments, ...limit });
    expect(await publishEach(queue, ['a', 'b'])).toEqual(['ack', 'nack']);
    const dead = await morgue.next();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['b', [['maxlen', queue, 1]]]);
    expect(await channel.drain(queue)).toEqual(['a']);
  });

  test('reject-publish sends nothing there', async () => {
    const morgue = await openMorgue(channel);
    const limit = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    const queue = await queueWith({ ...morgue.arguments, ...limit });
    expect(await publishEach(queue, ['a', 'b'])).toEqual(['ack', 'nack']);
    channel.publish({ exchange: morgue.exchange, routingKey: '' }, 'marker');
    expect(await morgue.bodies(1)).toEqual(['marker']);
  });

  test('a dead letter that its next queue refuses is gone', async () => {
    const full = await queueWith({ 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': full };
    const queue = await queueWith({ ...args, 'x-max-length': 1 });
    expect(await publishEach(queue, ['a', 'b'])).toEqual(['ack', 'ack']);
    expect(await channel.drain(queue)).toEqual(['b']);
  });
});

test('x-overflow with an unknown word is refused with 406', async () => {
  const args = { 'x-max-length': 1, 'x-overflow': 'drop-tail' };
  const refusal = await channel.refused('queue.declare', { queue: 'refused', arguments: args });
  const text = "invalid arg 'x-overflow' for queue 'refused' in vhost '/': invalid_overflow";
  expect(refusal).toEqual(channelRefusal(406, text));
});
