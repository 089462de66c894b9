// Test thread. basic.publish, basic.return and basic.get (specification 1.8.3; RabbitMQ:
// rabbit_channel): what is returned, what is refused, and that a message comes out as it went in.
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { encodeProperties, type Properties } from '../support/wire/content.ts';
import { typed } from '../support/wire/field-values.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = await channel.exclusiveQueue();
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('mandatory', () => {
  test('returns an unroutable message whole, with 312 and where it was sent', async () => {
    const properties = { messageId: 'm1', headers: { a: 'b' }, deliveryMode: 2 };
    const target = { exchange: 'amq.direct', routingKey: uniqueName('key'), mandatory: true };
    channel.publish(target, 'come back', properties);
    const returned = await channel.expect('basic.return');
    expect(returned.fields).toEqual({
      code: 312,
      text: 'NO_ROUTE',
      exchange: target.exchange,
      routingKey: target.routingKey,
    });
    expect(returned.body.toString()).toBe('come back');
    expect(returned.content.properties).toEqual(properties);
  });

  test('returns a message to the default exchange for a queue that is not there', async () => {
    const routingKey = uniqueName('missing');
    channel.publish({ routingKey, mandatory: true }, 'x');
    const { fields } = await channel.expect('basic.return');
    expect(fields).toEqual({ code: 312, text: 'NO_ROUTE', exchange: '', routingKey });
  });

  test('does not return a message that a queue takes', async () => {
    channel.publish({ routingKey: queue, mandatory: true }, 'routed');
    expect(await channel.settled(queue, 1)).toEqual([]);
  });

  test('returns a body of several frames whole', async () => {
    const body = randomBytes(300_000);
    channel.publish({ routingKey: uniqueName('missing'), mandatory: true }, body);
    const returned = await channel.expect('basic.return');
    expect(sha256(returned.body)).toBe(sha256(body));
  });

  test('returns messages in the order they were published', async () => {
    const routingKey = uniqueName('missing');
    for (let index = 0; index < 50; index += 1) {
      channel.publish({ routingKey, mandatory: true }, String(index));
    }
    for (let index = 0; index < 50; index += 1) {
      expect((await channel.expect('basic.return')).body.toString()).toBe(String(index));
    }
  });
});

describe('basic.publish', () => {
  test('without mandatory drops an unroutable message', async () => {
    channel.publish({ routingKey: uniqueName('missing') }, 'dropped');
    expect(await channel.settled(queue, 0)).toEqual([]);
  });

  test('to a missing exchange closes the channel with 404', async () => {
    const exchange = uniqueName('missing');
    channel.publish({ exchange, routingKey: 'a' }, 'x');
    const refusal = await channel.refusal();
    expect(refusal).toEqual(channelRefusal(404, `no exchange '${exchange}' in vhost '/'`));
    expect(refusal).toMatchObject({ classId: 60, methodId: 40 });
  });

  test('to a missing exchange spoils none of the publishes before it', async () => {
    channel.publish({ routingKey: queue }, 'before');
    channel.publish({ exchange: uniqueName('missing'), routingKey: 'a' }, 'x');
    channel.publish({ routingKey: queue }, 'after');
    await channel.refusal();
    const other = await channel.client.channel();
    expect(await other.drain(queue)).toEqual(['before']);
  });

  test('with immediate is refused with 540', async () => {
    channel.publish({ routingKey: queue, immediate: true }, 'x');
    expect(await channel.refusal()).toEqual(connectionRefusal(540, 'immediate=true'));
  });

  test('keeps the exchange and the routing key for the consumer', async () => {
    const routingKey = `${queue}.ключ`;
    await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: `${queue}.*` });
    channel.publish({ exchange: 'amq.topic', routingKey }, 'x');
    const message = await channel.get(queue);
    expect(message?.fields).toMatchObject({ exchange: 'amq.topic', routingKey });
  });

  test('copies are independent: acking one leaves the others', async () => {
    const second = await channel.exclusiveQueue();
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    for (const name of [queue, second]) await channel.call('queue.bind', { queue: name, exchange });
    channel.publish({ exchange, routingKey: '' }, 'copy');
    expect(await channel.drain(queue)).toEqual(['copy']);
    expect(await channel.drain(second)).toEqual(['copy']);
  });
});

