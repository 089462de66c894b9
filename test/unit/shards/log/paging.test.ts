// Messages that leave memory and come back: a deep queue costs what its index costs, and whoever
// consumes it gets every message once, in order, whatever others do meanwhile.
import { describe, expect, it } from 'vitest';
import { LANE_MEMORY } from '../../../../shards/mailbox/confirm-counter.ts';
import { OUTCOME_REQUEUE } from '../../../../shards/mailbox/to-shard-layout.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const OTHER = 2;
const MIB = 1024 * 1024;
const QUEUES = { 1: {}, 2: {}, 3: { durable: false } };
/** So little that everything but the nearest messages leaves memory. */
const SMALL = { residentBytesMax: 64 * 1024, queues: QUEUES, segmentBytes: 4 * MIB };

const names = (messages: readonly Arrived[]): string[] => messages.map(({ exrk }) => exrk);
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_value, i) => `#${from + i}`);

/** Publishes and waits now and then, as confirms make publishers do. */
async function fill(
  shard: DurableShard,
  queue: number,
  count: number,
  bytes = 1000,
  lane?: number,
): Promise<void> {
  const step = Math.max(1, Math.floor(500_000 / (bytes + 200)));
  for (let i = 0; i < count; i += 1) {
    shard.publish([queue], bodyOf(i, bytes), {
      exrk: `#${i}`,
      ...(lane === undefined ? {} : { lane }),
    });
    if (i % step === 0) await shard.synced();
  }
  await shard.synced();
}

function expectWhole(messages: readonly Arrived[], bytes: number): void {
  for (const { exrk, body } of messages) {
    if (!body.equals(bodyOf(Number(exrk.slice(1)), bytes))) throw new Error(`${exrk} is damaged`);
  }
}

