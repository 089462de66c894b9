// Dead letters that no queue takes and that must not be lost: however many consumers reject, few are
// in memory, the others wait on disk in their order and count as their queue's. The acceptor is
// played by hand.
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  FORWARDED_DONE,
  FORWARDED_FAILED,
  OUTCOME_REJECT,
} from '../../../../shards/mailbox/to-shard-layout.ts';
import { implementations } from '../../log/test-log.ts';
import { checkCounts } from './counted-bytes.ts';
import { bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const CONSUMER = 1;
const COUNT = 3000;
/** What may be underway, and what stays near (residency.ts) when memory is short. */
const IN_MEMORY_MAX = 1024 + 64 + 64;
const MIB = 1024 * 1024;
const AT_LEAST_ONCE = {
  'x-queue-type': 'quorum',
  'x-overflow': 'reject-publish',
  'x-dead-letter-strategy': 'at-least-once',
  'x-dead-letter-exchange': 'nowhere',
};

const sizeOf = (i: number): number => (i % 200 === 199 ? 50_000 : i % 500);

interface Start {
  readonly backend?: 'native' | 'portable';
  readonly directory?: string;
  readonly count?: number;
  readonly arguments?: object;
}

/** All of its messages are rejected; memory is short. */
async function rejectedShard(options: Start = {}): Promise<DurableShard> {
  const { backend = 'portable', directory = freshDirectory(), count = COUNT } = options;
  const args = { ...AT_LEAST_ONCE, ...options.arguments };
  const queues = { [QUEUE]: { arguments: args } };
  const memory = { residentBytesMax: 1, slabBytes: 16 * MIB, shardSlabBytes: 4 * MIB };
  const shard = await DurableShard.start(directory, { backend, queues, ...memory });
  for (let i = 0; i < count; i += 1) {
    shard.publish([QUEUE], bodyOf(i, sizeOf(i)), { exrk: `#${i}` });
    if (i % 100 === 99) await shard.synced();
  }
  await shard.synced();
  shard.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 200 });
  for (let rejected = 0; rejected < count; ) {
    const delivered = await shard.delivered(1);
    shard.acceptor.ack(CHANNEL, rejected + 1, delivered.length, OUTCOME_REJECT);
    rejected += delivered.length;
    shard.turn();
  }
  return shard;
}

/** Answers dead letters, in the order in which they come, until `count` have been. */
async function answer(shard: DurableShard, outcome: number, count: number): Promise<string[]> {
  const order: string[] = [];
  await shard.until(() => {
    for (const { number, exrk } of shard.forwards()) {
      shard.acceptor.forwarded(number, outcome);
      order.push(exrk);
    }
    return order.length >= count;
  });
  shard.turn();
  return order;
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `#${from + i}`);

describe.each(implementations)('dead letters that nobody takes, %s log', (backend) => {
  it('are on disk but for a few, and go on in their order when somebody does', async () => {
    const shard = await rejectedShard({ backend });
    const { state } = shard.driver;
    const queue = shard.queue(QUEUE);
    await answer(shard, FORWARDED_FAILED, 512);
    expect(state.store.messageCount).toBeLessThanOrEqual(IN_MEMORY_MAX);
    expect([queue.ready.length, queue.unackedCount, queue.rules.deadCount]).toEqual([0, 0, COUNT]);
    checkCounts(state);

    // Those that failed are due in a second; the others go on meanwhile.
    const order = await answer(shard, FORWARDED_DONE, COUNT);
    expect(order.toSorted()).toEqual(numbered(0, COUNT).toSorted());
    const others = order.filter((exrk) => Number(exrk.slice(1)) >= 512);
    expect(others).toEqual(numbered(512, COUNT));
    expect([state.store.messageCount, queue.forwardingCount, queue.forwardingBytes]).toEqual([
      0, 0, 0,
    ]);
    checkCounts(state);
    await shard.synced();
    expect(shard.storage.shardLog.records.count).toBe(0);
    expect(shard.lost).toBe(0);
  });
});

describe('dead letters that wait on disk', () => {
  it('are in their queue after a crash', async () => {
    const shard = await rejectedShard({ count: 1500 });
    const again = await shard.crashed();
    const found = await again.drain(QUEUE);
    expect(found.map(({ exrk }) => exrk)).toEqual(numbered(0, 1500));
  });

  it('go on when their queue is deleted', async () => {
    const shard = await rejectedShard({ count: 1500 });
    const { state } = shard.driver;
    shard.acceptor.delete(QUEUE);
    expect(await answer(shard, FORWARDED_DONE, 1500)).toEqual(numbered(0, 1500));
    await shard.synced();
    expect([...state.forwards.all()]).toEqual([]);
    expect([state.store.messageCount, state.memories.of('/').bytes]).toEqual([0, 0]);
    expect(shard.storage.shardLog.records.count).toBe(0);
  });

  it('are lost, and said to be, when they cannot be read', async () => {
    const shard = await rejectedShard({ count: 1500 });
    await shard.until(() => shard.driver.state.store.messageCount <= IN_MEMORY_MAX);
    spoil(shard.directory, bodyOf(1400, sizeOf(1400)));
    const order = await answer(shard, FORWARDED_DONE, 1499);
    expect(order).toEqual(numbered(0, 1500).filter((exrk) => exrk !== '#1400'));
    expect(shard.lost).toBe(1);
    expect(shard.queue(QUEUE).forwardingCount).toBe(0);
    checkCounts(shard.driver.state);
  });

  it('count towards the length of their queue', async () => {
    const shard = await rejectedShard({ count: 20, arguments: { 'x-max-length': 20 } });
    shard.publish([QUEUE], 'one more', { exrk: 'x' });
    shard.turn();
    expect([shard.queue(QUEUE).ready.length, shard.driver.state.store.messageCount]).toEqual([
      0, 20,
    ]);
    await answer(shard, FORWARDED_DONE, 1);
    shard.publish([QUEUE], 'now there is room', { exrk: 'y' });
    shard.turn();
    expect(shard.queue(QUEUE).unackedCount).toBe(1);
  });
});

/** Another byte in the middle of a body on disk. */
function spoil(directory: string, body: Buffer): void {
  for (const name of readdirSync(directory).filter((one) => one.endsWith('.seg'))) {
    const at = readFileSync(path.join(directory, name)).indexOf(body);
    if (at < 0) continue;
    const descriptor = openSync(path.join(directory, name), 'r+');
    writeSync(descriptor, Buffer.from('?'), 0, 1, at + (body.length >> 1));
    closeSync(descriptor);
    return;
  }
  throw new Error('no such body on disk');
}
