// Limits in a whole broker within one thread: what is counted when connections come and go, and what
// a connection that is over its rate may still do.
import { describe, expect, it } from 'vitest';
import type { SimClient } from './sim/sim-client.ts';
import { SimBroker } from './sim/sim-broker.ts';

const closes = (client: SimClient) =>
  client
    .take()
    .filter(({ name }) => name === 'connection.close')
    .map(({ fields }) => fields['text']);

describe('limits of one user', () => {
  it('of connections are given back however a connection ends', async () => {
    const broker = await SimBroker.start({ acceptors: 2, userConnectionMax: 2 });
    const ends: ((client: SimClient) => void)[] = [
      (client) => client.socket.close(),
      (client) => client.method(0, 'connection.close'),
      // A frame end that is none: the broker closes.
      (client) => client.send(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])),
    ];
    const kept = await broker.open(0, 1);
    for (const end of ends) {
      const client = await broker.open(0, 0);
      expect(broker.places.openCount).toBe(2);
      const refused = broker.connect(1);
      refused.login();
      await broker.settle();
      expect(closes(refused)).toEqual([
        expect.stringContaining("connection refused for user 'guest': user connection limit (2)"),
      ]);
      end(client);
      await broker.settle();
      client.socket.close();
      refused.socket.close();
      await broker.settle();
      expect(broker.places.openCount).toBe(1);
    }
    kept.socket.close();
    await broker.settle();
    expect(broker.places.openCount).toBe(0);
    await broker.stop();
  });

  it('are given back when a connection ends before it hears that it is open', async () => {
    const broker = await SimBroker.start({ connectionMax: 1 });
    for (let stepsMax = 0; stepsMax < 25; stepsMax += 1) {
      const client = broker.connect();
      client.login();
      for (let steps = 0; steps < stepsMax; steps += 1) {
        broker.step();
        await broker.breathe();
      }
      client.socket.close();
      await broker.run();
      broker.forgetClosedClients();
      expect({ stepsMax, open: broker.places.openCount }).toEqual({ stepsMax, open: 0 });
    }
    await broker.stop();
  });

  it('of connections are given back before the client hears close-ok', async () => {
    const broker = await SimBroker.start({ connectionMax: 1 });
    const client = await broker.open(1);
    // The socket itself lasts until everything is written.
    client.socket.takesWrites = false;
    client.method(0, 'connection.close');
    await broker.run();
    expect(client.take().map(({ name }) => name)).toEqual(['connection.close-ok']);
    expect([client.socket.isEnded, broker.places.openCount]).toEqual([false, 0]);
    client.socket.takesWrites = true;
    await broker.stop();
  });

  it('of channels hold over its connections and acceptors', async () => {
    const broker = await SimBroker.start({ acceptors: 2, userChannelMax: 3 });
    const first = await broker.open(2, 0);
    const second = await broker.open(1, 1);
    second.method(2, 'channel.open');
    await broker.settle();
    expect(closes(second)).toEqual([
      expect.stringContaining(
        "number of channels opened for user 'guest' has reached the maximum allowed user limit of (3)",
      ),
    ]);
    // The channel of the connection that was closed has made room, and no more than its own.
    first.method(3, 'channel.open');
    expect((await first.exchange()).map(({ name }) => name)).toEqual(['channel.open-ok']);
    first.method(4, 'channel.open');
    await broker.settle();
    expect(closes(first)).toHaveLength(1);
    await broker.stop();
  });
});

describe('a channel that the node has no room for', () => {
  it('does not count for its user', async () => {
    const broker = await SimBroker.start({ channelMaxPerNode: 2, userChannelMax: 3 });
    const holder = await broker.open(2);
    for (let round = 0; round < 3; round += 1) {
      const refused = await broker.open(0);
      refused.method(1, 'channel.open');
      await broker.settle();
      expect(closes(refused)).toEqual([expect.stringContaining('opened on node')]);
    }
    holder.method(2, 'channel.close');
    holder.method(3, 'channel.open');
    const names = (await holder.exchange()).map(({ name }) => name);
    expect(names).toEqual(['channel.close-ok', 'channel.open-ok']);
    await broker.stop();
  });
});

describe('a publisher over its rate', () => {
  it('is reported, is not read, and can be closed', async () => {
    const broker = await SimBroker.start({ connectionPublishBytesPerSecond: 1 });
    const [acceptor] = broker.acceptors;
    const client = await broker.open(1);
    client.method(1, 'queue.declare', { queue: 'q' });
    await broker.settle();
    const rateLimited = () => acceptor.report().rateLimitedConnections;
    expect(rateLimited()).toBe(0);
    client.publish(1, 'q', Buffer.alloc(10_000));
    client.publish(1, 'q', 'x');
    client.publish(1, 'q', 'y');
    await broker.run();
    expect([rateLimited(), acceptor.publisher.publishedCount]).toEqual([1, 1]);
    expect(client.socket.isPaused).toBe(true);

    client.socket.close();
    await broker.run();
    expect([rateLimited(), broker.places.openCount]).toEqual([0, 0]);
    await broker.stop();
  });

  it('is given no memory for a large body that would have to wait', async () => {
    const broker = await SimBroker.start({ userPublishBytesPerSecond: 1 });
    const [acceptor] = broker.acceptors;
    const [first, second] = [await broker.open(1), await broker.open(1)];
    first.publish(1, 'nowhere', Buffer.alloc(10_000));
    await broker.run();
    second.publish(1, 'nowhere', Buffer.alloc(100_000));
    await broker.run();
    const { rateLimitedConnections, slabPagesUsed } = acceptor.report();
    expect({ rateLimitedConnections, slabPagesUsed }).toEqual({
      rateLimitedConnections: 1,
      slabPagesUsed: 0,
    });
    await broker.stop();
  });

  it('goes on in order when its time has come', async () => {
    const broker = await SimBroker.start({ connectionPublishMessagesPerSecond: 200 });
    const client = await broker.open(1);
    client.method(1, 'queue.declare', { queue: 'q' });
    client.method(1, 'basic.consume', { queue: 'q', noAck: true });
    await broker.settle();
    client.take();
    const sent = Array.from({ length: 150 }, (_, index) => String(index));
    for (const body of sent) client.publish(1, 'q', body);
    const bodies: string[] = [];
    while (bodies.length < sent.length) {
      for (const { name, body } of await client.exchange()) {
        if (name === 'basic.deliver') bodies.push(body.toString());
      }
    }
    expect(bodies).toEqual(sent);
    await broker.stop();
  });

  it('keeps its connection although its heartbeats lie unread', async () => {
    const broker = await SimBroker.start({ connectionPublishMessagesPerSecond: 1 });
    const client = await broker.open(1);
    const [connection] = broker.acceptors[0]['connections' as never] as Iterable<{
      heartbeat: { start(seconds: number): void; sweep(now: number): string };
    }>;
    connection.heartbeat.start(10);
    const sweep = broker.acceptors[0]['sweep' as never] as () => void;
    client.publish(1, 'nowhere', 'a');
    client.publish(1, 'nowhere', 'b');
    await broker.run();
    expect(broker.acceptors[0].report().rateLimitedConnections).toBe(1);
    // The clock of the sweep jumps far beyond two intervals.
    const real = performance.now;
    try {
      const start = performance.now();
      for (const millis of [9000, 18_000, 27_000]) {
        performance.now = () => start + millis;
        sweep.call(broker.acceptors[0]);
      }
      expect(client.socket.destroyed).toBe(false);
    } finally {
      performance.now = real;
    }
    await broker.stop();
  });
});