describe('a deep queue', () => {
  it('leaves memory beyond its head without being asked to, and comes back in order', async () => {
    const shard = await DurableShard.start(freshDirectory(), {
      queues: QUEUES,
      segmentBytes: 4 * MIB,
    });
    const COUNT = 20_000;
    await fill(shard, QUEUE, COUNT, 100);
    const { store } = shard.driver.state;
    expect(shard.queue(QUEUE).ready.onDiskCount).toBeGreaterThan(3000);
    expect(store.messageCount + shard.queue(QUEUE).ready.onDiskCount).toBe(COUNT);
    const messages = await shard.drain(QUEUE);
    expect(names(messages)).toEqual(numbered(0, COUNT));
    expectWhole(messages, 100);
    expect([store.messageCount, shard.storage.shardLog.records.count]).toEqual([0, 0]);
  });

  it('takes no memory for its bodies when memory is short', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, QUEUE, 3000, 3000);
    const { store } = shard.driver.state;
    expect(store.messageCount).toBeLessThan(300);
    expect(store.liveBytes).toBeLessThan(1024 * 1024);
    expect(shard.queue(QUEUE).readyBytes).toBeGreaterThan(3000 * 3000);
    let most = 0;
    shard.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 10 });
    for (let i = 0; i < 300; i += 1) {
      const messages = await shard.delivered(10);
      expect(names(messages)).toEqual(numbered(i * 10, i * 10 + 10));
      expectWhole(messages, 3000);
      await shard.until(() => !shard.queue(QUEUE).isLoading);
      most = Math.max(most, store.messageCount);
      shard.acceptor.ack(CHANNEL, i * 10 + 1, 10);
    }
    await shard.synced();
    // What was near from the start, and the windows read ahead of a consumer of 10.
    expect(most).toBeLessThan(400);
    expect(shard.queue(QUEUE).heldBytes).toBe(0);
    expect(shard.storage.report()).toMatchObject({ messages: 0, lost: 0 });
  });

  it('answers basic.get when its head is on disk', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, QUEUE, 400);
    const again = await shard.restarted();
    for (let i = 0; i < 400; i += 1) {
      const got = await again.get(QUEUE, i % 2 === 0);
      expect(got).toMatchObject({ exrk: `#${i}`, remaining: 399 - i });
    }
    expect(await again.get(QUEUE)).not.toBeTypeOf('object');
  });

  it('does not lose a message that cleaning moves while it is being read', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, QUEUE, 10);
    const again = await shard.restarted();
    const { log, records } = again.storage.shardLog;
    const row = ~again.queue(QUEUE).ready.at(4)!;
    const position = records.position(row);
    // Where the read will look nothing is, as after a recycled segment.
    records.move(row, position + 8, -1);
    const read = log.read.bind(log);
    log.read = (one) => {
      read(one);
      log.read = read;
      records.move(row, position, -1);
    };
    expect(names(await again.drain(QUEUE))).toEqual(numbered(0, 10));
    expect(again.lost).toBe(0);
  });

  it('gives each of two queues in turns what is its own', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    for (let i = 0; i < 1500; i += 1) {
      const queues = i % 3 === 0 ? [QUEUE, OTHER] : [i % 2 === 0 ? QUEUE : OTHER];
      shard.publish(queues, bodyOf(i, 500), { exrk: `#${i}` });
      if (i % 300 === 0) await shard.synced();
    }
    const again = await shard.restarted();
    const wanted = (queue: number): string[] =>
      numbered(0, 1500).filter((_name, i) => i % 3 === 0 || (i % 2 === 0) === (queue === QUEUE));
    again.acceptor.consume(QUEUE, CHANNEL, QUEUE, { prefetch: 7 });
    again.acceptor.consume(OTHER, CHANNEL, OTHER, { prefetch: 30 });
    const seen = new Map<number, string[]>([
      [QUEUE, []],
      [OTHER, []],
    ]);
    const total = wanted(QUEUE).length + wanted(OTHER).length;
    for (let count = 0; count < total; count += 1) {
      const [message] = await again.delivered(1);
      expectWhole([message], 500);
      seen.get(message.address)!.push(message.exrk);
      again.acceptor.ack(CHANNEL, message.number);
    }
    expect(seen.get(QUEUE)).toEqual(wanted(QUEUE));
    expect(seen.get(OTHER)).toEqual(wanted(OTHER));
    await again.synced();
    expect(again.storage.shardLog.records.count).toBe(0);
  });

  it('loses nothing to a purge, a delete or a requeue while it is being read', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, QUEUE, 500);
    await fill(shard, OTHER, 500);
    const again = await shard.restarted();
    again.acceptor.consume(QUEUE, CHANNEL, 1);
    again.acceptor.consume(OTHER, CHANNEL, 2, { prefetch: 5 });
    // The reads are underway now.
    again.turn();
    again.acceptor.purge(QUEUE);
    again.turn();
    await fill(again, QUEUE, 100);
    const all = await again.delivered(105);
    const ofQueue = all.filter(({ address }) => address === 1);
    expect(names(ofQueue)).toEqual(numbered(0, 100));
    const ofOther = all.filter(({ address }) => address === 2);
    expect(names(ofOther)).toEqual(numbered(0, 5));
    again.acceptor.ack(CHANNEL, ofOther[1].number, 1, OUTCOME_REQUEUE);
    expect(names(await again.delivered(1))).toEqual(['#1']);
    again.acceptor.delete(OTHER);
    await again.until(() => again.queue(OTHER) === undefined);
    again.acceptor.closeChannel(CHANNEL);
    await again.synced();
    expect(again.storage.shardLog.records.count).toBe(100);
  });

  it('is read to its end while its end is still being written', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    await fill(shard, QUEUE, 300, 200);
    const again = await shard.restarted();
    again.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    let next = 300;
    for (let i = 0; i < 900; i += 1) {
      const [message] = await again.delivered(1);
      expect(message.exrk).toBe(`#${i}`);
      again.acceptor.ack(CHANNEL, message.number);
      if (next < 900) again.publish([QUEUE], bodyOf(next, 200), { exrk: `#${next}` });
      next += 1;
    }
    expect(again.lost).toBe(0);
  });
});

describe('transient messages', () => {
  it('are written when memory is short, come back, and are gone after a restart', async () => {
    const shard = await DurableShard.start(freshDirectory(), SMALL);
    // A queue that keeps nothing and one that does; a persistent message is spilled by the first.
    await fill(shard, 3, 1000, 1000, LANE_MEMORY);
    await fill(shard, QUEUE, 1000, 1000, LANE_MEMORY);
    shard.publish([3], bodyOf(1000, 1000), {
      exrk: '#1000',
      lane: LANE_MEMORY,
      isPersistent: true,
    });
    await shard.synced();
    expect(shard.driver.state.store.messageCount).toBeLessThan(700);
    expect(shard.storage.report().messages).toBeGreaterThan(1300);
    const crashed = await shard.crashed({ durability: 'fsync' });
    expect(crashed.report.messages).toBe(0);
    for (const queue of [3, QUEUE]) {
      const messages = await shard.drain(queue);
      expect(names(messages)).toEqual(numbered(0, queue === 3 ? 1001 : 1000));
      expectWhole(messages, 1000);
    }
    await shard.synced();
    expect(shard.storage.report()).toMatchObject({ messages: 0, lost: 0 });
    const again = await shard.restarted();
    expect(again.report.messages).toBe(0);
  });
});

