// Priority queues whose messages leave memory, come back, outlive a restart and a crash: whatever
// is on disk, what leaves the queue does so by priority, and equals in order.
import { describe, expect, it } from 'vitest';
import { OUTCOME_REQUEUE } from '../../../../shards/mailbox/to-shard-layout.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const MIB = 1024 * 1024;
const PRIORITY_MAX = 4;
const CONSUMER = 9;
/** So little that everything but the nearest messages leaves memory. */
const SMALL = {
  residentBytesMax: 64 * 1024,
  queues: { [QUEUE]: { arguments: { 'x-max-priority': PRIORITY_MAX } } },
  segmentBytes: 4 * MIB,
};

const priorityOf = (i: number): number => (i * 7) % (PRIORITY_MAX + 1);

async function fill(
  shard: DurableShard,
  from: number,
  to: number,
  bytes: number,
  lane?: number,
): Promise<void> {
  for (let i = from; i < to; i += 1) {
    shard.publish([QUEUE], bodyOf(i, bytes), {
      exrk: `#${i}`,
      priority: priorityOf(i),
      ...(lane === undefined ? {} : { lane }),
    });
    if (i % Math.floor(300_000 / bytes) === 0) await shard.synced();
  }
  await shard.synced();
}

/** The names of messages `from` to `to` in the order in which they have to leave. */
function inOrder(from: number, to: number): string[] {
  const numbers = Array.from({ length: to - from }, (_value, i) => from + i);
  numbers.sort((a, b) => priorityOf(b) - priorityOf(a) || a - b);
  return numbers.map((i) => `#${i}`);
}

const names = (messages: readonly Arrived[]): string[] => messages.map(({ exrk }) => exrk);

describe('a deep priority queue', () => {
  it.each([
    ['small', 1000],
    ['large', 10_000],
  ])('leaves memory and comes back in order (%s messages)', async (_size, bytes) => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, 0, 800, bytes);
    const { ready } = shard.queue(QUEUE);
    expect(ready.onDiskCount).toBeGreaterThan(300);
    expect(shard.driver.state.store.messageCount + ready.onDiskCount).toBe(800);
    const messages = await shard.drain(QUEUE);
    expect(names(messages)).toEqual(inOrder(0, 800));
    for (const { exrk, body } of messages) {
      expect(body.equals(bodyOf(Number(exrk.slice(1)), bytes))).toBe(true);
    }
    expect(shard.queue(QUEUE).onDiskCount).toBe(0);
    expect(shard.storage.shardLog.records.count).toBe(0);
  });

  it('hands out what comes later and is worth more before what is on disk', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, 0, 500, 1000);
    shard.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 1 });
    const [first] = await shard.delivered(1);
    shard.publish([QUEUE], 'later', { exrk: 'later', priority: PRIORITY_MAX });
    shard.publish([QUEUE], 'least', { exrk: 'least' });
    await shard.synced();
    const order: string[] = [first.exrk];
    let { number } = first;
    while (order.length < 502) {
      shard.acceptor.ack(CHANNEL, number);
      const [next] = await shard.delivered(1);
      order.push(next.exrk);
      ({ number } = next);
    }
    const expected = inOrder(0, 500);
    const urgent = expected.findIndex((name) => priorityOf(Number(name.slice(1))) < PRIORITY_MAX);
    expected.splice(urgent, 0, 'later');
    expect(order).toEqual([...expected, 'least']);
  });

  it('takes what was loaded back to its place in its level', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, 0, 300, 1000);
    const again = await shard.restarted();
    again.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 100 });
    const got = await again.delivered(100);
    expect(names(got)).toEqual(inOrder(0, 300).slice(0, 100));
    expect(got.some(({ isRedelivered }) => isRedelivered)).toBe(false);
    again.acceptor.cancel(CHANNEL, CONSUMER);
    again.turn();
    // In an order that says nothing.
    for (let i = 0; i < 100; i += 1) {
      again.acceptor.ack(CHANNEL, got[(i * 37) % 100].number, 1, OUTCOME_REQUEUE);
    }
    again.turn();
    expect(again.queue(QUEUE).ready.length).toBe(300);
    expect(names(await again.drain(QUEUE))).toEqual(inOrder(0, 300));
  });

  it('is after a crash what it was, less what was acked', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, 0, 400, 1000);
    shard.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 50 });
    const got = await shard.delivered(50);
    for (const { number } of got.slice(0, 20)) shard.acceptor.ack(CHANNEL, number);
    shard.turn();
    await shard.synced();
    const after = await shard.crashed();
    const left = await after.drain(QUEUE);
    const expected = inOrder(0, 400);
    // 20 were acked; what is acked after them takes its time to be written.
    expect(names(left)).toEqual(expected.slice(expected.indexOf(left[0].exrk)));
    expect(left.length).toBeLessThanOrEqual(400);
    expect(left.length).toBeGreaterThanOrEqual(380);
  });

  it('writes transient messages out as well, and finds them by their priority', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, 0, 500, 1000, 0);
    expect(shard.queue(QUEUE).ready.onDiskCount).toBeGreaterThan(100);
    expect(names(await shard.drain(QUEUE))).toEqual(inOrder(0, 500));
  });
});
