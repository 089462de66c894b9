// Test thread. The firehose (RabbitMQ: docs/firehose; rabbit_trace): while tracing is on, a copy of
// whatever enters and leaves a virtual host goes to amq.rabbitmq.trace.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { ManagementApi } from '../support/management-api.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { Incoming } from '../support/raw-client.ts';
import type { FieldTable } from '../support/wire/field-values.ts';

const TRACE = 'amq.rabbitmq.trace';

const broker = useBroker();
const api = new ManagementApi(broker);
let vhost: string;
let channel: RawChannel;
/** Consumes the copies, on a connection of its own. */
let tracer: RawChannel;
let queue: string;

beforeAll(async () => {
  vhost = await api.vhost();
  await trace(true);
});
afterAll(() => api.removeAll());

beforeEach(async () => {
  channel = await broker.channel({ virtualHost: vhost });
  tracer = await broker.channel({ virtualHost: vhost });
  queue = await channel.exclusiveQueue();
});

function trace(tracing: boolean): Promise<void> {
  return api.put(['vhosts', vhost], { tracing });
}

async function traceKeys(...routingKeys: string[]): Promise<void> {
  const copies = await tracer.exclusiveQueue();
  for (const routingKey of routingKeys) {
    await tracer.call('queue.bind', { queue: copies, exchange: TRACE, routingKey });
  }
  await tracer.consume(copies, { noAck: true });
}

function headersOf(copy: Incoming): FieldTable {
  return copy.content.properties.headers!;
}

describe('the firehose', () => {
  test('has an exchange that is there, internal', async () => {
    await channel.call('exchange.declare', { exchange: TRACE, type: 'topic', passive: true });
    channel.publish({ exchange: TRACE, routingKey: 'x' }, 'x');
    expect(await channel.refusal()).toMatchObject({ code: 403 });
  });

  test('copies what is published, with publish.EXCHANGE as routing key', async () => {
    await traceKeys('publish.amq.direct');
    await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey: queue });
    const properties = { messageId: 'm', contentType: 'text/plain', headers: { own: 'header' } };
    channel.publish({ exchange: 'amq.direct', routingKey: queue }, 'body', properties);
    const copy = await tracer.delivery();
    expect(copy.body.toString()).toBe('body');
    expect(copy.fields).toMatchObject({ exchange: TRACE, routingKey: 'publish.amq.direct' });
    expect(headersOf(copy)).toMatchObject({
      exchange_name: 'amq.direct',
      routing_keys: [queue],
      vhost,
      user: 'guest',
      channel: channel.number,
      routed_queues: [queue],
      properties: {
        message_id: 'm',
        content_type: 'text/plain',
        headers: { own: 'header' },
      },
    });
    expect(Object.keys(headersOf(copy))).toEqual(expect.arrayContaining(['node', 'connection']));
  });

  test('copies what is published to the default exchange, with the key "publish."', async () => {
    await traceKeys('publish.');
    channel.publish({ routingKey: queue }, 'x');
    expect(headersOf(await tracer.delivery())).toMatchObject({
      exchange_name: '',
      routing_keys: [queue],
      routed_queues: [queue],
    });
  });

  test('copies what is routed nowhere, too', async () => {
    await traceKeys('publish.amq.fanout');
    channel.publish({ exchange: 'amq.fanout', routingKey: 'nowhere' }, 'x');
    expect(headersOf(await tracer.delivery())).toMatchObject({ routed_queues: [] });
  });

  test('copies what is delivered, with deliver.QUEUE as routing key', async () => {
    await traceKeys(`deliver.${queue}`);
    await channel.consume(queue);
    channel.publish({ routingKey: queue }, 'body');
    const delivery = await channel.delivery();
    const copy = await tracer.delivery();
    expect(copy.body.toString()).toBe('body');
    expect(headersOf(copy)).toMatchObject({ exchange_name: '', routing_keys: [queue], vhost });
    expect(Number(headersOf(copy)['redelivered'])).toBe(0);
    const { deliveryTag } = delivery.fields;
    channel.send('basic.nack', { deliveryTag, requeue: true });
    expect(Number(headersOf(await tracer.delivery())['redelivered'])).toBe(1);
  });

  test('copies what basic.get takes', async () => {
    await traceKeys(`deliver.${queue}`);
    await publishAll(channel, queue, ['x']);
    await channel.get(queue);
    expect((await tracer.delivery()).body.toString()).toBe('x');
  });

  test('is silent when tracing is off', async () => {
    await trace(false);
    await traceKeys('publish.#');
    await publishAll(channel, queue, ['silent']);
    await trace(true);
    await publishAll(channel, queue, ['heard']);
    expect((await tracer.delivery()).body.toString()).toBe('heard');
  });
});
