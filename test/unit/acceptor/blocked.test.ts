// Memory alarms, closed queues and a full slab, on the one-thread broker: who is blocked, what the
// client is told, what goes on meanwhile, and that everything goes on in order afterwards.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SimBroker, type SimOptions } from './sim/sim-broker.ts';
import type { Received, SimClient } from './sim/sim-client.ts';

const WATERMARK = 1_000_000_000;
/** A thread that does not exist: its figures are the test's. */
const NOBODY = 9;
const WANTS_TO_KNOW = { capabilities: { 'connection.blocked': true } };

let broker: SimBroker;
afterEach(async () => {
  vi.restoreAllMocks();
  await broker.stop();
});

async function start(options: SimOptions = {}): Promise<void> {
  broker = await SimBroker.start({ memoryWatermarkBytes: WATERMARK, ...options });
}

const raiseAlarm = (): void => broker.memory.slabHolds(NOBODY, WATERMARK);
const clearAlarm = (): void => broker.memory.slabHolds(NOBODY, 0);

/** What the acceptor's clock does twice a second. */
const sweep = (): void => (broker.acceptors[0] as unknown as { sweep(): void }).sweep();

async function publisherOf(queue: string): Promise<SimClient> {
  const client = await broker.open(1, 0, WANTS_TO_KNOW);
  client.method(1, 'queue.declare', { queue });
  await client.exchange();
  return client;
}

const namesOf = (received: readonly Received[]): string[] => received.map(({ name }) => name);

async function readyIn(queue: string): Promise<unknown> {
  const client = await broker.open(1);
  client.method(1, 'queue.declare', { queue, passive: true });
  const [ok] = await client.exchange();
  return ok.fields['messageCount'];
}

describe("the broker's alarm", () => {
  it('blocks who publishes, tells once, and lets go in order', async () => {
    await start();
    const publisher = await publisherOf('q');
    publisher.method(1, 'confirm.select');
    await publisher.exchange();
    raiseAlarm();
    expect(await publisher.exchange()).toEqual([]);
    for (const body of ['1', '2', '3']) publisher.publish(1, 'q', body);
    const [blocked, ...more] = await publisher.exchange();
    expect([blocked.name, blocked.channel, more]).toEqual(['connection.blocked', 0, []]);
    expect(blocked.fields['reason']).toMatch(
      /^low on memory: messages take \S+ MiB of \S+ MiB \(vm_memory_high_watermark\)/u,
    );
    // Tried again in vain, it is not told again.
    sweep();
    expect(await publisher.exchange()).toEqual([]);
    expect(await readyIn('q')).toBe(0);
    clearAlarm();
    expect(namesOf(await publisher.exchange())).toEqual(
      expect.arrayContaining(['connection.unblocked', 'basic.ack']),
    );
    publisher.method(1, 'basic.consume', { queue: 'q', noAck: true });
    const bodies = (await publisher.exchange()).slice(1).map(({ body }) => body.toString());
    expect(bodies).toEqual(['1', '2', '3']);
    raiseAlarm();
    publisher.publish(1, 'q', '4');
    expect(namesOf(await publisher.exchange())).toEqual(['connection.blocked']);
  });

  it('leaves those alone who only consume, get and ack', async () => {
    await start();
    const publisher = await publisherOf('q');
    for (const body of ['1', '2', '3']) publisher.publish(1, 'q', body);
    await publisher.exchange();
    raiseAlarm();
    publisher.publish(1, 'q', '4');
    await publisher.exchange();
    const consumer = await broker.open(1, 0, WANTS_TO_KNOW);
    consumer.method(1, 'basic.consume', { queue: 'q' });
    expect(namesOf(await consumer.exchange())).toEqual([
      'basic.consume-ok',
      ...['basic.deliver', 'basic.deliver', 'basic.deliver'],
    ]);
    consumer.method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    expect(await consumer.exchange()).toEqual([]);
    expect(broker.shards[0].store.messageCount).toBe(0);
    const { blockedConnections, stalledConnections } = broker.acceptors[0].report();
    expect([blockedConnections.length, stalledConnections]).toEqual([1, 1]);
  });

  it('says nothing to a client that did not ask to be told, and blocks it all the same', async () => {
    await start();
    const client = await broker.open(1);
    client.method(1, 'queue.declare', { queue: 'q' });
    await client.exchange();
    raiseAlarm();
    client.publish(1, 'q', 'x');
    expect(await client.exchange()).toEqual([]);
    expect(await readyIn('q')).toBe(0);
    clearAlarm();
    expect(await client.exchange()).toEqual([]);
    expect(await readyIn('q')).toBe(1);
  });

  it('takes no memory for a body that is only announced', async () => {
    await start();
    const publisher = await publisherOf('q');
    const { slab } = broker.acceptors[0];
    raiseAlarm();
    publisher.publish(1, 'q', Buffer.alloc(500_000, 1));
    expect(namesOf(await publisher.exchange())).toEqual(['connection.blocked']);
    expect(slab.freePages).toBe(slab.pageCount);
    clearAlarm();
    expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
    expect(await readyIn('q')).toBe(1);
  });

  it('also stops a body that was half there', async () => {
    await start();
    const publisher = await publisherOf('q');
    publisher.readBytes = () => 30_000;
    publisher.publish(1, 'q', Buffer.alloc(50_000, 1));
    broker.step();
    while (broker.acceptors[0].slab.freePages === broker.acceptors[0].slab.pageCount) broker.step();
    raiseAlarm();
    expect(namesOf(await publisher.exchange())).toEqual(['connection.blocked']);
    expect(await readyIn('q')).toBe(0);
    clearAlarm();
    expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
    expect(await readyIn('q')).toBe(1);
  });

  it('comes from what stores and slabs hold, and goes when that is consumed', async () => {
    await start({ memoryWatermarkBytes: 2_000_000 });
    const publisher = await publisherOf('q');
    for (let i = 0; i < 5; i += 1) publisher.publish(1, 'q', Buffer.alloc(300_000, 1));
    await broker.settleMemory();
    expect(broker.memory.alarms).toHaveLength(1);
    publisher.publish(1, 'q', 'x');
    expect(namesOf(await publisher.exchange())).toEqual(['connection.blocked']);
    const consumer = await broker.open(1);
    consumer.method(1, 'basic.consume', { queue: 'q', noAck: true });
    await broker.settleMemory();
    expect([broker.memory.usedBytes, broker.memory.alarms]).toEqual([0, []]);
    expect(namesOf(publisher.take())).toEqual(['connection.unblocked']);
    expect(consumer.take().at(-1)?.body.toString()).toBe('x');
  });
});

