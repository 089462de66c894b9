// The disk alarm on the one-thread broker: who is blocked and with which reason, what goes on, and
// how it goes together with the alarms of memory.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimBroker } from './sim/sim-broker.ts';
import type { Received, SimClient } from './sim/sim-client.ts';

const WATERMARK = 1_000_000_000;
const LIMIT = 2_000_000;
const PLENTY = 3_000_000;
/** A thread that does not exist: its figures are the test's. */
const NOBODY = 9;
const WANTS_TO_KNOW = { capabilities: { 'connection.blocked': true } };

let broker: SimBroker;
let publisher: SimClient;

beforeEach(async () => {
  const limits = { memoryWatermarkBytes: WATERMARK, vhostBudgetBytes: WATERMARK };
  broker = await SimBroker.start({ acceptors: 2, diskFreeLimitBytes: LIMIT, ...limits });
  publisher = await broker.open(1, 0, WANTS_TO_KNOW);
  publisher.method(1, 'queue.declare', { queue: 'q' });
  await publisher.exchange();
});
afterEach(() => broker.stop());

const namesOf = (received: readonly Received[]): string[] => received.map(({ name }) => name);

/** Publishes; answers what the client is told, and why. */
async function told(client: SimClient): Promise<[string[], unknown]> {
  client.publish(1, 'q', 'late');
  const received = await client.exchange();
  return [namesOf(received), received[0]?.fields['reason']];
}

async function takeAll(client: SimClient): Promise<string[]> {
  client.method(1, 'basic.consume', { queue: 'q', noAck: true });
  return namesOf(await client.exchange());
}

it('blocks publishers of every acceptor, who are told how much is free', async () => {
  broker.disk.measured(1024 * 1024);
  const other = await broker.open(1, 1, WANTS_TO_KNOW);
  for (const client of [publisher, other]) {
    expect(await told(client)).toEqual([
      ['connection.blocked'],
      'low on disk: 1 MiB free, 1.91 MiB must be (disk_free_limit); make room in the ' +
        "broker's data directory or consume some messages",
    ]);
  }
  broker.disk.measured(PLENTY);
  expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
  expect(namesOf(other.take())).toEqual(['connection.unblocked']);
});

it('leaves declares, consumers, gets and acks alone', async () => {
  for (const body of ['1', '2']) publisher.publish(1, 'q', body);
  await publisher.exchange();
  broker.disk.measured(0);
  const consumer = await broker.open(1, 0, WANTS_TO_KNOW);
  consumer.method(1, 'queue.declare', { queue: 'other' });
  consumer.method(1, 'basic.get', { queue: 'q' });
  expect(namesOf(await consumer.exchange())).toEqual(['queue.declare-ok', 'basic.get-ok']);
  consumer.method(1, 'basic.consume', { queue: 'q' });
  expect(namesOf(await consumer.exchange())).toEqual(['basic.consume-ok', 'basic.deliver']);
  consumer.method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
  await consumer.exchange();
  expect(broker.shards[0].store.messageCount).toBe(0);
});

it('names the log that has no room', async () => {
  broker.disk.logIsShort('shard 0', true);
  const [, reason] = await told(publisher);
  expect(reason).toMatch(/^low on disk: the shard 0 log has no room to grow; make room/u);
  broker.disk.measured(PLENTY);
  broker.disk.logIsShort('topology', true);
  broker.disk.logIsShort('shard 0', false);
  // The reason is another one by now, the block the same: whoever was told is not told again.
  expect(await publisher.exchange()).toEqual([]);
  const other = await broker.open(1, 0, WANTS_TO_KNOW);
  const [, newer] = await told(other);
  expect(newer).toMatch(
    /^low on disk: the topology log has no room to grow, 2\.86 MiB free; make room/u,
  );
  broker.disk.logIsShort('topology', false);
  expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
});

it.each([
  ['memory', 'disk'],
  ['disk', 'memory'],
])('beside a memory alarm lets go when both are over: first %s, then %s', async (first) => {
  const endMemory = (): void => broker.memory.slabHolds(NOBODY, 0);
  const endDisk = (): void => broker.disk.measured(PLENTY);
  broker.memory.slabHolds(NOBODY, WATERMARK);
  broker.disk.measured(0);
  const [names, reason] = await told(publisher);
  expect([names, String(reason)]).toEqual([
    ['connection.blocked'],
    expect.stringMatching(/^low on memory: /u),
  ]);
  if (first === 'memory') endMemory();
  else endDisk();
  expect(await publisher.exchange()).toEqual([]);
  expect(broker.acceptors[0].report().blockedConnections).toHaveLength(1);
  if (first === 'memory') endDisk();
  else endMemory();
  expect(namesOf(await publisher.exchange())).toEqual(['connection.unblocked']);
  expect(await takeAll(publisher)).toEqual(['basic.consume-ok', 'basic.deliver']);
});

it('comes before the alarm of a virtual host, and leaves it in force', () => {
  const resource = (): unknown => broker.acceptors[0].vhost('/')!.alarm?.alarm.resource;
  broker.memory.shardHolds(NOBODY, 0, [{ vhost: '/', bytes: WATERMARK }]);
  expect(resource()).toBe('memory');
  broker.disk.measured(0);
  expect(resource()).toBe('disk');
  broker.disk.measured(PLENTY);
  expect(resource()).toBe('memory');
  broker.memory.shardHolds(NOBODY, 0, [{ vhost: '/', bytes: 0 }]);
  expect(resource()).toBeUndefined();
});
