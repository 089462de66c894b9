// Test thread. Binding, purging and deleting queues, and the empty queue name (specification 1.7.2;
// RabbitMQ: rabbit_channel, rabbit_binding).
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { queueExists } from '../support/presence.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

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

describe('queue.bind', () => {
  test('twice is one binding', async () => {
    const binding = { queue, exchange: 'amq.direct', routingKey: queue };
    await channel.call('queue.bind', binding);
    await channel.call('queue.bind', binding);
    await channel.call('queue.unbind', binding);
    channel.publish({ exchange: 'amq.direct', routingKey: queue }, 'unroutable');
    expect(await channel.drain(queue)).toEqual([]);
  });

  test('with nowait is not answered but done', async () => {
    const binding = { exchange: 'amq.direct', routingKey: queue };
    channel.send('queue.bind', { queue, ...binding, nowait: true });
    channel.publish(binding, 'bound');
    expect(await channel.drain(queue)).toEqual(['bound']);
  });

  test('is in force for a publish of another connection once it is answered', async () => {
    const other = await broker.channel();
    for (let round = 0; round < 20; round += 1) {
      const routingKey = `${queue}.${round}`;
      // Published once before, so that a route cache has something to forget.
      other.publish({ exchange: 'amq.topic', routingKey, mandatory: true }, 'early');
      await other.expect('basic.return');
      await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey });
      other.publish({ exchange: 'amq.topic', routingKey, mandatory: true }, String(round));
      await channel.awaitReady(queue, round + 1);
    }
  });

  test('of a missing queue is refused with 404', async () => {
    const missing = uniqueName('missing');
    const refusal = await channel.refused('queue.bind', { queue: missing, exchange: 'amq.direct' });
    expect(refusal).toEqual(channelRefusal(404, `no queue '${missing}' in vhost '/'`));
  });

  test('to a missing exchange is refused with 404', async () => {
    const exchange = uniqueName('missing');
    const refusal = await channel.refused('queue.bind', { queue, exchange });
    expect(refusal).toEqual(channelRefusal(404, `no exchange '${exchange}' in vhost '/'`));
  });
});

describe('queue.unbind', () => {
  test('of a binding that is not there is answered', async () => {
    await channel.call('queue.unbind', { queue, exchange: 'amq.direct', routingKey: 'none' });
  });

  test('removes only the binding with the same key', async () => {
    for (const routingKey of [`${queue}.a`, `${queue}.b`]) {
      await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey });
    }
    await channel.call('queue.unbind', { queue, exchange: 'amq.direct', routingKey: `${queue}.a` });
    for (const suffix of ['a', 'b']) {
      channel.publish({ exchange: 'amq.direct', routingKey: `${queue}.${suffix}` }, suffix);
    }
    expect(await channel.drain(queue)).toEqual(['b']);
  });
});

describe('the empty queue name', () => {
  test('means the queue declared last on the channel', async () => {
    const last = await channel.exclusiveQueue();
    channel.publish({ routingKey: last }, 'a');
    channel.publish({ routingKey: last }, 'b');
    expect((await channel.get(''))?.body.toString()).toBe('a');
    expect(await channel.call('queue.purge', { queue: '' })).toEqual({ messageCount: 1 });
    const consumerTag = await channel.consume('');
    expect(await channel.counts(last)).toMatchObject({ consumers: 1 });
    await channel.call('basic.cancel', { consumerTag });
    await channel.call('queue.delete', { queue: '' });
    expect(await queueExists(channel.client, last)).toBe(false);
    expect(await queueExists(channel.client, queue)).toBe(true);
  });

  test('binds with the queue name as routing key when that is empty too', async () => {
    await channel.call('queue.bind', { queue: '', exchange: 'amq.direct', routingKey: '' });
    channel.publish({ exchange: 'amq.direct', routingKey: queue }, 'by name');
    expect(await channel.drain(queue)).toEqual(['by name']);
  });

  test('binds with the routing key that is given', async () => {
    const routingKey = uniqueName('key');
    await channel.call('queue.bind', { queue: '', exchange: 'amq.direct', routingKey });
    channel.publish({ exchange: 'amq.direct', routingKey }, 'by key');
    expect(await channel.drain(queue)).toEqual(['by key']);
  });

  test('in a passive declare is a queue that is missing: 404', async () => {
    const refusal = await channel.refused('queue.declare', { queue: '', passive: true });
    expect(refusal).toEqual(channelRefusal(404, "no queue '' in vhost '/'"));
  });

  test.each(['queue.bind', 'queue.purge', 'queue.delete', 'basic.consume', 'basic.get'] as const)(
    'in %s on a channel that declared none is refused with 404',
    async (name) => {
      const fresh = await channel.client.channel();
      const refusal = await fresh.refused(name, { queue: '', exchange: 'amq.direct' });
      expect(refusal).toEqual(channelRefusal(404, 'no previously declared queue'));
    },
  );
});

