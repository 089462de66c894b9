// Test thread. Limits of the configuration as clients meet them: exact with several acceptors, given
// back when something ends in whatever way, and refused in RabbitMQ's words. WarrenMQ only: a
// broker from outside has its own configuration.
import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { channelRefusal, connectionRefusal } from '../conformance/refusal-shapes.ts';
import { type TestBroker, useBroker } from '../support/broker.ts';
import { awaitQueueGone } from '../support/presence.ts';
import type { RawClient, Refused } from '../support/raw-client.ts';
import { PROTOCOL_HEADER } from '../support/wire/frames.ts';

const POLL_MILLIS = 10;
const POLLS_MAX = 500;
const TWO_ACCEPTORS = { acceptors: 2, shards: 2 };

/** Opens a connection up to open-ok: the client, or how it was refused. */
async function opened(broker: TestBroker): Promise<RawClient | Refused> {
  const client = await broker.connect();
  await client.login();
  const { fields } = await client.expect(0, 'connection.tune');
  client.send(0, 'connection.tune-ok', {
    channelMax: fields.channelMax,
    frameMax: fields.frameMax,
  });
  client.send(0, 'connection.open', { virtualHost: '/' });
  const answer = await client.next(0, 'connection.open-ok or connection.close');
  if (answer.name === 'connection.open-ok') return client;
  client.send(0, 'connection.close-ok');
  await client.ended;
  return { scope: 'connection', ...(answer.fields as Omit<Refused, 'scope'>) };
}

function isClient(one: RawClient | Refused): one is RawClient {
  return 'socket' in one;
}

describe('connection_max', () => {
  const text = 'connection refused: node connection limit (3) is reached';
  const broker = useBroker({ ...TWO_ACCEPTORS, set: { connection_max: '3' } });

  test('admits exactly as many as it says, however many come at once', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => opened(broker)));
    const clients = all.filter(isClient);
    expect(clients).toHaveLength(3);
    const refusals = all.filter((one) => !isClient(one));
    expect(refusals).toEqual(refusals.map(() => connectionRefusal(530, text)));

    // A connection that was closed politely makes room before its client hears close-ok.
    await clients[0].close();
    const next = await opened(broker);
    expect(isClient(next)).toBe(true);
    expect(await opened(broker)).toEqual(connectionRefusal(530, text));

    // One that was cut off makes room as soon as the broker has noticed.
    await clients[1].drop();
    let again = await opened(broker);
    for (let poll = 0; poll < POLLS_MAX && !isClient(again); poll += 1) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
      again = await opened(broker);
    }
    expect(isClient(again)).toBe(true);
    expect(await opened(broker)).toEqual(connectionRefusal(530, text));
  });
});

describe('channel_max_per_node', () => {
  const node = `rabbit@${os.hostname().split('.')[0]}`;
  const text = `number of channels opened on node '${node}' has reached the maximum allowed limit of (5)`;
  const broker = useBroker({ ...TWO_ACCEPTORS, set: { channel_max_per_node: '5' } });

  /** True when the client's next channel was opened; otherwise its connection is closed. */
  async function openChannel(client: RawClient, number: number): Promise<Refused | 'open'> {
    client.send(number, 'channel.open');
    try {
      await client.expect(number, 'channel.open-ok');
      return 'open';
    } catch {
      return client.refusal();
    }
  }

  test('counts the channels of all connections on all acceptors', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => broker.open()));
    const answers = await Promise.all(clients.map((client) => openChannel(client, 1)));
    expect(answers.filter((answer) => answer === 'open')).toHaveLength(5);
    for (const answer of answers) {
      if (answer !== 'open') expect(answer).toEqual(connectionRefusal(530, text));
    }
    const holders = clients.filter((_client, index) => answers[index] === 'open');

    // A channel that was closed makes room for another, on whatever connection.
    holders[0].send(1, 'channel.close', { code: 200, text: 'bye' });
    await holders[0].expect(1, 'channel.close-ok');
    expect(await openChannel(holders[1], 2)).toBe('open');
    expect(await openChannel(holders[2], 2)).toEqual(connectionRefusal(530, text));

    // So do all channels of a connection that ends: two of it, and one of the refused.
    await holders[1].close();
    const client = await broker.open();
    for (const number of [1, 2, 3]) expect(await openChannel(client, number)).toBe('open');
    expect(await openChannel(client, 4)).toEqual(connectionRefusal(530, text));
  });
});