describe('large messages', () => {
  const LARGE = { ...SMALL, shardSlabBytes: 2 * MIB };

  it('come back by way of the slab, which is given back', async () => {
    const shard = await DurableShard.start(freshDirectory(), LARGE);
    await fill(shard, QUEUE, 40, 300_000);
    const again = await shard.restarted();
    again.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 2 });
    for (let i = 0; i < 40; i += 1) {
      const [message] = await again.delivered(1);
      expect(message).toMatchObject({ exrk: `#${i}`, slab: { owner: 1 } });
      expectWhole([message], 300_000);
      again.acceptor.ack(CHANNEL, message.number);
    }
    await again.synced();
    const { slab } = again.storage;
    expect(slab.freePages).toBe(slab.pageCount);
  });

  it('of a stuck consumer make room for those of others', async () => {
    const shard = await DurableShard.start(freshDirectory(), LARGE);
    await fill(shard, QUEUE, 12, 400_000);
    await fill(shard, OTHER, 12, 400_000);
    await shard.stop();
    const again = await shard.restarted();
    // Reads ahead as much as the slab holds, and then stands still.
    again.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    const [first] = await again.delivered(1);
    expect(first.exrk).toBe('#0');
    await again.until(() => !again.queue(QUEUE).isLoading);
    again.acceptor.consume(OTHER, CHANNEL, 2, { prefetch: 3 });
    for (let i = 0; i < 12; i += 1) {
      const [message] = await again.delivered(1);
      expect([message.address, message.exrk]).toEqual([2, `#${i}`]);
      expectWhole([message], 400_000);
      again.acceptor.ack(CHANNEL, message.number);
    }
    // The first goes on where it stood.
    again.acceptor.ack(CHANNEL, first.number);
    for (let i = 1; i < 12; i += 1) {
      const [message] = await again.delivered(1);
      expect([message.address, message.exrk]).toEqual([1, `#${i}`]);
      again.acceptor.ack(CHANNEL, message.number);
    }
  });

  it('that were put back make room too', async () => {
    const shard = await DurableShard.start(freshDirectory(), LARGE);
    await fill(shard, QUEUE, 8, 400_000);
    await fill(shard, OTHER, 8, 400_000);
    const again = await shard.restarted();
    again.acceptor.consume(QUEUE, CHANNEL, 1);
    // All that the slab holds is unacked, then requeued, and nobody is left to consume it.
    await again.delivered(4);
    again.acceptor.cancel(CHANNEL, 1);
    await again.until(() => again.queue(QUEUE).consumers.size === 0);
    again.deliveries();
    again.acceptor.ack(CHANNEL, 1, 8, OUTCOME_REQUEUE);
    again.turn();
    expect(again.queue(QUEUE).ready.length).toBe(8);
    again.acceptor.consume(OTHER, CHANNEL, 2, { prefetch: 2 });
    for (let i = 0; i < 8; i += 1) {
      const [message] = await again.delivered(1);
      expect([message.address, message.exrk]).toEqual([2, `#${i}`]);
      again.acceptor.ack(CHANNEL, message.number);
    }
    const messages = await again.drain(QUEUE);
    expect(names(messages)).toEqual(numbered(0, 8));
    expectWhole(messages, 400_000);
  });

  it('wait for room when the slab is on its way to clients, and queues in memory do not mind', async () => {
    const shard = await DurableShard.start(freshDirectory(), LARGE);
    await fill(shard, QUEUE, 10, 900_000);
    const again = await shard.restarted();
    // A queue that has come far without ever reading from disk.
    for (let i = 0; i < 5000; i += 1) again.publish([3], 'x', { lane: LANE_MEMORY });
    await again.drain(3);
    again.acceptor.consume(QUEUE, CHANNEL, 1);
    // Two fit at a time, and both are held.
    const held = await again.delivered(2);
    for (let i = 0; i < 20; i += 1) again.turn();
    expect(again.deliveries()).toEqual([]);
    again.acceptor.ack(CHANNEL, held[0].number, 2);
    const next = await again.delivered(2);
    expect(names([...held, ...next])).toEqual(numbered(0, 4));
  });
});
