// Test thread. Publishing and getting messages over HTTP (RabbitMQ: docs/http-api-reference,
// rabbit_mgmt_wm_exchange_publish, rabbit_mgmt_wm_queue_get), beside clients that do it over AMQP.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { ManagementApi } from '../support/management-api.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';

const broker = useBroker();
const api = new ManagementApi(broker);
let channel: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  queue = uniqueName('http');
  const args = { 'x-expires': 60_000 };
  await channel.call('queue.declare', { queue, durable: true, arguments: args });
  await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: `${queue}.#` });
});

interface Publish {
  readonly exchange?: string;
  readonly routing_key: string;
  readonly payload?: string;
  readonly payload_encoding?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

async function publish({ exchange = 'amq.default', ...message }: Publish): Promise<unknown> {
  const body = { properties: {}, payload: 'x', payload_encoding: 'string', ...message };
  const answer = await api.request('POST', ['exchanges', '/', exchange, 'publish'], body);
  expect(answer.status).toBe(200);
  return answer.json();
}

type Got = Readonly<Record<string, unknown>>;

async function get(options: Readonly<Record<string, unknown>> = {}): Promise<Got[]> {
  const body = { count: 10, ackmode: 'ack_requeue_false', encoding: 'auto', ...options };
  const answer = await api.request('POST', ['queues', '/', queue, 'get'], body);
  expect(answer.status).toBe(200);
  return answer.json() as Promise<Got[]>;
}

describe('publish', () => {
  test('tells whether the message was routed', async () => {
    expect(await publish({ routing_key: queue })).toEqual({ routed: true });
    expect(await publish({ routing_key: 'nowhere' })).toEqual({ routed: false });
  });

  test('goes through any exchange, with properties and headers', async () => {
    await channel.consume(queue, { noAck: true });
    await publish({
      exchange: 'amq.topic',
      routing_key: `${queue}.key`,
      payload: 'body',
      properties: {
        content_type: 'text/plain',
        delivery_mode: 2,
        priority: 3,
        correlation_id: 'c',
        message_id: 'm',
        timestamp: 1_700_000_000,
        headers: { text: 'value', number: 7, list: [1, 'two'], nested: { deep: true } },
      },
    });
    const { body, fields, content } = await channel.delivery();
    expect(body.toString()).toBe('body');
    expect(fields).toMatchObject({ exchange: 'amq.topic', routingKey: `${queue}.key` });
    expect(content.properties).toMatchObject({
      contentType: 'text/plain',
      deliveryMode: 2,
      priority: 3,
      correlationId: 'c',
      messageId: 'm',
      timestamp: 1_700_000_000,
    });
    const headers = content.properties.headers!;
    expect({ ...headers, number: Number(headers['number']), list: undefined }).toEqual({
      text: 'value',
      number: 7,
      list: undefined,
      nested: { deep: true },
    });
  });

  test('takes a payload in base64', async () => {
    const bytes = Buffer.from([0, 1, 254, 255]);
    const payload = bytes.toString('base64');
    await publish({ routing_key: queue, payload, payload_encoding: 'base64' });
    expect((await channel.get(queue))?.body.equals(bytes)).toBe(true);
  });

  test('obeys expiration', async () => {
    await publish({ routing_key: queue, properties: { expiration: '0' } });
    expect(await channel.get(queue)).toBeUndefined();
  });

  test.each([
    ['a missing payload', { routing_key: 'q', properties: {}, payload_encoding: 'string' }],
    ['a missing routing key', { properties: {}, payload: '', payload_encoding: 'string' }],
  ])('with %s is refused with 400', async (_, body) => {
    const path = ['exchanges', '/', 'amq.default', 'publish'];
    expect((await api.request('POST', path, body)).status).toBe(400);
  });

  test('to a missing exchange is refused', async () => {
    const body = { properties: {}, routing_key: '', payload: '', payload_encoding: 'string' };
    const path = ['exchanges', '/', 'no-such-exchange', 'publish'];
    const status = expectedOn(broker, differences.publishOverHttpToMissingExchange);
    expect((await api.request('POST', path, body)).status).toBe(status);
  });
});

describe('get', () => {
  test('tells all about a message', async () => {
    await publishAll(channel, { exchange: 'amq.topic', routingKey: `${queue}.k` }, ['body'], {
      messageId: 'm',
      deliveryMode: 1,
      headers: { own: 'header' },
    });
    expect(await get()).toEqual([
      {
        payload_bytes: 4,
        redelivered: false,
        exchange: 'amq.topic',
        routing_key: `${queue}.k`,
        message_count: 0,
        properties: { message_id: 'm', delivery_mode: 1, headers: { own: 'header' } },
        payload: 'body',
        payload_encoding: 'string',
      },
    ]);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test.each([
    ['ack_requeue_true', true],
    ['reject_requeue_true', true],
    ['ack_requeue_false', false],
    ['reject_requeue_false', false],
  ])('with %s leaves the messages: %s', async (ackmode, stays) => {
    await publishAll(channel, queue, ['a', 'b']);
    const got = await get({ ackmode });
    expect(got.map(({ payload, message_count: left }) => [payload, left])).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    await channel.awaitReady(queue, stays ? 2 : 0);
    if (!stays) return;
    const message = await channel.get(queue);
    expect([message?.body.toString(), message?.fields.redelivered]).toEqual(['a', true]);
  });

  test('takes as many as asked for', async () => {
    await publishAll(channel, queue, ['a', 'b', 'c']);
    expect((await get({ count: 2 })).map(({ payload }) => payload)).toEqual(['a', 'b']);
  });

  test('gives bytes that are no text in base64, and all of them if asked to', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0]);
    channel.publish({ routingKey: queue }, bytes);
    await publishAll(channel, queue, ['text']);
    expect(await get({ count: 1 })).toMatchObject([
      { payload: bytes.toString('base64'), payload_encoding: 'base64', payload_bytes: 3 },
    ]);
    expect(await get({ encoding: 'base64' })).toMatchObject([
      { payload: Buffer.from('text').toString('base64'), payload_encoding: 'base64' },
    ]);
  });

  test('cuts payloads where it is told to', async () => {
    await publishAll(channel, queue, ['0123456789']);
    expect(await get({ truncate: 4 })).toMatchObject([{ payload: '0123', payload_bytes: 10 }]);
  });

  test('of an empty queue gives an empty list', async () => {
    expect(await get()).toEqual([]);
  });

  test("of a connection's exclusive queue is refused with 400", async () => {
    const own = await channel.exclusiveQueue();
    const body = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
    expect((await api.request('POST', ['queues', '/', own, 'get'], body)).status).toBe(400);
  });

  test('of a missing queue is answered 404', async () => {
    const body = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
    const path = ['queues', '/', 'no-such-queue', 'get'];
    expect((await api.request('POST', path, body)).status).toBe(404);
  });
});

test('DELETE of the contents purges, of the queue deletes', async () => {
  await publishAll(channel, queue, ['a', 'b']);
  await api.delete('queues', '/', queue, 'contents');
  await channel.awaitReady(queue, 0);
  await channel.consume(queue, { consumerTag: 'told' });
  await api.delete('queues', '/', queue);
  expect((await channel.expect('basic.cancel')).fields.consumerTag).toBe('told');
});
