// What a shard has again after a stop or a crash: the messages that were confirmed and not acked,
// each once and in order, with what is known of their deliveries.
import { describe, expect, it } from 'vitest';
import { LANE_MEMORY, LANE_WRITTEN } from '../../../../shards/mailbox/confirm-counter.ts';
import {
  OUTCOME_REJECT,
  OUTCOME_REQUEUE,
  OUTCOME_UNDELIVERED,
} from '../../../../shards/mailbox/to-shard-layout.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const OTHER = 2;
const MIB = 1024 * 1024;

const bodies = (messages: readonly Arrived[]): string[] =>
  messages.map(({ body }) => body.toString());

async function withMessages(count: number): Promise<DurableShard> {
  const shard = await DurableShard.start(freshDirectory(), { queues: { 1: {}, 2: {} } });
  for (let i = 0; i < count; i += 1) shard.publish([QUEUE], `${i}`, { exrk: 'ek', props: 'ppp' });
  await shard.synced();
  return shard;
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_value, i) => `${from + i}`);

describe.each(['crashed', 'restarted'] as const)('a shard that has %s', (how) => {
  it('has what was confirmed, in order, and its numbers go on', async () => {
    const shard = await withMessages(50);
    const again = await shard[how]();
    expect(again.report).toMatchObject({ messages: 50, corruptRanges: [], isTorn: false });
    expect(again.report.isClean).toBe(how === 'restarted');
    const messages = await again.drain(QUEUE);
    expect(bodies(messages)).toEqual(numbers(0, 50));
    expect(messages[0]).toMatchObject({ exrk: 'ek', props: 'ppp' });
    // After a crash nobody knows.
    expect(messages.every(({ isRedelivered }) => isRedelivered === (how === 'crashed'))).toBe(true);
    again.publish([QUEUE], 'new');
    await again.synced();
    const third = await again[how]();
    expect(bodies(await third.drain(QUEUE))).toEqual(['new']);
  });

  it('does not have what was acked, rejected or purged, nor transient messages', async () => {
    const shard = await withMessages(20);
    shard.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 10 });
    await shard.delivered(10);
    shard.acceptor.ack(CHANNEL, 1, 3);
    shard.acceptor.ack(CHANNEL, 5, 1, OUTCOME_REJECT);
    shard.acceptor.cancel(CHANNEL, 1);
    shard.publish([QUEUE], 'transient', { lane: LANE_MEMORY });
    shard.publish([OTHER], 'purged');
    await shard.synced();
    shard.acceptor.purge(OTHER);
    await shard.until(() => shard.storage.shardLog.isIdle && shard.queue(OTHER).ready.isEmpty);
    const again = await shard[how]();
    expect(bodies(await again.drain(QUEUE))).toEqual(['3', ...numbers(5, 20)]);
    expect(again.queue(OTHER).ready.isEmpty).toBe(true);
    expect(again.storage.report()).toMatchObject({ messages: 0, lost: 0 });
  });

  it('does not have the messages of a queue that was deleted', async () => {
    const shard = await withMessages(3);
    shard.publish([QUEUE, OTHER], 'both');
    await shard.synced();
    shard.acceptor.delete(QUEUE);
    await shard.until(() => shard.storage.shardLog.isIdle);
    const queues = { 2: {}, 3: {} };
    const again = await shard[how]({ queues });
    expect(again.report.messages).toBe(1);
    expect(bodies(await again.drain(OTHER))).toEqual(['both']);
  });

  it('has large messages whole, over segments too', async () => {
    const shard = await DurableShard.start(freshDirectory());
    const sizes = [0, 1, 4096, 4097, 256 * 1024 - 6, 256 * 1024, 300_000, MIB, 5 * MIB, MIB + 1, 9];
    for (const [i, size] of sizes.entries()) {
      shard.publish([QUEUE], bodyOf(i, size), { exrk: `#${i}`, props: size > 100 ? 'props!' : '' });
      if (i % 3 === 0) await shard.synced();
    }
    await shard.synced();
    const again = await shard[how]();
    expect(again.report.segments).toBeGreaterThan(8);
    const messages = await again.drain(QUEUE);
    expect(messages.map(({ exrk }) => exrk)).toEqual(sizes.map((_size, i) => `#${i}`));
    for (const [i, size] of sizes.entries()) {
      expect(messages[i].body.equals(bodyOf(i, size))).toBe(true);
      expect(messages[i].props).toBe(size > 100 ? 'props!' : '');
    }
  });
});

