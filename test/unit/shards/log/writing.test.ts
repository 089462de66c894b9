// What a shard writes to its log, and when it says that a publish is safe: per lane, and not at all
// for what was done with before it was written.
import { describe, expect, it } from 'vitest';
import {
  LANE_MEMORY,
  LANE_SYNCED,
  LANE_WRITTEN,
} from '../../../../shards/mailbox/confirm-counter.ts';
import * as log from '../../../../src/log/log.ts';
import { bodyOf, CHANNEL, DurableShard, freshDirectory, recordsIn } from './durable-shard.ts';

const FSYNC = 1;
const WRITE = 2;
const MEMORY = 3;
const TRANSIENT = 4;
const QUEUES = {
  [FSYNC]: {},
  [WRITE]: { arguments: { 'x-durability': 'write' } },
  [MEMORY]: { arguments: { 'x-durability': 'memory' } },
  [TRANSIENT]: { durable: false },
};

function publishRecords(shard: DurableShard): Promise<number[][]> {
  return recordsIn(shard.directory).then((entries) =>
    entries.filter(({ kind }) => kind === log.PUBLISH).map(({ extra }) => [...extra]),
  );
}

describe('a confirm', () => {
  it('of lane memory comes at once, of write after the write, of fsync after the sync', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    const { acceptor, storage } = shard;
    const seen: string[] = [];
    const { shardLog } = storage;
    const progressed = shardLog.progressed.bind(shardLog);
    shardLog.progressed = (written, synced) => {
      progressed(written, synced);
      seen.push(`${written} ${synced}`);
    };
    shard.publish([FSYNC], 'a', { lane: LANE_SYNCED });
    shard.publish([WRITE], 'b', { lane: LANE_WRITTEN });
    shard.publish([MEMORY], 'c', { lane: LANE_MEMORY });
    const confirmed = (): number[] => [0, 1, 2].map((lane) => acceptor.confirmedIn(lane));
    shard.turn();
    expect(confirmed()).toEqual([1, 0, 0]);
    await shard.until(() => seen.length > 0);
    // Written, not synced.
    expect(seen).toEqual(['1 0']);
    expect(confirmed()).toEqual([1, 1, 0]);
    await shard.until(() => seen.length > 1);
    shard.turn();
    expect(confirmed()).toEqual([1, 1, 1]);
    expect(shardLog.isIdle).toBe(true);
  });

  it('of lane write does not wait for the syncs of batches before it', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    const { shardLog } = shard.storage;
    const progressed = shardLog.progressed.bind(shardLog);
    // As if no sync ever came to its end.
    let syncedBatch = 0;
    shardLog.progressed = (written, synced) => {
      syncedBatch = synced;
      progressed(written, 0);
    };
    for (let i = 0; i < 12; i += 1) {
      shard.publish([WRITE], `${i}`, { lane: LANE_WRITTEN });
      await shard.until(() => shard.acceptor.confirmedIn(LANE_WRITTEN) === i + 1);
    }
    expect(shardLog.syncedPosition).toBeLessThan(shardLog.position);
    shardLog.progressed = progressed;
    await shard.until(() => syncedBatch === 12 || shardLog.isIdle);
    progressed(12, 12);
    expect(shardLog.syncedPosition).toBe(shardLog.position);
  });

  it('is not needed for a large message to be sent, but its bytes stay until they are written', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    const { slab } = shard;
    shard.publish([FSYNC], bodyOf(1, 50_000));
    shard.turn();
    shard.acceptor.get(FSYNC, CHANNEL, true);
    shard.turn();
    expect(shard.deliveries()).toHaveLength(1);
    shard.turn();
    expect(slab.pageCount - slab.freePages).toBe(13);
    await shard.until(() => shard.acceptor.confirmedIn(LANE_SYNCED) === 1);
    expect(slab.freePages).toBe(slab.pageCount);
  });

  it('comes for a publish whose queues are gone, and for one that was passed on', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    shard.acceptor.consume(FSYNC, CHANNEL, 1, { noAck: true });
    shard.publish([99], 'nowhere');
    shard.publish([98, 99], 'nowhere');
    shard.publish([FSYNC], 'passed on');
    await shard.until(() => shard.acceptor.confirmedIn(LANE_SYNCED) === 3);
    expect((await shard.delivered(1))[0].body.toString()).toBe('passed on');
    await shard.synced();
    expect(await publishRecords(shard)).toEqual([]);
  });

  it('of a message that need not be written comes after those before it', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    shard.publish([FSYNC], 'kept');
    shard.publish([WRITE], 'kept too', { lane: LANE_WRITTEN });
    shard.turn();
    shard.publish([99], 'nowhere');
    shard.publish([99], 'nowhere', { lane: LANE_WRITTEN });
    shard.turn();
    // The batch of the first two is on its way, and the others come to nothing.
    const confirmed = (): number[] => [1, 2].map((lane) => shard.acceptor.confirmedIn(lane));
    expect(confirmed()).toEqual([0, 0]);
    await shard.until(() => confirmed().join() === '2,2');
    expect(shard.storage.report().batches).toBe(1);
  });
});

