// Direct reply-to in the one-thread broker: requests and replies across acceptors and shards, what is
// refused, and that the queue behind it is nobody's to see or touch and goes with its channel.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

const PSEUDO = 'amq.rabbitmq.reply-to';

let broker: SimBroker;
let client: SimClient;
let server: SimClient;

beforeEach(async () => {
  broker = await SimBroker.start({ acceptors: 2, shards: 3 });
  client = await broker.open(2, 0);
  server = await broker.open(1, 1);
  server.method(1, 'queue.declare', { queue: 'rpc' });
  server.method(1, 'basic.consume', { queue: 'rpc', noAck: true });
  await broker.settle();
  server.take();
});

afterEach(() => broker.stop());

const names = (received: readonly Received[]): string[] => received.map(({ name }) => name);

async function consumeReplies(channel = 1): Promise<Received[]> {
  client.method(channel, 'basic.consume', { queue: PSEUDO, noAck: true, consumerTag: 'r' });
  return client.exchange();
}

/** Sends a request and returns its reply-to as the server sees it. */
async function request(body = 'question', channel = 1): Promise<string> {
  const properties = { replyTo: PSEUDO, correlationId: 'c1' };
  client.send(...publishFrames(channel, { routingKey: 'rpc' }, body, properties));
  const [delivery] = await server.exchange();
  expect(delivery).toMatchObject({ name: 'basic.deliver', properties: { correlationId: 'c1' } });
  expect(delivery.body.toString()).toBe(body);
  return delivery.properties.replyTo!;
}

function hiddenQueues(): string[] {
  const all: string[] = [];
  for (const change of broker.control.topology.snapshot()) {
    if (change.kind === 'queue-declared') all.push(change.queue.name);
  }
  return all.filter((name) => name.startsWith(PSEUDO));
}

async function refusal(of: SimClient): Promise<unknown> {
  const received = await of.exchange();
  const close = received.find(({ name }) => name === 'channel.close');
  return close === undefined ? names(received) : `${close.fields['text']}`;
}

describe('direct reply-to', () => {
  it('brings replies from any connection to the channel that asked', async () => {
    expect(names(await consumeReplies())).toEqual(['basic.consume-ok']);
    const replyTo = await request();
    expect(replyTo).toMatch(/^amq\.rabbitmq\.reply-to\.[\w-]{22}$/);
    server.send(
      ...publishFrames(1, { routingKey: replyTo, mandatory: true }, 'answer', {
        correlationId: 'c1',
      }),
    );
    expect(await server.exchange()).toEqual([]);
    const [reply] = await client.exchange();
    expect(reply).toMatchObject({
      name: 'basic.deliver',
      channel: 1,
      fields: { consumerTag: 'r', exchange: '', routingKey: replyTo, redelivered: false },
      properties: { correlationId: 'c1' },
    });
    expect(reply.body.toString()).toBe('answer');
  });

  it('is of each channel: other channels have their own names', async () => {
    await consumeReplies(1);
    await consumeReplies(2);
    const [one, other] = [await request('a', 1), await request('b', 2)];
    expect(one).not.toBe(other);
    server.publish(1, other, 'for 2');
    const replies = await client.exchange();
    expect(replies.map(({ channel }) => channel)).toEqual([2]);
  });

  it('takes requests sent right behind the consume', async () => {
    client.method(1, 'basic.consume', { queue: PSEUDO, noAck: true, nowait: true });
    expect(await request()).not.toBe(PSEUDO);
  });

  it('leaves other reply-to properties alone', async () => {
    await consumeReplies();
    for (const replyTo of ['amq.rabbitmq.reply-tx', 'somewhere', `${PSEUDO}.x`]) {
      client.send(...publishFrames(1, { routingKey: 'rpc' }, 'q', { replyTo }));
      const [delivery] = await server.exchange();
      expect(delivery.properties).toEqual({ replyTo });
    }
  });

  it('can be cancelled and begun again, under another name', async () => {
    await consumeReplies();
    const first = await request();
    client.method(1, 'basic.cancel', { consumerTag: 'r' });
    expect(names(await client.exchange())).toEqual(['basic.cancel-ok']);
    expect(hiddenQueues()).toEqual([]);
    await consumeReplies();
    expect(await request()).not.toBe(first);
  });

  it.each(['channel', 'connection', 'socket'])('goes with its %s', async (what) => {
    await consumeReplies();
    const replyTo = await request();
    expect(hiddenQueues()).toEqual([replyTo]);
    if (what === 'channel') client.method(1, 'channel.close');
    else if (what === 'connection') client.method(0, 'connection.close', { code: 200 });
    else client.socket.close();
    await broker.settle();
    expect(hiddenQueues()).toEqual([]);
    server.send(...publishFrames(1, { routingKey: replyTo, mandatory: true }, 'late'));
    expect(names(await server.exchange())).toEqual(['basic.return']);
  });

  it('is in no listing', async () => {
    await consumeReplies();
    const queues = [...broker.control.topology.queues('/')].map(({ name }) => name);
    expect(queues).toEqual(['rpc']);
  });

  it('works in a transaction: the request leaves with the commit', async () => {
    client.method(1, 'tx.select');
    await consumeReplies();
    client.send(...publishFrames(1, { routingKey: 'rpc' }, 'q', { replyTo: PSEUDO }));
    expect(await server.exchange()).toEqual([]);
    client.method(1, 'tx.commit');
    const [delivery] = await server.exchange();
    expect(delivery.properties.replyTo).toMatch(/^amq\.rabbitmq\.reply-to\../);
  });
});