describe('queue.purge', () => {
  test('removes the ready messages and tells how many', async () => {
    publish('a', 'b', 'c');
    expect(await channel.call('queue.purge', { queue })).toEqual({ messageCount: 3 });
    expect(await channel.drain(queue)).toEqual([]);
  });

  test('of an empty queue tells 0', async () => {
    expect(await channel.call('queue.purge', { queue })).toEqual({ messageCount: 0 });
  });

  test('leaves unacked messages alone', async () => {
    publish('a', 'b', 'c');
    const message = await channel.get(queue, false);
    expect(await channel.call('queue.purge', { queue })).toEqual({ messageCount: 2 });
    channel.send('basic.nack', { deliveryTag: message!.fields.deliveryTag, requeue: true });
    expect(await channel.drain(queue)).toEqual(['a']);
  });

  test('with nowait is not answered but done', async () => {
    publish('a', 'b');
    channel.send('queue.purge', { queue, nowait: true });
    await channel.awaitReady(queue, 0);
  });

  test('of a missing queue is refused with 404', async () => {
    const missing = uniqueName('missing');
    expect(await channel.refused('queue.purge', { queue: missing })).toEqual(
      channelRefusal(404, `no queue '${missing}' in vhost '/'`),
    );
  });
});

describe('queue.delete', () => {
  test('tells how many ready messages it held', async () => {
    publish('a', 'b', 'c');
    expect(await channel.call('queue.delete', { queue })).toEqual({ messageCount: 3 });
    expect(await queueExists(channel.client, queue)).toBe(false);
  });

  test('of a missing queue is answered with 0', async () => {
    const ok = await channel.call('queue.delete', { queue: uniqueName('missing') });
    expect(ok).toEqual({ messageCount: 0 });
  });

  test('with nowait is not answered but done', async () => {
    channel.send('queue.delete', { queue, nowait: true });
    expect(await channel.refused('queue.declare', { queue, passive: true })).toEqual(
      channelRefusal(404),
    );
  });

  test('if-unused of a queue with a consumer is refused with 406', async () => {
    await channel.consume(queue);
    const refusal = await channel.refused('queue.delete', { queue, ifUnused: true });
    expect(refusal).toEqual(channelRefusal(406, `queue '${queue}' in vhost '/' in use`));
  });

  test('if-empty of a queue with a message is refused with 406', async () => {
    publish('a');
    const refusal = await channel.refused('queue.delete', { queue, ifEmpty: true });
    expect(refusal).toEqual(channelRefusal(406, `queue '${queue}' in vhost '/' not empty`));
  });

  test('if-unused and if-empty of a queue that is both is answered', async () => {
    await channel.call('queue.delete', { queue, ifUnused: true, ifEmpty: true });
    expect(await queueExists(channel.client, queue)).toBe(false);
  });

  test('removes the messages: a new queue of that name is empty', async () => {
    const name = uniqueName('again');
    await channel.call('queue.declare', { queue: name, exclusive: true });
    channel.publish({ routingKey: name }, 'old');
    await channel.call('queue.delete', { queue: name });
    await channel.call('queue.declare', { queue: name, exclusive: true });
    expect(await channel.drain(name)).toEqual([]);
  });

  test('removes the bindings: a new queue of that name has none', async () => {
    const name = uniqueName('again');
    await channel.call('queue.declare', { queue: name, exclusive: true });
    await channel.call('queue.bind', { queue: name, exchange: 'amq.direct', routingKey: name });
    await channel.call('queue.delete', { queue: name });
    await channel.call('queue.declare', { queue: name, exclusive: true });
    channel.publish({ exchange: 'amq.direct', routingKey: name }, 'unroutable');
    channel.publish({ routingKey: name }, 'direct');
    expect(await channel.drain(name)).toEqual(['direct']);
  });

  test('makes later acks of its deliveries harmless', async () => {
    publish('a', 'b');
    await channel.consume(queue);
    const deliveries = await channel.deliveries(2);
    channel.send('queue.delete', { queue, nowait: true });
    await channel.expect('basic.cancel');
    channel.ack(deliveries[0].fields.deliveryTag);
    channel.send('basic.nack', { deliveryTag: deliveries[1].fields.deliveryTag, requeue: true });
    await channel.call('channel.flow', { active: true });
  });
});