describe('what is bounded within a virtual host', () => {
  const set = {
    consumer_max_per_channel: '2',
    cluster_queue_limit: '2',
    cluster_exchange_limit: '1',
  };
  const broker = useBroker({ ...TWO_ACCEPTORS, set });

  test('cluster_queue_limit refuses a new queue, and none that exists', async () => {
    const client = await broker.open();
    const channel = await client.channel();
    for (const queue of ['one', 'two']) await channel.call('queue.declare', { queue });
    expect(await channel.refused('queue.declare', { queue: 'three' })).toEqual(
      channelRefusal(406, "cannot declare queue 'three': queue limit in cluster (2) is reached"),
    );
    const again = await client.channel();
    for (const queue of ['one', 'two']) await again.call('queue.declare', { queue });
    await again.call('queue.delete', { queue: 'one' });
    await again.call('queue.declare', { queue: 'three' });
    await again.call('queue.delete', { queue: 'two' });

    // A queue that goes with its connection makes room as well.
    const owner = await broker.channel();
    const exclusive = await owner.exclusiveQueue();
    expect(await again.refused('queue.declare', { queue: 'four' })).toEqual(channelRefusal(406));
    await owner.client.drop();
    await awaitQueueGone(client, exclusive);
    const last = await client.channel();
    await last.call('queue.declare', { queue: 'four' });
    for (const queue of ['three', 'four']) await last.call('queue.delete', { queue });
  });

  test('consumer_max_per_channel closes the connection that wants one more', async () => {
    const client = await broker.open();
    const channel = await client.channel();
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue);
    const tag = await channel.consume(queue);
    await channel.call('basic.cancel', { consumerTag: tag });
    await channel.consume(queue, { consumerTag: 'second' });
    const other = await client.channel();
    await other.consume(queue);
    expect(await channel.refused('basic.consume', { queue })).toEqual(
      connectionRefusal(530, 'reached maximum (2) of consumers per channel'),
    );
  });

  test('consumer_max_per_channel does not hide that a consumer tag is in use', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue, { consumerTag: 'a' });
    await channel.consume(queue, { consumerTag: 'b' });
    expect(await channel.refused('basic.consume', { queue, consumerTag: 'a' })).toEqual(
      connectionRefusal(530, "attempt to reuse consumer tag 'a'"),
    );
  });

  test('cluster_exchange_limit refuses a new exchange, and none that exists', async () => {
    const client = await broker.open();
    const channel = await client.channel();
    await channel.call('exchange.declare', { exchange: 'one', type: 'fanout' });
    await channel.call('exchange.declare', { exchange: 'one', type: 'fanout' });
    await channel.call('exchange.declare', {
      exchange: 'amq.direct',
      type: 'direct',
      durable: true,
    });
    const declare = { exchange: 'two', type: 'fanout' };
    expect(await channel.refused('exchange.declare', declare)).toEqual(
      channelRefusal(
        406,
        "cannot declare exchange 'two' in vhost '/': exchange limit of 1 is reached",
      ),
    );
    const again = await client.channel();
    await again.call('exchange.delete', { exchange: 'one' });
    await again.call('exchange.declare', declare);
  });
});

describe('connection_limits.publish_bytes_per_second', () => {
  const broker = useBroker({ set: { 'connection_limits.publish_bytes_per_second': '1' } });

  test('stops reading a publisher, and only that one, until it is within its rate', async () => {
    const watcher = await broker.channel();
    const queue = await watcher.exclusiveQueue();
    const exchange = 'amq.fanout';
    await watcher.call('queue.bind', { queue, exchange });

    // A message of far more than a second's worth passes, and the next one has to wait for hours.
    const publisher = await broker.channel();
    const own = await publisher.exclusiveQueue();
    await publisher.consume(own, { noAck: true });
    publisher.publish({ exchange, routingKey: '' }, Buffer.alloc(100_000, 'a'));
    publisher.publish({ exchange, routingKey: '' }, 'too early');
    publisher.publish({ exchange, routingKey: '' }, Buffer.alloc(100_000, 'b'));
    await watcher.awaitReady(queue, 1);

    // Another connection has a rate of its own, and what it sends to the stalled one arrives there.
    const other = await broker.channel();
    other.publish({ exchange, routingKey: '' }, 'from another');
    await watcher.awaitReady(queue, 2);
    const third = await broker.channel();
    third.publish({ routingKey: own }, 'to the stalled one');
    // Exclusive queues take messages from everybody.
    expect((await publisher.delivery()).body.toString()).toBe('to the stalled one');

    const bodies = await watcher.drain(queue);
    expect(bodies.map((body) => body.slice(0, 20))).toEqual(['a'.repeat(20), 'from another']);
  });
});

describe('user_limits.publish_messages_per_second', () => {
  const broker = useBroker({ set: { 'user_limits.publish_messages_per_second': '40' } });

  test('loses and reorders nothing of what several connections send too fast', async () => {
    const watcher = await broker.channel();
    const queue = await watcher.exclusiveQueue();
    await watcher.consume(queue, { noAck: true });
    const publishers = [await broker.channel(), await broker.channel()];
    for (let index = 0; index < 30; index += 1) {
      for (const [which, publisher] of publishers.entries()) {
        publisher.publish({ routingKey: queue }, `${which} ${index}`);
      }
    }
    const bodies = await watcher.bodies(60);
    for (const which of [0, 1]) {
      const expected = Array.from({ length: 30 }, (_, index) => `${which} ${index}`);
      expect(bodies.filter((body) => body.startsWith(`${which} `))).toEqual(expected);
    }
  });
});

describe('connection_limits.accept_per_second', () => {
  const broker = useBroker({
    set: { 'connection_limits.accept_per_second': '1', handshake_timeout: '2s' },
  });

  test('answers some now and some later, and drops who waits beyond handshake_timeout', async () => {
    const clients: RawClient[] = [];
    while (clients.length < 8) clients.push(await broker.connect());
    for (const client of clients) client.write(PROTOCOL_HEADER);
    await clients[0].expect(0, 'connection.start');
    await clients[1].expect(0, 'connection.start');
    await clients[7].ended;
    expect(clients[7].inbox(0).size).toBe(0);
  });
});
