// Test thread. Consumers (specification 1.8.3.3 to 1.8.3.6; RabbitMQ: docs/consumers,
// docs/consumer-cancel, docs/consumer-priority): tags, cancel, sharing, exclusive, priorities, and
// the broker's own basic.cancel.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { typed } from '../support/wire/field-values.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

function publish(bodies: Iterable<string>): void {
  for (const body of bodies) channel.publish({ routingKey: queue }, body);
}

describe('basic.consume', () => {
  test('delivers what is there and what comes later, in order, with tags from 1', async () => {
    publish(['a', 'b']);
    const consumerTag = await channel.consume(queue);
    publish(['c']);
    const deliveries = await channel.deliveries(3);
    expect(deliveries.map(({ body }) => body.toString())).toEqual(['a', 'b', 'c']);
    deliveries.forEach(({ fields }, index) => {
      expect(fields).toEqual({
        consumerTag,
        deliveryTag: index + 1,
        redelivered: false,
        exchange: '',
        routingKey: queue,
      });
    });
  });

  test('without a tag gives amq.ctag- and a new one each time', async () => {
    const [one, two] = [await channel.consume(queue), await channel.consume(queue)];
    expect(one).toMatch(/^amq\.ctag-.{10,}$/);
    expect(two).not.toBe(one);
  });

  test('uses the tag that the client chose, and so may another channel', async () => {
    const fields = { consumerTag: 'mine', noAck: true };
    expect(await channel.consume(queue, fields)).toBe('mine');
    const other = await channel.client.channel();
    expect(await other.consume(queue, fields)).toBe('mine');
  });

  test('with a tag that the channel uses already is refused with 530', async () => {
    await channel.consume(queue, { consumerTag: 'mine' });
    const refusal = await channel.refused('basic.consume', { queue, consumerTag: 'mine' });
    expect(refusal).toEqual(connectionRefusal(530, "attempt to reuse consumer tag 'mine'"));
  });

  test('with nowait is not answered but delivers', async () => {
    publish(['a']);
    channel.send('basic.consume', { queue, consumerTag: 'mine', noAck: true, nowait: true });
    expect((await channel.delivery()).fields.consumerTag).toBe('mine');
  });

  test('of a missing queue is refused with 404', async () => {
    const missing = uniqueName('missing');
    expect(await channel.refused('basic.consume', { queue: missing })).toEqual(
      channelRefusal(404, `no queue '${missing}' in vhost '/'`),
    );
  });

  test('with no_ack settles at once: nothing comes back when the channel closes', async () => {
    publish(['a']);
    await channel.consume(queue, { noAck: true });
    await channel.delivery();
    await channel.call('channel.close');
    const other = await channel.client.channel();
    expect(await other.get(queue)).toBeUndefined();
  });

  test('with no_local delivers own messages all the same', async () => {
    await channel.consume(queue, { noLocal: true, noAck: true });
    publish(['own']);
    expect(await channel.bodies(1)).toEqual(['own']);
  });

  test('ignores arguments that it does not know', async () => {
    await channel.consume(queue, { arguments: { 'x-unheard-of': [1, { a: 'b' }] } });
  });

  test('counts as a consumer in declare-ok until it is cancelled', async () => {
    const consumerTag = await channel.consume(queue);
    await channel.consume(queue);
    expect(await channel.counts(queue)).toEqual({ messages: 0, consumers: 2 });
    await channel.call('basic.cancel', { consumerTag });
    expect(await channel.counts(queue)).toEqual({ messages: 0, consumers: 1 });
  });
});

describe('an exclusive consumer', () => {
  const TEXT = (name: string): string => `queue '${name}' in vhost '/' in exclusive use`;

  test('refuses a second consumer with 403', async () => {
    await channel.consume(queue, { exclusive: true });
    const other = await channel.client.channel();
    expect(await other.refused('basic.consume', { queue })).toEqual(
      channelRefusal(403, TEXT(queue)),
    );
  });

  test('is refused with 403 where there is a consumer', async () => {
    await channel.consume(queue);
    const other = await channel.client.channel();
    expect(await other.refused('basic.consume', { queue, exclusive: true })).toEqual(
      channelRefusal(403, TEXT(queue)),
    );
  });

  test('makes room when it is cancelled', async () => {
    const consumerTag = await channel.consume(queue, { exclusive: true });
    await channel.call('basic.cancel', { consumerTag });
    await channel.consume(queue);
  });

  test('makes room when its channel is closed', async () => {
    await channel.consume(queue, { exclusive: true });
    await channel.call('channel.close');
    const other = await channel.client.channel();
    await other.consume(queue, { exclusive: true });
  });
});