describe('what is written', () => {
  it('is a record for all queues of the shard that keep the message, with its body once', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    const body = bodyOf(1, 200_000);
    shard.publish([FSYNC, WRITE, MEMORY, TRANSIENT], body, { exrk: '#1' });
    await shard.synced();
    expect(await publishRecords(shard)).toEqual([[FSYNC, 0, WRITE, 0]]);
    expect(shard.storage.report().bytesWritten).toBeLessThan(body.length + 200);
  });

  it('is nothing for a message that was acked before', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    shard.acceptor.consume(FSYNC, CHANNEL, 1);
    shard.turn();
    // The first keeps the log busy; with both batches on their way the third has to wait.
    shard.publish([WRITE], 'busy', { lane: LANE_WRITTEN });
    shard.turn();
    shard.publish([WRITE], 'busy too', { lane: LANE_WRITTEN });
    shard.turn();
    shard.publish([FSYNC], 'soon done');
    shard.publish([FSYNC, WRITE], 'half done');
    shard.turn();
    shard.acceptor.ack(CHANNEL, 1, 2);
    shard.turn();
    await shard.until(() => shard.acceptor.confirmedIn(LANE_SYNCED) === 2);
    await shard.synced();
    expect(await publishRecords(shard)).toEqual([
      [WRITE, 0],
      [WRITE, 1],
      [WRITE, 2],
    ]);
    expect(shard.storage.shardLog.records.count).toBe(3);
    const again = await shard.crashed();
    expect([again.queue(FSYNC).ready.length, again.queue(WRITE).ready.length]).toEqual([0, 3]);
  });

  it('are acks in runs', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    for (let i = 0; i < 100; i += 1) shard.publish([FSYNC], `${i}`);
    await shard.synced();
    shard.acceptor.consume(FSYNC, CHANNEL, 1);
    await shard.delivered(100);
    shard.acceptor.ack(CHANNEL, 1, 40);
    shard.acceptor.ack(CHANNEL, 42, 50);
    await shard.until(() => !shard.storage.shardLog.isIdle);
    await shard.synced();
    const acks = (await recordsIn(shard.directory)).filter(({ kind }) => kind === log.ACK);
    expect(acks.flatMap(({ extra }) => extra)).toEqual([FSYNC, 0, 40, FSYNC, 41, 50]);
  });

  it('are acks although publishes fill every batch', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    shard.publish([FSYNC], 'first');
    await shard.synced();
    await shard.get(FSYNC);
    shard.acceptor.ack(CHANNEL, 1);
    shard.turn();
    // More than several batches hold, and all of the same size as what is left in one.
    const body = 'x'.repeat(4000);
    let published = 0;
    const more = (): void => {
      for (let i = 0; i < 400; i += 1) shard.publish([FSYNC], body);
      published += 400;
      shard.turn();
    };
    for (let i = 0; i < 3; i += 1) more();
    await shard.until(() => shard.acceptor.confirmedIn(LANE_SYNCED) > 400);
    expect(shard.acceptor.confirmedIn(LANE_SYNCED)).toBeLessThan(published + 1);
    const entries = await recordsIn(shard.crash());
    expect(entries.some(({ kind }) => kind === log.ACK)).toBe(true);
    await shard.synced();
  });
});

describe('a queue that keeps nothing', () => {
  it.each([MEMORY, TRANSIENT])('(%i) leaves alone what another queue keeps', async (other) => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    for (let i = 0; i < 6; i += 1) shard.publish([FSYNC, other], `${i}`);
    // Before the batch and after it: by get without ack, ack, requeue, purge.
    shard.acceptor.purge(other);
    await shard.synced();
    for (let i = 6; i < 12; i += 1) shard.publish([FSYNC, other], `${i}`);
    await shard.synced();
    await shard.get(other, true);
    await shard.get(other);
    await shard.get(other);
    shard.acceptor.ack(CHANNEL, 1);
    shard.acceptor.ack(CHANNEL, 2, 1, 2);
    shard.acceptor.consume(other, CHANNEL, 5, { noAck: true });
    await shard.delivered(4);
    await shard.synced();
    expect(shard.storage.shardLog.records.count).toBe(12);
    const again = await shard.crashed();
    const bodies = (await again.drain(FSYNC)).map(({ body }) => body.toString());
    expect(bodies).toEqual(Array.from({ length: 12 }, (_value, i) => `${i}`));
    const kinds = (await recordsIn(shard.directory)).map(({ kind }) => kind);
    expect(kinds).not.toContain(log.ACK);
    expect(kinds).not.toContain(log.COUNT);
  });
});