describe('what direct reply-to refuses', () => {
  it('a consumer with acks', async () => {
    client.method(1, 'basic.consume', { queue: PSEUDO });
    expect(await refusal(client)).toBe('PRECONDITION_FAILED - reply consumer cannot acknowledge');
  });

  it('a second consumer on the channel', async () => {
    await consumeReplies();
    client.method(1, 'basic.consume', { queue: PSEUDO, noAck: true });
    expect(await refusal(client)).toBe('PRECONDITION_FAILED - reply consumer already set');
  });

  it('a request without a consumer', async () => {
    await consumeReplies(2);
    client.send(...publishFrames(1, { routingKey: 'rpc' }, 'q', { replyTo: PSEUDO }));
    const text = 'PRECONDITION_FAILED - fast reply consumer does not exist';
    expect(await refusal(client)).toBe(text);
  });

  it('a request after the consumer was cancelled', async () => {
    await consumeReplies();
    client.method(1, 'basic.cancel', { consumerTag: 'r' });
    client.send(...publishFrames(1, { routingKey: 'rpc' }, 'q', { replyTo: PSEUDO }));
    const text = 'PRECONDITION_FAILED - fast reply consumer does not exist';
    expect(await refusal(client)).toBe(text);
  });

  it('to bind it', async () => {
    await consumeReplies();
    const queue = await request();
    client.method(1, 'queue.bind', { queue, exchange: 'amq.fanout' });
    expect(await refusal(client)).toContain('ACCESS_REFUSED - cannot bind or unbind');
  });

  it.each(['basic.get', 'queue.purge', 'basic.consume'] as const)(
    '%s of the queue',
    async (name) => {
      await consumeReplies();
      const queue = await request();
      client.method(2, name, { queue });
      expect(await refusal(client)).toBe(`NOT_FOUND - no queue '${queue}' in vhost '/'`);
      server.publish(1, queue, 'answer');
      expect(names(await client.exchange())).toEqual(['basic.deliver']);
    },
  );

  it('to delete it, without saying so', async () => {
    await consumeReplies();
    const queue = await request();
    server.method(1, 'queue.delete', { queue });
    const [ok] = await server.exchange();
    expect(ok).toMatchObject({ name: 'queue.delete-ok', fields: { messageCount: 0 } });
    expect(hiddenQueues()).toEqual([queue]);
  });
});

describe('declaring a reply-to name', () => {
  it.each([true, false])('is answered from anywhere, passive: %s', async (passive) => {
    await consumeReplies();
    const generated = await request();
    for (const queue of [PSEUDO, generated]) {
      server.method(1, 'queue.declare', { queue, passive, durable: true });
      const [ok] = await server.exchange();
      const fields = { queue, messageCount: 0, consumerCount: 1 };
      expect(ok).toMatchObject({ name: 'queue.declare-ok', fields });
    }
  });

  it('that is gone or never was is refused', async () => {
    const queue = `${PSEUDO}.nobody`;
    server.method(1, 'queue.declare', { queue, passive: true });
    expect(await refusal(server)).toBe(`NOT_FOUND - no queue '${queue}' in vhost '/'`);
  });
});