describe('message properties', () => {
  const ALL: Properties = {
    contentType: 'application/json',
    contentEncoding: 'gzip',
    headers: { key: 'value' },
    deliveryMode: 2,
    priority: 9,
    correlationId: 'correlation',
    replyTo: 'reply-queue',
    expiration: '3600000',
    messageId: 'message',
    timestamp: 1_700_000_000,
    type: 'type',
    userId: 'guest',
    appId: 'app',
    clusterId: 'cluster',
  };

  async function roundTrip(properties: Properties): Promise<Buffer | undefined> {
    channel.publish({ routingKey: queue }, 'x', properties);
    return (await channel.get(queue))?.content.propertyBytes;
  }

  test('all 14 pass byte for byte', async () => {
    expect(await roundTrip(ALL)).toEqual(encodeProperties(ALL));
  });

  test.each(Object.entries(ALL))('%s alone passes byte for byte', async (name, value) => {
    const properties = { [name]: value };
    expect(await roundTrip(properties)).toEqual(encodeProperties(properties));
  });

  test('none at all pass as none', async () => {
    expect(await roundTrip({})).toEqual(Buffer.from([0, 0]));
  });

  test('empty strings, an empty table and zeros pass as such', async () => {
    const properties = { contentType: '', headers: {}, priority: 0, timestamp: 0, appId: '' };
    expect(await roundTrip(properties)).toEqual(encodeProperties(properties));
  });

  test('a headers table with every field type passes byte for byte', async () => {
    const headers = {
      boolean: true,
      int8: typed('b', -1),
      uint8: typed('B', 255),
      int16: typed('s', -300),
      uint16: typed('u', 65_535),
      int32: -70_000,
      uint32: typed('i', 4_000_000_000),
      int64: -9_000_000_000_000_000_000n,
      float: typed('f', 1.5),
      double: 0.1,
      decimal: typed('D', [2, 12_345]),
      longstr: 'text ✓',
      empty: '',
      bytes: Buffer.from([0, 255, 206]),
      timestamp: typed('T', 1_700_000_000),
      void: null,
      array: ['a', 1, [true, null], { deep: 'er' }],
      table: { nested: { twice: 'x' } },
    };
    expect(await roundTrip({ headers })).toEqual(encodeProperties({ headers }));
  });

  test('a headers table of 100 KiB passes byte for byte', async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`key-${index}`, 'v'.repeat(1000)]),
    );
    expect(await roundTrip({ headers })).toEqual(encodeProperties({ headers }));
  });
});

describe('a message body', () => {
  test.each([
    ['1 byte', 1],
    ['one frame exactly', 131_064],
    ['one byte over a frame', 131_065],
    ['128 KiB', 131_072],
    ['1 MiB and a bit', 1_048_579],
    ['5 MiB', 5 * 1_048_576],
  ])('of %s arrives intact', async (_, bytes) => {
    const body = randomBytes(bytes);
    channel.publish({ routingKey: queue }, body);
    const message = await channel.get(queue);
    expect(message?.body.length).toBe(bytes);
    expect(sha256(message!.body)).toBe(sha256(body));
  });

  test('of every size around a power of two arrives intact', async () => {
    await channel.consume(queue, { noAck: true });
    const sizes = [64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536].flatMap((size) => [
      size - 1,
      size,
      size + 1,
    ]);
    const bodies = sizes.map((size) => randomBytes(size));
    for (const body of bodies) channel.publish({ routingKey: queue }, body);
    const delivered = await channel.deliveries(bodies.length);
    expect(delivered.map(({ body }) => sha256(body))).toEqual(bodies.map(sha256));
  });

  test('with frame-like bytes inside is only a body', async () => {
    const body = Buffer.from([0xce, 1, 0, 1, 0, 0, 0, 4, 0, 20, 0, 40, 0xce, 8, 0, 0]);
    channel.publish({ routingKey: queue }, body);
    expect((await channel.get(queue))?.body).toEqual(body);
  });

  test('of 5 MiB to three consumers at once arrives intact at each', async () => {
    const exchange = uniqueName('x');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    const consumers: RawChannel[] = [];
    for (let index = 0; index < 3; index += 1) {
      const consumer = await broker.channel();
      const own = await consumer.exclusiveQueue();
      await consumer.call('queue.bind', { queue: own, exchange });
      await consumer.consume(own, { noAck: true });
      consumers.push(consumer);
    }
    const body = randomBytes(5 * 1_048_576);
    channel.publish({ exchange, routingKey: '' }, body);
    for (const consumer of consumers) {
      expect(sha256((await consumer.delivery()).body)).toBe(sha256(body));
    }
  });
});

describe('basic.get', () => {
  test('of an empty queue is answered get-empty', async () => {
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('tells how many messages are left, and gives tags from 1', async () => {
    for (const body of ['a', 'b', 'c']) channel.publish({ routingKey: queue }, body);
    for (const [index, body] of ['a', 'b', 'c'].entries()) {
      const message = await channel.get(queue, false);
      expect(message?.body.toString()).toBe(body);
      expect(message?.fields).toEqual({
        deliveryTag: index + 1,
        redelivered: false,
        exchange: '',
        routingKey: queue,
        messageCount: 2 - index,
      });
    }
  });

  test('without no_ack keeps the message until it is acked', async () => {
    channel.publish({ routingKey: queue }, 'a');
    await channel.get(queue, false);
    await channel.call('channel.close');
    const other = await channel.client.channel();
    await other.awaitReady(queue, 1);
    expect((await other.get(queue))?.fields.redelivered).toBe(true);
  });

  test('with no_ack gives the message away for good', async () => {
    channel.publish({ routingKey: queue }, 'a');
    await channel.get(queue, true);
    await channel.call('channel.close');
    const other = await channel.client.channel();
    expect(await other.get(queue)).toBeUndefined();
  });

  test('takes no notice of the prefetch limit', async () => {
    await channel.call('basic.qos', { prefetchCount: 1 });
    for (const body of ['a', 'b']) channel.publish({ routingKey: queue }, body);
    expect((await channel.get(queue, false))?.body.toString()).toBe('a');
    expect((await channel.get(queue, false))?.body.toString()).toBe('b');
  });

  test('of a missing queue is refused with 404', async () => {
    const missing = uniqueName('missing');
    expect(await channel.refused('basic.get', { queue: missing })).toEqual(
      channelRefusal(404, `no queue '${missing}' in vhost '/'`),
    );
  });
});
