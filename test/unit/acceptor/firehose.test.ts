// The firehose in the one-thread broker: what is traced of publishes, deliveries and gets, what is
// not, and that everything is as without it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeName } from '../../../src/base/node-name.ts';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

let broker: SimBroker;
/** Publishes and consumes on acceptor 0, traces on acceptor 1. */
let client: SimClient;
let watcher: SimClient;

beforeEach(async () => {
  broker = await SimBroker.start({ acceptors: 2, shards: 2, inlineBodyBytesMax: 1024 });
  client = await broker.open(2, 0);
  watcher = await broker.open(1, 1);
  watcher.method(1, 'queue.declare', { queue: 'traces' });
  watcher.method(1, 'queue.bind', {
    queue: 'traces',
    exchange: 'amq.rabbitmq.trace',
    routingKey: '#',
  });
  watcher.method(1, 'basic.consume', { queue: 'traces', noAck: true });
  client.method(1, 'queue.declare', { queue: 'q' });
  await broker.settle();
  watcher.take();
  client.take();
});

afterEach(() => broker.stop());

function trace(...vhosts: string[]): void {
  for (const { vhosts: all } of broker.acceptors) all.setTraced(vhosts);
}

const traces = (): Promise<Received[]> => watcher.exchange();
const keys = (received: readonly Received[]): unknown[] =>
  received.map(({ fields }) => fields['routingKey']);
const names = (received: readonly Received[]): string[] => received.map(({ name }) => name);

describe('a traced publish', () => {
  it('says all about the message', async () => {
    trace('/');
    const properties = {
      contentType: 'text/plain',
      headers: { CC: ['lost'], a: 1 },
      deliveryMode: 2,
      timestamp: 5_000_000_000,
      replyTo: 'x',
    };
    client.send(...publishFrames(2, { routingKey: 'q' }, 'body', properties));
    const [traced, ...more] = await traces();
    expect(more).toEqual([]);
    expect(traced.fields).toMatchObject({
      exchange: 'amq.rabbitmq.trace',
      routingKey: 'publish.',
    });
    expect(traced.body.toString()).toBe('body');
    expect(traced.properties).toEqual({
      headers: {
        exchange_name: '',
        routing_keys: ['q', 'lost'],
        properties: {
          content_type: 'text/plain',
          headers: { CC: ['lost'], a: 1 },
          delivery_mode: 2,
          timestamp: 5_000_000_000n,
          reply_to: 'x',
        },
        node: nodeName(),
        vhost: '/',
        connection: expect.stringContaining(' -> '),
        channel: 2,
        user: 'guest',
        routed_queues: ['q'],
      },
    });
  });

  it.each([
    ['that nobody gets', 'nowhere', 'body', []],
    ['that is large', 'q', 'L'.repeat(50_000), ['q']],
  ])('%s is traced too', async (_what, routingKey, body, queues) => {
    trace('/');
    const { slab } = broker.acceptors[0];
    client.send(
      ...publishFrames(1, { routingKey, mandatory: true }, body, { headers: { BCC: [] } }),
    );
    const [traced] = await traces();
    expect(traced.body.toString()).toBe(body);
    expect(traced.properties.headers).toMatchObject({
      routed_queues: queues,
      properties: { headers: {} },
    });
    client.method(1, 'queue.purge', { queue: 'q' });
    await broker.settle();
    expect(slab.freePages).toBe(slab.pageCount);
  });

  it('that is refused leaves no trace', async () => {
    trace('/');
    client.publish(1, 'q', 'body', 'missing');
    expect(await traces()).toEqual([]);
  });
});

describe('a traced delivery', () => {
  async function consumed(noAck: boolean, bodies: readonly string[]): Promise<void> {
    for (const body of bodies) client.publish(1, 'q', body, 'amq.fanout');
    await traces();
    trace('/');
    client.method(2, 'basic.consume', { queue: 'q', noAck });
    const received = await client.exchange();
    const delivered = received.slice(1);
    expect(delivered.map(({ body }) => body.toString())).toEqual(bodies);
    expect(delivered.map(({ fields }) => fields['deliveryTag'])).toEqual(
      bodies.map((_, i) => i + 1),
    );
  }

  beforeEach(async () => {
    client.method(1, 'queue.bind', { queue: 'q', exchange: 'amq.fanout' });
    await client.exchange();
  });

  it.each([true, false])('says all about it, large and small, no-ack: %s', async (noAck) => {
    const bodies = ['one', '', 'L'.repeat(9000), 'two', 'H'.repeat(1000)];
    await consumed(noAck, bodies);
    const traced = await traces();
    expect(keys(traced)).toEqual(bodies.map(() => 'deliver.q'));
    // Small and large ones may overtake each other on their way from ring to ring, never here.
    expect(traced.map(({ body }) => body.toString())).toEqual(bodies);
    for (const { properties } of traced) {
      expect(properties.headers).toEqual({
        exchange_name: 'amq.fanout',
        routing_keys: ['q'],
        properties: {},
        node: nodeName(),
        redelivered: 0,
        vhost: '/',
        connection: expect.any(String),
        channel: 2,
        user: 'guest',
      });
    }
  });

  it('tells of redelivery', async () => {
    await consumed(false, ['one']);
    await traces();
    client.method(2, 'basic.recover', { requeue: true });
    const [traced] = await traces();
    expect(traced.properties.headers).toMatchObject({ redelivered: 1 });
  });

  it('may be a get', async () => {
    client.publish(1, 'q', 'small');
    client.publish(1, 'q', 'L'.repeat(9000));
    await broker.settle();
    trace('/');
    for (let i = 0; i < 3; i += 1) client.method(1, 'basic.get', { queue: 'q', noAck: true });
    expect(names(await client.exchange())).toEqual([
      'basic.get-ok',
      'basic.get-ok',
      'basic.get-empty',
    ]);
    const traced = await traces();
    expect(keys(traced)).toEqual(['deliver.q', 'deliver.q']);
    expect(traced.map(({ body }) => body.length)).toEqual([5, 9000]);
  });
});

describe('tracing', () => {
  it('is off until it is asked for, and off again', async () => {
    client.publish(1, 'q', 'before');
    expect(await traces()).toEqual([]);
    trace('other', '/');
    client.publish(1, 'q', 'during');
    expect(keys(await traces())).toEqual(['publish.']);
    trace('other');
    client.publish(1, 'q', 'after');
    expect(await traces()).toEqual([]);
  });

  it('of a virtual host that comes later works at once', async () => {
    trace('later');
    await broker.control.execute({ kind: 'create-vhost', vhost: 'later' });
    expect(broker.acceptors[0].vhost('later')?.tracer).toBeDefined();
    expect(broker.acceptors[0].vhost('/')?.tracer).toBeUndefined();
  });

  it('without anybody who listens changes nothing', async () => {
    watcher.method(1, 'queue.delete', { queue: 'traces' });
    await watcher.exchange();
    trace('/');
    client.publish(1, 'q', 'nobody listens');
    client.method(1, 'basic.get', { queue: 'q', noAck: true });
    expect(names(await client.exchange())).toEqual(['basic.get-ok']);
  });

  it('sees a transaction when its publishes come', async () => {
    trace('/');
    client.method(1, 'tx.select');
    client.publish(1, 'q', 'one');
    expect(keys(await traces())).toEqual(['publish.']);
    client.method(1, 'tx.commit');
    expect(await traces()).toEqual([]);
  });
});
