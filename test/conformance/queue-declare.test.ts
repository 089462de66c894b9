// Test thread. Declaring queues (specification 1.7.2.1; RabbitMQ: rabbit_channel, rabbit_amqqueue):
// names, flags, equivalence, exclusive and auto-delete queues, the counts in declare-ok.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { awaitQueueGone, queueExists } from '../support/presence.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { typed } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = uniqueName('q');
});

describe('queue.declare', () => {
  test('answers with the name and no messages and no consumers', async () => {
    const ok = await channel.call('queue.declare', { queue, exclusive: true });
    expect(ok).toEqual({ queue, messageCount: 0, consumerCount: 0 });
  });

  test('again with the same properties is answered with the counts', async () => {
    await channel.call('queue.declare', { queue, exclusive: true, durable: true });
    await channel.consume(queue);
    const ok = await channel.call('queue.declare', { queue, exclusive: true, durable: true });
    expect(ok).toEqual({ queue, messageCount: 0, consumerCount: 1 });
  });

  test('with nowait is not answered but done', async () => {
    channel.send('queue.declare', { queue, exclusive: true, nowait: true });
    const ok = await channel.call('queue.declare', { queue, passive: true });
    expect(ok.queue).toBe(queue);
  });

  test('without a name gives a new amq.gen- name each time', async () => {
    const [one, two] = [await channel.exclusiveQueue(), await channel.exclusiveQueue()];
    expect(one).toMatch(/^amq\.gen-.{10,}$/);
    expect(two).toMatch(/^amq\.gen-.{10,}$/);
    expect(one).not.toBe(two);
  });

  test('again of a queue that the broker named is refused with 403, passive is answered', async () => {
    const named = await channel.exclusiveQueue();
    expect(await channel.counts(named)).toEqual({ messages: 0, consumers: 0 });
    const refusal = await channel.refused('queue.declare', { queue: named, exclusive: true });
    const text = `queue name '${named}' contains reserved prefix 'amq.*'`;
    expect(refusal).toEqual(channelRefusal(403, text));
  });

  test("of a new name that starts with 'amq.' is refused with 403", async () => {
    const refusal = await channel.refused('queue.declare', { queue: `amq.${queue}` });
    const text = `queue name 'amq.${queue}' contains reserved prefix 'amq.*'`;
    expect(refusal).toEqual(channelRefusal(403, text));
  });

  test('passive of a missing queue closes the channel with 404', async () => {
    const refusal = await channel.refused('queue.declare', { queue, passive: true });
    expect(refusal).toEqual(channelRefusal(404, `no queue '${queue}' in vhost '/'`));
    expect(refusal).toMatchObject({ classId: 50, methodId: 10 });
  });

  test('passive compares no flags', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    await channel.call('queue.declare', { queue, passive: true, durable: true, autoDelete: true });
  });

  test('passive counts what the channel published before', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    for (let count = 1; count <= 20; count += 1) {
      channel.publish({ routingKey: queue }, 'x');
      const { messages } = await channel.counts(queue);
      if (expectedOn(broker, differences.countsAreExact)) expect(messages).toBe(count);
      else await channel.awaitReady(queue, count);
    }
  });

  test('passive counts ready messages only, not unacked ones', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    for (const body of ['a', 'b', 'c']) channel.publish({ routingKey: queue }, body);
    const message = await channel.get(queue, false);
    expect(message?.fields.messageCount).toBe(2);
    expect(await channel.counts(queue)).toEqual({ messages: 2, consumers: 0 });
  });

  test('strips line feeds and carriage returns from the name', async () => {
    const ok = await channel.call('queue.declare', { queue: `\n${queue}\r\n`, exclusive: true });
    expect(ok.queue).toBe(queue);
  });

  test('takes a name of 255 bytes, and of any letters', async () => {
    const long = queue.padEnd(55, 'x') + 'é'.repeat(100);
    const ok = await channel.call('queue.declare', { queue: long, exclusive: true });
    expect(ok.queue).toBe(long);
    channel.publish({ routingKey: long }, 'x');
    expect(await channel.drain(long)).toEqual(['x']);
  });

  test.each([
    ['durable', { durable: false }, "received 'false' but current is 'true'"],
    ['auto_delete', { autoDelete: true }, "received 'true' but current is 'false'"],
    [
      'x-max-length',
      { arguments: { 'x-max-length': 5 } },
      "received the value '5' of type 'signedint' but current is none",
    ],
  ])('again with another %s is refused with 406', async (argument, change, values) => {
    const properties = { queue, durable: true };
    await channel.call('queue.declare', properties);
    const refusal = await channel.refused('queue.declare', { ...properties, ...change });
    const text = `inequivalent arg '${argument}' for queue '${queue}' in vhost '/': ${values}`;
    expect(refusal).toEqual(channelRefusal(406, text));
    await (await channel.client.channel()).call('queue.delete', { queue });
  });

  test('again without an argument it was declared with is refused with 406', async () => {
    const args = { 'x-max-length': 5 };
    await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
    const refusal = await channel.refused('queue.declare', { queue, exclusive: true });
    const values = "received none but current is the value '5' of type 'signedint'";
    const text = `inequivalent arg 'x-max-length' for queue '${queue}' in vhost '/': ${values}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('again with the same argument in another integer type is answered', async () => {
    for (const value of [5, typed('l', 5n), typed('b', 5)]) {
      const args = { 'x-max-length': value };
      await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
    }
  });

  test('again with another unknown argument is answered', async () => {
    for (const name of ['x-one', 'x-two']) {
      await channel.call('queue.declare', { queue, exclusive: true, arguments: { [name]: 1 } });
    }
  });

  test('with an argument of a wrong type is refused with 406', async () => {
    const args = { 'x-max-length': 'five' };
    const refusal = await channel.refused('queue.declare', { queue, arguments: args });
    const text = `invalid arg 'x-max-length' for queue '${queue}' in vhost '/': `;
    expect(refusal).toEqual(channelRefusal(406, text));
  });
});

describe('an exclusive queue', () => {
  const LOCKED = 'cannot obtain exclusive access to locked queue';

  test.each([
    'queue.declare',
    'queue.purge',
    'queue.delete',
    'queue.bind',
    'queue.unbind',
    'basic.consume',
    'basic.get',
  ] as const)('refuses %s of another connection with 405', async (name) => {
    await channel.call('queue.declare', { queue, exclusive: true });
    await channel.call('queue.bind', { queue, exchange: 'amq.direct' });
    const other = await broker.channel();
    const refusal = await other.refused(name, { queue, exchange: 'amq.direct' });
    expect(refusal).toEqual(channelRefusal(405, `${LOCKED} '${queue}' in vhost '/'`));
  });

  test.each([
    ['passive', { passive: true }],
    ['exclusive', { exclusive: true }],
  ])('refuses a %s declare of another connection with 405', async (_, flags) => {
    await channel.call('queue.declare', { queue, exclusive: true });
    const other = await broker.channel();
    expect(await other.refused('queue.declare', { queue, ...flags })).toEqual(
      channelRefusal(405, LOCKED),
    );
  });

  test('takes messages from other connections', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    await channel.consume(queue, { noAck: true });
    const other = await broker.channel();
    other.publish({ routingKey: queue }, 'from outside');
    expect((await channel.delivery()).body.toString()).toBe('from outside');
  });

  test('may be used by every channel of its connection', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    const second = await channel.client.channel();
    await second.call('queue.declare', { queue, exclusive: true });
    await second.consume(queue);
  });

  test('is gone when close-ok of its connection arrives', async () => {
    const queues = [queue, uniqueName('q'), uniqueName('q')];
    for (const name of queues) {
      await channel.call('queue.declare', { queue: name, exclusive: true, durable: true });
    }
    await channel.client.close();
    const other = await broker.open();
    for (const name of queues) expect(await queueExists(other, name)).toBe(false);
  });

  test('goes when the TCP connection is dropped', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    await channel.client.drop();
    await awaitQueueGone(await broker.open(), queue);
  });

  test('stays when only its channel is closed', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    await channel.call('channel.close');
    expect(await queueExists(channel.client, queue)).toBe(true);
  });

  test('declared again as not exclusive by its connection is refused with 405', async () => {
    await channel.call('queue.declare', { queue, exclusive: true });
    expect(await channel.refused('queue.declare', { queue })).toEqual(channelRefusal(405, LOCKED));
  });

  test('cannot be made of a shared queue: 405', async () => {
    await channel.call('queue.declare', { queue, durable: true });
    const refusal = await channel.refused('queue.declare', {
      queue,
      exclusive: true,
      durable: true,
    });
    expect(refusal).toEqual(channelRefusal(405, LOCKED));
    await (await channel.client.channel()).call('queue.delete', { queue });
  });
});

describe('an auto-delete queue', () => {
  beforeEach(async () => {
    await channel.call('queue.declare', { queue, autoDelete: true, durable: true });
  });

  test('stays while it never had a consumer', async () => {
    channel.publish({ routingKey: queue }, 'x');
    await channel.get(queue);
    await channel.call('channel.close');
    expect(await queueExists(channel.client, queue)).toBe(true);
    await (await channel.client.channel()).call('queue.delete', { queue });
  });

  test('goes when its last consumer is cancelled, not before', async () => {
    const [one, two] = [await channel.consume(queue), await channel.consume(queue)];
    await channel.call('basic.cancel', { consumerTag: one });
    expect(await queueExists(channel.client, queue)).toBe(true);
    await channel.call('basic.cancel', { consumerTag: two });
    await awaitQueueGone(channel.client, queue);
  });

  test('goes when the channel of its last consumer is closed', async () => {
    await channel.consume(queue);
    await channel.call('channel.close');
    await awaitQueueGone(channel.client, queue);
  });

  test('goes when the connection of its last consumer is dropped', async () => {
    await channel.consume(queue);
    await channel.client.drop();
    await awaitQueueGone(await broker.open(), queue);
  });

  test('takes its bindings along', async () => {
    await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey: queue });
    const consumerTag = await channel.consume(queue);
    await channel.call('basic.cancel', { consumerTag });
    await awaitQueueGone(channel.client, queue);
    channel.publish({ exchange: 'amq.direct', routingKey: queue, mandatory: true }, 'unroutable');
    expect((await channel.expect('basic.return')).fields.code).toBe(312);
  });
});
