// Test thread. Publisher confirms (RabbitMQ: docs/confirms, rabbit_channel): every publish of a
// channel in confirm mode is settled once, by number, singly or several at once, and after its
// basic.return.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { Incoming } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue({ durable: true });
});

/**
 * Takes acks until every number up to `last` is settled; fails on a nack and on a number settled
 * twice.
 */
async function confirmed(last: number, on: RawChannel = channel): Promise<Incoming[]> {
  const others: Incoming[] = [];
  const open = new Set(Array.from({ length: last }, (_, index) => index + 1));
  while (open.size > 0) {
    const incoming = await on.next('basic.ack');
    if (incoming.name !== 'basic.ack') {
      others.push(incoming);
      continue;
    }
    const { deliveryTag, multiple } = (incoming as unknown as Incoming<'basic.ack'>).fields;
    const settled = multiple ? [...open].filter((tag) => tag <= deliveryTag) : [deliveryTag];
    expect(settled.length).toBeGreaterThan(0);
    for (const tag of settled) expect(open.delete(tag), `number ${tag}`).toBe(true);
  }
  return others;
}

describe('confirm.select', () => {
  test('is answered, also a second time', async () => {
    await channel.call('confirm.select');
    await channel.call('confirm.select');
  });

  test('with nowait is not answered but done', async () => {
    channel.send('confirm.select', { nowait: true });
    channel.publish({ routingKey: queue }, 'x');
    await confirmed(1);
  });

  test('a second time does not start the numbers anew', async () => {
    await channel.call('confirm.select');
    channel.publish({ routingKey: queue }, 'x');
    await confirmed(1);
    await channel.call('confirm.select');
    channel.publish({ routingKey: queue }, 'x');
    expect((await channel.expect('basic.ack')).fields.deliveryTag).toBe(2);
  });

  test('numbers publishes from 1, counted from confirm.select', async () => {
    channel.publish({ routingKey: queue }, 'before');
    await channel.call('confirm.select');
    channel.publish({ routingKey: queue }, 'first');
    const { fields } = await channel.expect('basic.ack');
    expect(fields.deliveryTag).toBe(1);
  });

  test('is of its channel: others are not confirmed and count for themselves', async () => {
    const other = await channel.client.channel();
    await channel.call('confirm.select');
    other.publish({ routingKey: queue }, 'unconfirmed');
    channel.publish({ routingKey: queue }, 'confirmed');
    await confirmed(1);
    expect(await other.settled(queue, 2)).toEqual([]);
  });
});

describe('a publish in confirm mode', () => {
  beforeEach(async () => {
    await channel.call('confirm.select');
  });

  test.each([
    ['transient', 1],
    ['persistent', 2],
  ])('that is %s is acked', async (_, deliveryMode) => {
    channel.publish({ routingKey: queue }, 'x', { deliveryMode });
    await confirmed(1);
    expect(await channel.drain(queue)).toEqual(['x']);
  });

  test('that no queue takes is acked', async () => {
    channel.publish({ routingKey: uniqueName('missing') }, 'x');
    await confirmed(1);
  });

  test('that no queue takes and is mandatory is returned first, then acked', async () => {
    channel.publish({ routingKey: uniqueName('missing'), mandatory: true }, 'x');
    await channel.expect('basic.return');
    expect((await channel.expect('basic.ack')).fields.deliveryTag).toBe(1);
  });

  test('of an empty body is acked', async () => {
    channel.publish({ routingKey: queue }, '');
    await confirmed(1);
  });

  test('of 5 MiB is acked', async () => {
    channel.publish({ routingKey: queue }, Buffer.alloc(5 * 1_048_576), { deliveryMode: 2 });
    await confirmed(1);
  });

  test('to ten queues is acked once', async () => {
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    for (let index = 0; index < 10; index += 1) {
      const each = await channel.exclusiveQueue({ durable: true });
      await channel.call('queue.bind', { queue: each, exchange });
    }
    for (let index = 0; index < 20; index += 1) {
      channel.publish({ exchange, routingKey: '' }, 'x', { deliveryMode: 2 });
    }
    await confirmed(20);
    expect(await channel.settled(queue, 0)).toEqual([]);
  });

  test('to a queue whose consumer acks at once is acked all the same', async () => {
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'x', { deliveryMode: 2 });
    const deliveries = await confirmed(1);
    if (deliveries.length === 0) await channel.delivery();
  });

  test('is acked before the queue is there no more', async () => {
    channel.publish({ routingKey: queue }, 'x', { deliveryMode: 2 });
    channel.send('queue.delete', { queue });
    const others = await confirmed(1);
    if (others.length === 0) await channel.expect('queue.delete-ok');
  });

  test('to a missing exchange closes the channel', async () => {
    channel.publish({ exchange: uniqueName('missing'), routingKey: 'x' }, 'x');
    expect(await channel.refusal()).toEqual(channelRefusal(404));
  });
});

describe('many publishes in confirm mode', () => {
  beforeEach(async () => {
    await channel.call('confirm.select');
  });

  test('are all settled, each once, none nacked', async () => {
    for (let index = 0; index < 5000; index += 1) {
      channel.publish({ routingKey: queue }, 'x', { deliveryMode: 1 + (index % 2) });
    }
    expect(await confirmed(5000)).toEqual([]);
    await channel.awaitReady(queue, 5000);
  });

  test('routed, unroutable and returned ones mixed are all settled', async () => {
    for (let index = 0; index < 300; index += 1) {
      const routingKey = index % 3 === 0 ? queue : uniqueName('missing');
      channel.publish({ routingKey, mandatory: index % 3 === 1 }, String(index));
    }
    const returned = await confirmed(300);
    expect(returned.map(({ name }) => name)).toEqual(Array(100).fill('basic.return'));
    expect(returned.map(({ body }) => Number(body) % 3)).toEqual(Array(100).fill(1));
    await channel.awaitReady(queue, 100);
  });

  test('to many queues in turn are all settled', async () => {
    const queues = [queue];
    while (queues.length < 12) queues.push(await channel.exclusiveQueue({ durable: true }));
    for (let index = 0; index < 1200; index += 1) {
      channel.publish({ routingKey: queues[index % 12] }, 'x', { deliveryMode: 2 });
    }
    await confirmed(1200);
    for (const each of queues) await channel.awaitReady(each, 100);
  });

  test('on several channels of a connection are settled on their own', async () => {
    const channels = [channel];
    while (channels.length < 5) {
      const next = await channel.client.channel();
      await next.call('confirm.select');
      channels.push(next);
    }
    for (let index = 0; index < 500; index += 1) {
      channels[index % 5].publish({ routingKey: queue }, 'x');
    }
    for (const each of channels) await confirmed(100, each);
  });
});