describe('a blocked connection', () => {
  async function blockedPublisher(heartbeat = 0): Promise<SimClient> {
    await start();
    const client = await broker.open(1, 0, { ...WANTS_TO_KNOW, heartbeat });
    client.method(1, 'queue.declare', { queue: 'q' });
    await client.exchange();
    raiseAlarm();
    client.publish(1, 'q', 'x');
    expect(namesOf(await client.exchange())).toEqual(['connection.blocked']);
    return client;
  }

  it('that the client closes is closed when the publishes before it are done', async () => {
    const client = await blockedPublisher();
    client.method(0, 'connection.close', { code: 200 });
    expect(await client.exchange()).toEqual([]);
    clearAlarm();
    const names = namesOf(await client.exchange());
    expect(names.filter((name) => name === 'connection.close-ok')).toHaveLength(1);
    expect(names.at(-1)).toBe('connection.close-ok');
    expect(client.socket.isClosed).toBe(true);
    expect(await readyIn('q')).toBe(1);
  });

  it('whose socket goes is forgotten', async () => {
    const client = await blockedPublisher();
    client.socket.close();
    await broker.settle();
    const { blockedConnections, stalledConnections } = broker.acceptors[0].report();
    expect([blockedConnections, stalledConnections]).toEqual([[], 0]);
    clearAlarm();
    await broker.settle();
    expect(await readyIn('q')).toBe(0);
  });

  it('that the broker closes is closed at once', async () => {
    const client = await blockedPublisher();
    const [connection] = broker.acceptors[0].stalled;
    connection.close({ id: 'test', code: 320, scope: 'connection', text: 'CONNECTION_FORCED' }, 0);
    client.method(0, 'connection.close-ok');
    expect(namesOf(await client.exchange())).toEqual(['connection.close']);
    expect(client.socket.isClosed).toBe(true);
  });

  it('is not dropped for heartbeats that we do not read, but is afterwards', async () => {
    const client = await blockedPublisher(10);
    let now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const sweepFor = (seconds: number): void => {
      for (let half = 0; half < seconds * 2; half += 1) {
        now += 500;
        sweep();
      }
    };
    sweepFor(100);
    await broker.settle();
    expect(client.socket.isClosed).toBe(false);
    clearAlarm();
    await broker.settle();
    sweepFor(19);
    await broker.settle();
    expect(client.socket.isClosed).toBe(false);
    sweepFor(3);
    await broker.settle();
    expect(client.socket.isClosed).toBe(true);
  });
});