describe('several consumers of a queue', () => {
  test('take turns', async () => {
    const tags = ['one', 'two', 'three'];
    await channel.call('basic.qos', { prefetchCount: 100 });
    for (const consumerTag of tags) await channel.consume(queue, { consumerTag });
    publish(Array.from({ length: 30 }, (_, index) => String(index)));
    const deliveries = await channel.deliveries(30);
    for (const consumerTag of tags) {
      const own = deliveries.filter(({ fields }) => fields.consumerTag === consumerTag);
      expect(own).toHaveLength(10);
    }
  });

  test('with different priorities: the higher one is served while it has room', async () => {
    await channel.call('basic.qos', { prefetchCount: 2 });
    await channel.consume(queue, { consumerTag: 'low', arguments: { 'x-priority': -5 } });
    await channel.consume(queue, { consumerTag: 'normal' });
    const arguments_ = { 'x-priority': typed('l', 10n) };
    await channel.consume(queue, { consumerTag: 'high', arguments: arguments_ });
    publish(['a', 'b', 'c', 'd', 'e', 'f']);
    const deliveries = await channel.deliveries(6);
    expect(deliveries.map(({ fields }) => fields.consumerTag)).toEqual([
      'high',
      'high',
      'normal',
      'normal',
      'low',
      'low',
    ]);
  });

  test('with different priorities: the higher one is served again after its ack', async () => {
    await channel.call('basic.qos', { prefetchCount: 1 });
    await channel.consume(queue, { consumerTag: 'low' });
    await channel.consume(queue, { consumerTag: 'high', arguments: { 'x-priority': 1 } });
    publish(['a', 'b']);
    const [first] = await channel.deliveries(2);
    expect(first.fields.consumerTag).toBe('high');
    channel.ack(first.fields.deliveryTag);
    // The queue has to have seen the ack before the next message comes.
    await channel.get(queue);
    publish(['c']);
    expect((await channel.delivery()).fields.consumerTag).toBe('high');
  });

  test('with an x-priority that is no integer are refused with 406', async () => {
    const refusal = await channel.refused('basic.consume', {
      queue,
      arguments: { 'x-priority': 'high' },
    });
    expect(refusal).toEqual(channelRefusal(406));
  });
});

describe('basic.cancel', () => {
  test('ends deliveries; what was delivered stays unacked', async () => {
    publish(['a']);
    const consumerTag = await channel.consume(queue);
    const { fields } = await channel.delivery();
    expect(await channel.call('basic.cancel', { consumerTag })).toEqual({ consumerTag });
    publish(['b']);
    expect(await channel.settled(queue, 1)).toEqual([]);
    channel.ack(fields.deliveryTag);
    expect(await channel.drain(queue)).toEqual(['b']);
  });

  test('of an unknown tag is answered', async () => {
    expect(await channel.call('basic.cancel', { consumerTag: 'unknown' })).toEqual({
      consumerTag: 'unknown',
    });
  });

  test('with nowait is not answered but done', async () => {
    const consumerTag = await channel.consume(queue);
    channel.send('basic.cancel', { consumerTag, nowait: true });
    expect(await channel.counts(queue)).toEqual({ messages: 0, consumers: 0 });
  });

  test('frees the tag', async () => {
    for (let round = 0; round < 3; round += 1) {
      await channel.consume(queue, { consumerTag: 'again' });
      await channel.call('basic.cancel', { consumerTag: 'again' });
    }
  });
});

describe("the broker's basic.cancel", () => {
  test('tells a consumer that its queue was deleted', async () => {
    const consumerTag = await channel.consume(queue);
    const other = await channel.client.channel();
    await other.call('queue.delete', { queue });
    const { fields } = await channel.expect('basic.cancel');
    expect(fields).toEqual({ consumerTag, nowait: true });
  });

  test('reaches every consumer, also on other connections', async () => {
    const shared = uniqueName('shared');
    await channel.call('queue.declare', { queue: shared, durable: true });
    const other = await broker.channel();
    for (const each of [channel, other]) {
      await each.consume(shared, { consumerTag: 'one' });
      await each.consume(shared, { consumerTag: 'two' });
    }
    await (await broker.channel()).call('queue.delete', { queue: shared });
    for (const each of [channel, other]) {
      const tags = [await each.expect('basic.cancel'), await each.expect('basic.cancel')];
      expect(tags.map(({ fields }) => fields.consumerTag).sort()).toEqual(['one', 'two']);
    }
  });

  test('frees the tag for another consumer', async () => {
    await channel.consume(queue, { consumerTag: 'mine' });
    channel.send('queue.delete', { queue, nowait: true });
    await channel.expect('basic.cancel');
    const next = await channel.exclusiveQueue();
    expect(await channel.consume(next, { consumerTag: 'mine' })).toBe('mine');
  });

  test('is not sent to a client without consumer_cancel_notify', async () => {
    const quiet = await broker.channel({ capabilities: {} });
    const own = await quiet.exclusiveQueue();
    await quiet.consume(own);
    const other = await quiet.client.channel();
    await other.call('queue.delete', { queue: own });
    const still = await quiet.exclusiveQueue();
    expect(await quiet.settled(still, 0)).toEqual([]);
  });
});