describe('redelivered', () => {
  it('after a clean stop is what was delivered before, and delivery counts go on', async () => {
    const shard = await withMessages(6);
    shard.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 4 });
    await shard.delivered(4);
    shard.acceptor.cancel(CHANNEL, 1);
    shard.turn();
    // 0 came back twice, 1 was never shown, 2 came back, 3 is held.
    shard.acceptor.ack(CHANNEL, 1, 1, OUTCOME_REQUEUE);
    shard.acceptor.ack(CHANNEL, 2, 1, OUTCOME_UNDELIVERED);
    shard.acceptor.ack(CHANNEL, 3, 1, OUTCOME_REQUEUE);
    await shard.synced();
    await shard.get(QUEUE);
    shard.acceptor.ack(CHANNEL, 5, 1, OUTCOME_REQUEUE);
    await shard.synced();
    const again = await shard.restarted();
    expect([...again.queue(QUEUE).ready.countsOfRecovered]).toEqual([
      [0, 2],
      [2, 1],
      [3, 1],
    ]);
    // They count once more, and once only, if they are not consumed in this life.
    const third = await again.restarted();
    const messages = await third.drain(QUEUE);
    expect(bodies(messages)).toEqual(numbers(0, 6));
    expect(messages.map(({ isRedelivered }) => isRedelivered)).toEqual([
      true,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it('counts are known after a crash too', async () => {
    const shard = await withMessages(3);
    for (let i = 1; i <= 4; i += 1) {
      await shard.get(QUEUE);
      shard.acceptor.ack(CHANNEL, i, 1, OUTCOME_REQUEUE);
    }
    await shard.until(() => shard.storage.shardLog.isIdle);
    const again = await shard.crashed();
    expect([...again.queue(QUEUE).ready.countsOfRecovered]).toEqual([[0, 4]]);
    await again.get(QUEUE);
    again.acceptor.ack(CHANNEL, 1, 1, OUTCOME_REQUEUE);
    await again.until(() => again.storage.shardLog.isIdle);
    const third = await again.crashed();
    expect([...third.queue(QUEUE).ready.countsOfRecovered]).toEqual([[0, 5]]);
  });

  it('is not said of what comes after the recovered messages', async () => {
    const shard = await withMessages(2);
    const again = await shard.crashed();
    again.publish([QUEUE], 'new');
    const messages = await again.drain(QUEUE);
    expect(messages.map(({ isRedelivered }) => isRedelivered)).toEqual([true, true, false]);
  });
});

describe('x-durability', () => {
  it('memory is gone, write is there after a crash of the process', async () => {
    const queues = {
      1: { arguments: { 'x-durability': 'memory' } },
      2: { arguments: { 'x-durability': 'write' } },
      3: { durable: false },
      4: { exclusiveOwner: 7 },
    };
    const shard = await DurableShard.start(freshDirectory(), { queues });
    for (const queue of [1, 3, 4]) shard.publish([queue], 'm', { lane: 0, isPersistent: true });
    shard.publish([2], 'written', { lane: LANE_WRITTEN });
    await shard.until(() => shard.acceptor.confirmedIn(LANE_WRITTEN) === 1);
    const again = await shard.crashed();
    expect(again.report.messages).toBe(1);
    expect(bodies(await again.drain(2))).toEqual(['written']);
  });

  it('of queues that do not say is what the settings say', async () => {
    const shard = await DurableShard.start(freshDirectory(), { durability: 'memory' });
    shard.publish([QUEUE], 'm', { lane: LANE_MEMORY, isPersistent: true });
    await shard.synced();
    expect(shard.storage.report().batches).toBe(0);
  });
});

describe('a stop', () => {
  it('writes what is pending, though it comes to nothing', async () => {
    const shard = await withMessages(1);
    shard.publish([OTHER], 'a');
    shard.turn();
    shard.publish([OTHER], 'b');
    shard.turn();
    shard.publish([OTHER], 'c');
    shard.acceptor.purge(OTHER);
    const again = await shard.restarted();
    expect([again.queue(QUEUE).ready.length, again.queue(OTHER).ready.length]).toEqual([1, 0]);
    expect(again.report.isClean).toBe(true);
  });

  it('and start, many times over, leave no segments behind', async () => {
    let shard = await withMessages(1);
    for (let i = 0; i < 4; i += 1) {
      shard = await shard.restarted();
      await shard.until(() => shard.storage.report().checkpoints > 0);
    }
    expect(shard.storage.report().segments).toBeLessThanOrEqual(3);
  });
});
