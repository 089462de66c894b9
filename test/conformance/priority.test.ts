// Test thread. Queues with priorities (RabbitMQ: docs/priority; rabbit_priority_queue): order, what
// counts as which priority, and how priorities go together with limits and expiry.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable, FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
});

function priorityQueue(args: FieldTable = {}): Promise<string> {
  return channel.exclusiveQueue({ durable: true, arguments: { 'x-max-priority': 10, ...args } });
}

/** Bodies such as '5a': the digits are the priority, '-' stands for none. */
async function publish(queue: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const priority = Number.parseInt(body, 10);
    await publishAll(channel, queue, [body], Number.isNaN(priority) ? {} : { priority });
  }
}

describe('a queue with x-max-priority', () => {
  test('gives the highest priority first, and each priority in its order', async () => {
    const queue = await priorityQueue();
    await publish(queue, ['0a', '5a', '1a', '9a', '5b', '0b', '9b', '1b']);
    const expected = ['9a', '9b', '5a', '5b', '1a', '1b', '0a', '0b'];
    expect(await channel.drain(queue)).toEqual(expected);
  });

  test('delivers to a consumer in the same order', async () => {
    const queue = await priorityQueue();
    await publish(queue, ['0a', '5a', '1a', '9a', '5b']);
    await channel.consume(queue, { noAck: true });
    expect(await channel.bodies(5)).toEqual(['9a', '5a', '5b', '1a', '0a']);
  });

  test('takes a message without priority as one of priority 0', async () => {
    const queue = await priorityQueue();
    await publish(queue, ['0a', '-b', '0c', '1d']);
    expect(await channel.drain(queue)).toEqual(['1d', '0a', '-b', '0c']);
  });

  test('takes a priority above the maximum as the maximum', async () => {
    const queue = await priorityQueue({ 'x-max-priority': 3 });
    await publish(queue, ['3a', '200b', '3c', '2d', '4e']);
    expect(await channel.drain(queue)).toEqual(['3a', '200b', '3c', '4e', '2d']);
  });

  test('passes the priority on as it was', async () => {
    const queue = await priorityQueue({ 'x-max-priority': 3 });
    await publish(queue, ['200b']);
    expect((await channel.get(queue))?.content.properties.priority).toBe(200);
  });

  test('gives what comes later first, as soon as a consumer has room', async () => {
    const queue = await priorityQueue();
    await channel.call('basic.qos', { prefetchCount: 1 });
    await publish(queue, ['1a', '1b']);
    await channel.consume(queue);
    const first = await channel.delivery();
    await publish(queue, ['7c']);
    channel.ack(first.fields.deliveryTag);
    const second = await channel.delivery();
    channel.ack(second.fields.deliveryTag);
    expect([first, second].map(({ body }) => body.toString())).toEqual(['1a', '7c']);
  });

  test('puts a returned message back at its place in its priority', async () => {
    const queue = await priorityQueue();
    await publish(queue, ['5a', '5b', '1c']);
    const message = await channel.get(queue, false);
    await publish(queue, ['5d', '6e']);
    const { deliveryTag } = message!.fields;
    channel.send('basic.nack', { deliveryTag, requeue: true });
    await channel.awaitReady(queue, 5);
    expect(await channel.drain(queue)).toEqual(['6e', '5a', '5b', '5d', '1c']);
  });

  test('counts and purges all priorities', async () => {
    const queue = await priorityQueue();
    await publish(queue, ['0a', '5b', '9c']);
    await channel.awaitReady(queue, 3);
    const ok = await channel.call('queue.purge', { queue });
    expect(ok.messageCount).toBe(3);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('with x-max-length drops from the head: the highest priority', async () => {
    const queue = await priorityQueue({ 'x-max-length': 2 });
    await publish(queue, ['1a', '5b', '3c']);
    expect(await channel.drain(queue)).toEqual(['3c', '1a']);
  });

  test('expires messages of every priority', async () => {
    const morgue = await openMorgue(channel);
    const queue = await priorityQueue({ ...morgue.arguments, 'x-message-ttl': 100 });
    for (const priority of [0, 9, 5]) {
      channel.publish({ routingKey: queue }, String(priority), { priority });
    }
    expect((await morgue.bodies(3)).sort()).toEqual(['0', '5', '9']);
    await channel.awaitReady(queue, 0);
  });

  test('expires a low priority behind a high one that stays', async () => {
    const morgue = await openMorgue(channel);
    const queue = await priorityQueue(morgue.arguments);
    await publish(queue, ['9a']);
    channel.publish({ routingKey: queue }, 'low', { expiration: '50' });
    expect(await channel.drain(queue)).toContain('9a');
    await channel.awaitReady(queue, 0);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('keeps the order over many messages and priorities', async () => {
    const queue = await priorityQueue();
    const all = Array.from({ length: 500 }, (_, index) => ({ priority: (index * 7) % 11, index }));
    for (const { priority, index } of all) {
      channel.publish({ routingKey: queue }, String(index), { priority });
    }
    await channel.awaitReady(queue, 500);
    const expected = all.toSorted((one, other) => other.priority - one.priority);
    await channel.consume(queue, { noAck: true });
    expect(await channel.bodies(500)).toEqual(expected.map(({ index }) => String(index)));
  });
});

test('a queue without x-max-priority takes no notice of priorities', async () => {
  const queue = await channel.exclusiveQueue();
  await publish(queue, ['1a', '9b', '5c']);
  expect(await channel.drain(queue)).toEqual(['1a', '9b', '5c']);
});

describe('x-max-priority', () => {
  test.each<[string, FieldValue, string]>([
    ['negative', -1, '{value_negative,-1}'],
    ['above 255', 256, '{max_value_exceeded,256}'],
    ['a string', '10', '"expected integer, got longstr"'],
  ])('that is %s is refused with 406', async (_, value, term) => {
    const args = { 'x-max-priority': value };
    const refusal = await channel.refused('queue.declare', { queue: 'refused', arguments: args });
    const text = `invalid arg 'x-max-priority' for queue 'refused' in vhost '/': ${term}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('of another value on redeclaration is refused with 406', async () => {
    const queue = uniqueName('priority');
    const declare = { queue, exclusive: true, arguments: { 'x-max-priority': 5 } };
    await channel.call('queue.declare', declare);
    const changed = { ...declare, arguments: { 'x-max-priority': 6 } };
    const text = `inequivalent arg 'x-max-priority' for queue '${queue}' in vhost '/': `;
    expect(await channel.refused('queue.declare', changed)).toEqual(channelRefusal(406, text));
  });

  test('of 255 has 256 priorities', async () => {
    const queue = await priorityQueue({ 'x-max-priority': 255 });
    await publish(queue, ['254a', '255b', '0c']);
    expect(await channel.drain(queue)).toEqual(['255b', '254a', '0c']);
  });
});
