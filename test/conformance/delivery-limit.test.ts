// Test thread. Quorum queues count how often a delivery failed (RabbitMQ:
// docs/quorum-queues#poison-message-handling): the header x-delivery-count, and what becomes of a
// message that failed too often. Failures here are basic.reject with requeue and channels that
// close: what counts as one in every release.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { deathSummary, openMorgue } from '../support/dead-letters.ts';
import { useQuorumQueue } from '../support/quorum-queue.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { Incoming } from '../support/raw-client.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

const declareQuorum = useQuorumQueue(broker, (made) => {
  ({ channel, queue } = made);
});

/** How often the delivery failed before; none is 0. */
function failuresOf(message: Incoming): number {
  return Number(message.content.properties.headers?.['x-delivery-count'] ?? 0);
}

function requeue(message: Incoming<'basic.deliver'>): void {
  const { deliveryTag } = message.fields;
  channel.send('basic.reject', { deliveryTag, requeue: true });
}

describe('x-delivery-count', () => {
  test('is not there at first, and counts what was rejected with requeue', async () => {
    await declareQuorum({ 'x-delivery-limit': 10 });
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    const first = await channel.delivery();
    expect(first.content.properties.headers ?? {}).not.toHaveProperty('x-delivery-count');
    requeue(first);
    for (let count = 1; count < 4; count += 1) {
      const again = await channel.delivery();
      expect(failuresOf(again)).toBe(count);
      expect(again.fields.redelivered).toBe(true);
      requeue(again);
    }
  });

  test('counts a channel that closed without an ack', async () => {
    await declareQuorum();
    await publishAll(channel, queue, ['x']);
    const other = await channel.client.channel();
    await other.consume(queue);
    await other.delivery();
    await other.call('channel.close');
    await channel.consume(queue);
    expect(failuresOf(await channel.delivery())).toBe(1);
  });

  test('counts a connection that was lost', async () => {
    await declareQuorum();
    await publishAll(channel, queue, ['x']);
    const other = await broker.channel();
    await other.consume(queue);
    await other.delivery();
    await other.client.drop();
    await channel.consume(queue);
    expect(failuresOf(await channel.delivery())).toBe(1);
  });

  test('leaves the other headers alone', async () => {
    await declareQuorum();
    await publishAll(channel, queue, ['x'], { headers: { own: 'header' }, messageId: 'm' });
    await channel.consume(queue);
    requeue(await channel.delivery());
    const { properties } = (await channel.delivery()).content;
    expect(properties).toMatchObject({ headers: { own: 'header' }, messageId: 'm' });
  });

  test('is for quorum queues only', async () => {
    await channel.call('queue.declare', { queue, durable: true });
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    requeue(await channel.delivery());
    const again = await channel.delivery();
    expect(again.fields.redelivered).toBe(true);
    expect(again.content.properties.headers ?? {}).not.toHaveProperty('x-delivery-count');
  });
});

describe('x-delivery-limit', () => {
  test('drops a message that failed more often', async () => {
    await declareQuorum({ 'x-delivery-limit': 2 });
    await publishAll(channel, queue, ['poison', 'good']);
    await channel.consume(queue);
    const seen: string[] = [];
    for (let delivery = 0; delivery < 4; delivery += 1) {
      const message = await channel.delivery();
      seen.push(message.body.toString());
      if (message.body.toString() === 'poison') requeue(message);
    }
    expect(seen.filter((body) => body === 'poison')).toHaveLength(3);
    expect(await channel.settled(queue, 0)).toEqual([]);
  });

  test('makes it a dead letter where there is an exchange for that', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum({ 'x-delivery-limit': 1, ...morgue.arguments });
    await publishAll(channel, queue, ['poison']);
    await channel.consume(queue);
    requeue(await channel.delivery());
    requeue(await channel.delivery());
    const dead = await morgue.next();
    expect(dead.body.toString()).toBe('poison');
    expect(deathSummary(dead)).toEqual([['delivery_limit', queue, 1]]);
    expect(dead.content.properties.headers).toMatchObject({
      'x-first-death-reason': 'delivery_limit',
      'x-first-death-queue': queue,
    });
  });

  test('of 0 allows one delivery', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum({ 'x-delivery-limit': 0, ...morgue.arguments });
    await publishAll(channel, queue, ['poison']);
    await channel.consume(queue);
    requeue(await channel.delivery());
    expect(await morgue.bodies(1)).toEqual(['poison']);
  });

  test('holds for channels that close, too', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum({ 'x-delivery-limit': 1, ...morgue.arguments });
    await publishAll(channel, queue, ['poison']);
    for (let count = 0; count < 2; count += 1) {
      const other = await channel.client.channel();
      await other.consume(queue);
      await other.delivery();
      await other.call('channel.close');
    }
    expect(await morgue.bodies(1)).toEqual(['poison']);
  });

  test('leaves alone a message that is rejected for good: that is another reason', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum({ 'x-delivery-limit': 5, ...morgue.arguments });
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    const { fields } = await channel.delivery();
    channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: false });
    expect(deathSummary(await morgue.next())).toEqual([['rejected', queue, 1]]);
  });

  test('that nobody sets', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum(morgue.arguments);
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    for (let count = 0; count <= 20; count += 1) requeue(await channel.delivery());
    const answer = await Promise.race([channel.next(), morgue.next()]);
    const outcome = answer.content.properties.headers?.['x-death'] === undefined;
    expect(outcome ? 'delivered' : 'dead').toBe(
      expectedOn(broker, differences.afterTwentyFailures),
    );
  });

  test('on a classic queue is refused with 406', async () => {
    const refusal = await channel.refused('queue.declare', {
      queue: 'refused',
      durable: true,
      arguments: { 'x-delivery-limit': 5 },
    });
    const text = "invalid arg 'x-delivery-limit' for queue 'refused' in vhost '/'";
    expect(refusal).toEqual(channelRefusal(406, text));
  });
});

describe('a quorum queue', () => {
  test.each([
    ['exclusive', { exclusive: true }, 'exclusive-owner'],
    ['auto-delete', { autoDelete: true }, 'auto-delete'],
    ['transient', { durable: false }, 'non-durable'],
  ])('that is %s is refused with 406', async (_, flags, property) => {
    const refusal = await channel.refused('queue.declare', {
      queue: 'refused',
      durable: true,
      ...flags,
      arguments: { 'x-queue-type': 'quorum' },
    });
    const text = `invalid property '${property}' for queue 'refused' in vhost '/'`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('gives unacked messages back in their order', async () => {
    await declareQuorum();
    await publishAll(channel, queue, ['a', 'b', 'c']);
    const other = await channel.client.channel();
    await other.consume(queue);
    await other.deliveries(3);
    await other.call('channel.close');
    await channel.consume(queue);
    expect(await channel.bodies(3)).toEqual(['a', 'b', 'c']);
  });

  test('has a single active consumer, if it is declared so', async () => {
    await declareQuorum({ 'x-single-active-consumer': true });
    const [first, second] = [await broker.channel(), await broker.channel()];
    await first.consume(queue, { noAck: true });
    await second.consume(queue, { noAck: true });
    await publishAll(channel, queue, ['a', 'b']);
    expect(await first.bodies(2)).toEqual(['a', 'b']);
    await first.client.drop();
    await publishAll(channel, queue, ['c']);
    expect(await second.bodies(1)).toEqual(['c']);
  });

  test('with a single active consumer refuses basic.get with 405', async () => {
    await declareQuorum({ 'x-single-active-consumer': true });
    expect(await channel.refused('basic.get', { queue })).toEqual(channelRefusal(405));
  });
});
