// Test thread. Where quorum queues are unlike classic ones for a client (RabbitMQ:
// docs/quorum-queues): what they refuse, priorities without a declaration, the active consumer.
// delivery-limit.test.ts and dead-letter-at-least-once.test.ts have the rest.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { openMorgue } from '../support/dead-letters.ts';
import { useQuorumQueue } from '../support/quorum-queue.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { FieldValue } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

const declareQuorum = useQuorumQueue(broker, (made) => {
  ({ channel, queue } = made);
});

describe('queue.declare of a quorum queue', () => {
  test.each<[string, FieldValue]>([
    ['x-max-priority', 5],
    ['x-queue-mode', 'lazy'],
  ])('refuses %s, an argument of classic queues, with 406', async (name, value) => {
    const refusal = await channel.refused('queue.declare', {
      queue,
      durable: true,
      arguments: { 'x-queue-type': 'quorum', [name]: value },
    });
    const text = `invalid arg '${name}' for queue '${queue}' in vhost '/'`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('of a classic queue that is there is refused with 406, and the other way round', async () => {
    await declareQuorum();
    const refusal = await channel.refused('queue.declare', { queue, durable: true });
    const text = `inequivalent arg 'x-queue-type' for queue '${queue}' in vhost '/': `;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('of an unknown type is refused with 406', async () => {
    const args = { 'x-queue-type': 'squorum' };
    const declare = { queue, durable: true, arguments: args };
    const text = `invalid arg 'x-queue-type' for queue '${queue}' in vhost '/': `;
    expect(await channel.refused('queue.declare', declare)).toEqual(channelRefusal(406, text));
  });
});

describe('a quorum queue', () => {
  test('has priorities without being declared so: 0 to 31, none is 4', async () => {
    if (!expectedOn(broker, differences.quorumQueuesHavePriorities)) return;
    await declareQuorum();
    for (const priority of [0, 5, 31, 9, 200]) {
      await publishAll(channel, queue, [String(priority)], { priority });
    }
    await publishAll(channel, queue, ['none']);
    expect(await channel.drain(queue)).toEqual(['31', '200', '9', '5', 'none', '0']);
  });

  test('keeps the order of what is published without priority', async () => {
    await declareQuorum();
    const bodies = Array.from({ length: 100 }, (_, index) => String(index));
    await publishAll(channel, queue, bodies);
    expect(await channel.drain(queue)).toEqual(bodies);
  });

  test('expires messages by x-message-ttl and by expiration', async () => {
    const morgue = await openMorgue(channel);
    await declareQuorum({ 'x-message-ttl': 100, ...morgue.arguments });
    await publishAll(channel, queue, ['a']);
    await publishAll(channel, queue, ['b'], { expiration: '50' });
    expect(await morgue.bodies(2)).toEqual(['a', 'b']);
    await channel.awaitReady(queue, 0);
  });

  test('with x-max-length drops the oldest', async () => {
    await declareQuorum({ 'x-max-length': 2 });
    await publishAll(channel, queue, ['a', 'b', 'c']);
    expect(await channel.drain(queue)).toEqual(['b', 'c']);
  });

  test('with overflow reject-publish nacks in the end, and takes more when there is room', async () => {
    await declareQuorum({ 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await channel.call('confirm.select');
    let number = 0;
    let outcome = '';
    while (outcome !== 'nack' && number < 200) {
      number += 1;
      channel.publish({ routingKey: queue }, String(number));
      [outcome] = await outcomes(channel, number, number);
    }
    expect(outcome).toBe('nack');
    const reader = await channel.client.channel();
    expect((await reader.drain(queue))[0]).toBe('1');
    while (outcome === 'nack' && number < 400) {
      number += 1;
      channel.publish({ routingKey: queue }, String(number));
      [outcome] = await outcomes(channel, number, number);
    }
    expect(outcome).toBe('ack');
  });

  test('does not honour an exclusive consumer', async () => {
    await declareQuorum();
    await channel.consume(queue, { exclusive: true });
    await (await broker.channel()).consume(queue);
  });

  test('makes a consumer of a higher priority the single active one', async () => {
    await declareQuorum({ 'x-single-active-consumer': true });
    const [first, second] = [await broker.channel(), await broker.channel()];
    await first.consume(queue);
    await second.consume(queue, { arguments: { 'x-priority': 5 } });
    await publishAll(channel, queue, ['a']);
    const yields = expectedOn(broker, differences.activeConsumerYieldsToPriority);
    expect(await (yields ? second : first).bodies(1)).toEqual(['a']);
  });

  test('beside a prefetch limit of the channel', async () => {
    await declareQuorum();
    await channel.call('basic.qos', { prefetchCount: 1, global: true });
    channel.send('basic.consume', { queue });
    if (expectedOn(broker, differences.quorumQueuesRefuseGlobalPrefetch)) {
      expect(await channel.refusal()).toMatchObject({ scope: 'connection', code: 540 });
      return;
    }
    await channel.expect('basic.consume-ok');
    await publishAll(channel, queue, ['a', 'b']);
    expect(await channel.bodies(1)).toEqual(['a']);
    expect(await channel.settled(queue, 1)).toEqual([]);
  });

  test.each([
    ['if-unused', { ifUnused: true }],
    ['if-empty', { ifEmpty: true }],
  ])('that is in use and holds messages refuses queue.delete with %s', async (_, flags) => {
    await declareQuorum();
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue);
    await publishAll(channel, queue, ['unacked', 'ready']);
    channel.send('queue.delete', { queue, ...flags });
    const isRefused = expectedOn(broker, differences.quorumQueuesRefuseConditionalDelete);
    expect(await channel.refusal()).toMatchObject(
      isRefused ? { scope: 'connection', code: 540 } : { scope: 'channel', code: 406 },
    );
  });

  test('is purged, and tells how many messages that were', async () => {
    await declareQuorum();
    await publishAll(channel, queue, ['a', 'b', 'c']);
    const ok = await channel.call('queue.purge', { queue });
    expect(ok.messageCount).toBe(3);
    expect(await channel.get(queue)).toBeUndefined();
  });
});
