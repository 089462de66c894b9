// Clients that stop reading, on the one-thread broker with a clock moved by hand: each episode is
// logged once when it has lasted long enough, and once when it ends; others are not named.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SimBroker, type SimOptions } from './sim/sim-broker.ts';
import type { SimClient } from './sim/sim-client.ts';

const SLOW = { logLevel: 'info', slowConsumerLogMillis: 10_000 } as const;

let broker: SimBroker;
let consumer: SimClient;
let publisher: SimClient;
let now = 0;

async function start(options: SimOptions = SLOW): Promise<void> {
  now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  broker = await SimBroker.start(options);
  consumer = await broker.open(2);
  publisher = await broker.open(1);
  for (const queue of ['a', 'b', 'c', 'd', 'e']) {
    publisher.method(1, 'queue.declare', { queue });
    await broker.settle();
    consumer.method(1, 'basic.consume', { queue, noAck: true });
  }
  consumer.method(2, 'basic.consume', { queue: 'a', noAck: true });
  await broker.settle();
  broker.logged.length = 0;
}

beforeEach(() => start());
afterEach(async () => {
  vi.restoreAllMocks();
  await broker.stop();
});

/** Sweeps twice a second. */
function pass(seconds: number): void {
  const acceptor = broker.acceptors[0] as unknown as { sweep(): void };
  for (let half = 0; half < seconds * 2; half += 1) {
    now += 500;
    acceptor.sweep();
  }
}

const logged = (): unknown[] =>
  broker.logged.splice(0).map(({ level, message, fields }) => ({ level, message, ...fields }));

async function sendSome(): Promise<void> {
  for (let i = 0; i < 10; i += 1) publisher.publish(1, 'a', Buffer.alloc(1000, 1));
  await broker.settle();
}

it('names one that has not read for 10 s, once, and says when it reads again', async () => {
  consumer.socket.takesWrites = false;
  await sendSome();
  // The acceptor's own timer may have swept already, on a machine that was slow until here.
  pass(9);
  expect(logged()).toEqual([]);
  pass(2);
  expect(logged()).toEqual([
    {
      level: 'warning',
      message: 'client does not read: what is sent to it waits',
      connection: '127.0.0.1:40000 -> 127.0.0.1:5672',
      user: 'guest',
      queues: 'a, b, c and 2 more',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/u),
      waiting: expect.stringMatching(/^10(?:\.\d)? KiB$/u),
    },
  ]);
  expect(broker.acceptors[0].report().unreadConnections).toBe(1);
  pass(100);
  expect(logged()).toEqual([]);
  consumer.socket.takesWrites = true;
  await broker.settle();
  pass(1);
  expect(logged()).toMatchObject([
    { level: 'info', message: 'client reads again', user: 'guest', queues: 'a, b, c and 2 more' },
  ]);
  expect(broker.acceptors[0].report().unreadConnections).toBe(0);
  consumer.socket.takesWrites = false;
  await sendSome();
  pass(11);
  expect(logged()).toHaveLength(1);
});

it('does not name one that reads slowly, or for whom nothing waits', async () => {
  pass(100);
  consumer.socket.takesWrites = false;
  for (let round = 0; round < 4; round += 1) {
    await sendSome();
    pass(9);
    consumer.socket.takeWrites();
    await broker.settle();
  }
  // Parts of one large write count as well, where libuv tells what is left of it.
  await sendSome();
  for (let left = 8; left > 0; left -= 1) {
    Object.assign(consumer.socket, { _handle: { writeQueueSize: left * 1000 } });
    pass(9);
  }
  expect(logged()).toEqual([]);
  pass(2);
  expect(logged()).toHaveLength(1);
});

it('names nobody when that is switched off', async () => {
  await broker.stop();
  vi.restoreAllMocks();
  await start({ ...SLOW, slowConsumerLogMillis: 0 });
  consumer.socket.takesWrites = false;
  await sendSome();
  pass(100);
  expect(logged()).toEqual([]);
});

it('is still heard, however many deliveries it has not read', async () => {
  await broker.stop();
  vi.restoreAllMocks();
  broker = await SimBroker.start({ slabBytes: 32 * 1024 * 1024 });
  publisher = await broker.open(1);
  consumer = await broker.open(2);
  for (const queue of ['a', 'z']) publisher.method(1, 'queue.declare', { queue });
  await broker.settle();
  for (const channel of [1, 2]) consumer.method(channel, 'basic.consume', { queue: 'a' });
  await broker.settle();
  consumer.socket.takesWrites = false;
  for (let i = 0; i < 80; i += 1) publisher.publish(1, 'a', Buffer.alloc(100_000, 1));
  for (let round = 0; round < 2; round += 1) {
    await broker.settle();
    consumer.publish(1, 'z', 'heard');
  }
  await broker.settle();
  publisher.take();
  publisher.method(1, 'queue.declare', { queue: 'z', passive: true });
  const [answer] = await publisher.exchange();
  expect(answer.fields).toMatchObject({ messageCount: 2 });
  expect(broker.acceptors[0].stalled.size).toBe(0);
  consumer.socket.takesWrites = true;
  await broker.settle();
  expect(consumer.take().filter(({ name }) => name === 'basic.deliver')).toHaveLength(80);
});