describe("a virtual host's alarm", () => {
  it('is for that virtual host', async () => {
    await start({ vhostBudgetBytes: 2000 });
    const publisher = await publisherOf('q');
    for (let i = 0; i < 4; i += 1) publisher.publish(1, 'q', Buffer.alloc(600, 1));
    await broker.settleMemory();
    publisher.publish(1, 'q', 'x');
    const [blocked] = await publisher.exchange();
    expect(blocked.fields['reason']).toBe(
      'virtual host is low on memory: it holds 2.36 KiB of 1.95 KiB (memory.vhost_budget): /',
    );
    await broker.control.execute({ kind: 'create-vhost', vhost: 'other' });
    expect(broker.acceptors[0].vhost('other')!.alarm).toBeUndefined();
    expect(broker.acceptors[0].vhost('/')!.alarm).toBeDefined();
    raiseAlarm();
    await broker.control.execute({ kind: 'create-vhost', vhost: 'third' });
    for (const vhost of ['/', 'other', 'third']) {
      expect(broker.acceptors[0].vhost(vhost)!.alarm?.alarm.vhost).toBeUndefined();
    }
    clearAlarm();
    expect(broker.acceptors[0].vhost('third')!.alarm).toBeUndefined();
    const consumer = await broker.open(1);
    consumer.method(1, 'queue.purge', { queue: 'q' });
    await broker.settleMemory();
    expect(namesOf(publisher.take())).toEqual(['connection.unblocked']);
  });
});

describe('a queue that holds its budget', () => {
  const BUDGET = 10_000;
  const body = Buffer.alloc(1000, 1);

  async function fullQueue(): Promise<SimClient> {
    await start({ queueBudgetBytes: BUDGET, acceptors: 2 });
    const publisher = await publisherOf('q');
    for (let i = 0; i < 10; i += 1) publisher.publish(1, 'q', body);
    expect(await publisher.exchange()).toEqual([]);
    publisher.publish(1, 'q', 'last');
    const [blocked] = await publisher.exchange();
    expect(blocked.fields['reason']).toBe(
      'queue is low on memory: it holds all of its 9.77 KiB (memory.queue_budget): q',
    );
    return publisher;
  }

  it.each([0, 1])('blocks its publishers on acceptor %i and nobody else', async (acceptor) => {
    await fullQueue();
    const other = await broker.open(2, acceptor, WANTS_TO_KNOW);
    other.method(1, 'queue.declare', { queue: 'free' });
    other.publish(1, 'free', 'x');
    expect(namesOf(await other.exchange())).toEqual(['queue.declare-ok']);
    expect(await readyIn('free')).toBe(1);
    other.publish(2, 'q', 'x');
    expect(namesOf(await other.exchange())).toEqual(['connection.blocked']);
  });

  it.each([
    ['consumed from', 'basic.consume', { noAck: true }],
    ['purged', 'queue.purge', {}],
    ['deleted', 'queue.delete', {}],
  ] as const)('lets them go when it is %s', async (_how, method, fields) => {
    const publisher = await fullQueue();
    const other = await broker.open(1);
    other.method(1, method, { queue: 'q', ...fields });
    await other.exchange();
    await broker.settle();
    expect(namesOf(publisher.take())).toEqual(['connection.unblocked']);
    expect(broker.acceptors[0].stalled.size).toBe(0);
  });

  it('keeps nobody whose message goes elsewhere by now', async () => {
    await start({ queueBudgetBytes: BUDGET });
    const publisher = await publisherOf('q');
    publisher.method(1, 'queue.bind', { queue: 'q', exchange: 'amq.fanout' });
    for (let i = 0; i < 10; i += 1) publisher.publish(1, 'q', body);
    await publisher.exchange();
    publisher.publish(1, '', 'x', 'amq.fanout');
    expect(namesOf(await publisher.exchange())).toEqual(['connection.blocked']);
    const other = await broker.open(1);
    other.method(1, 'queue.unbind', { queue: 'q', exchange: 'amq.fanout' });
    await other.exchange();
    sweep();
    expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
  });
});

it('a full slab blocks publishers of large bodies, and is open again below 90 %', async () => {
  await start({ slabBytes: 1_000_000 });
  const publisher = await publisherOf('q');
  const large = Buffer.alloc(90_000, 1);
  // Eleven fit.
  for (let i = 0; i < 12; i += 1) publisher.publish(1, 'q', large);
  const [blocked, ...more] = await publisher.exchange();
  expect(more).toEqual([]);
  expect(blocked.fields['reason']).toMatch(
    /^large-body memory is full: large messages take \S+ KiB of \S+ KiB/u,
  );
  const small = await publisherOf('q');
  small.publish(1, 'q', 'small');
  expect(await small.exchange()).toEqual([]);
  const consumer = await broker.open(1);
  consumer.method(1, 'basic.get', { queue: 'q', noAck: true });
  await consumer.exchange();
  // There is room for one, and still more than 90 % are used.
  expect(broker.acceptors[0].slabBlock.isInForce).toBe(true);
  consumer.method(1, 'basic.get', { queue: 'q', noAck: true });
  await consumer.exchange();
  await broker.settle();
  expect(namesOf(publisher.take())).toEqual(['connection.unblocked']);
});
