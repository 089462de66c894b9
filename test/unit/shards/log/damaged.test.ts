// A log with flipped bits: the shard starts, says what it could not read, and has everything else;
// messages that turn out to be damaged when they are read are counted and skipped.
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../fuzz/session-bytes.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const OTHER = 2;
const QUEUES = { 1: {}, 2: {} };
const SEEDS = Number(process.env['DAMAGE_SEEDS'] ?? 12);
const COUNT = 400;

const sizeOf = (i: number): number => (i % 40 === 39 ? 300_000 : (i % 7) * 500);
const idsOf = (messages: readonly Arrived[]): number[] =>
  messages.map(({ exrk }) => Number(exrk.slice(1)));

function flip(directory: string, name: string, offset: number, bit: number): void {
  const descriptor = openSync(path.join(directory, name), 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0] ^= 1 << bit;
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

/** Messages 0 to COUNT - 1, each third in both queues; in QUEUE the first 100 are acked. */
async function made(): Promise<DurableShard> {
  const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
  for (let i = 0; i < COUNT; i += 1) {
    const queues = i % 3 === 0 ? [QUEUE, OTHER] : [QUEUE];
    shard.publish(queues, bodyOf(i, sizeOf(i)), { exrk: `#${i}` });
    if (i % 50 === 49) await shard.synced();
  }
  shard.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 100 });
  await shard.delivered(100);
  shard.acceptor.cancel(CHANNEL, 1);
  shard.turn();
  shard.acceptor.ack(CHANNEL, 1, 100);
  await shard.until(() => !shard.storage.shardLog.isIdle);
  await shard.synced();
  return shard;
}

describe('a shard whose log is damaged', () => {
  it('misses at most the records that were hit', async () => {
    const shard = await made();
    const segments = readdirSync(shard.directory).filter((name) => name.endsWith('.seg'));
    const random = new Random(4711);
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const copy = shard.crash();
      const flips = 1 + random.below(3);
      for (let i = 0; i < flips; i += 1) {
        const name = random.pick(segments);
        const { size } = statSync(path.join(copy, name));
        flip(copy, name, random.below(size), random.below(8));
      }
      const again = await DurableShard.start(copy, { queues: QUEUES });
      const found = await again.drain(QUEUE);
      const ids = idsOf(found);
      expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
      for (const [i, { body }] of found.entries()) {
        expect(body.equals(bodyOf(ids[i], sizeOf(ids[i])))).toBe(true);
      }
      // The acks may be what was hit; of the messages each flip costs one.
      const missing = Array.from({ length: COUNT - 100 }, (_value, i) => i + 100).filter(
        (id) => !ids.includes(id),
      );
      expect(missing.length).toBeLessThanOrEqual(flips);
      if (missing.length > 0) expect(again.report.corruptRanges.length).toBeGreaterThan(0);
      const others = idsOf(await again.drain(OTHER));
      const wanted = Array.from({ length: COUNT }, (_value, i) => i).filter((i) => i % 3 === 0);
      expect(wanted.filter((id) => !others.includes(id)).length).toBeLessThanOrEqual(flips);
      expect(again.lost).toBe(0);
      await again.stop();
    }
  });

  it('starts with any checkpoint, and then has too much rather than too little', async () => {
    const shard = await made();
    await shard.stop();
    const checkpoints = readdirSync(shard.directory).filter((name) => name.endsWith('.ckpt'));
    expect(checkpoints.length).toBeGreaterThan(0);
    const random = new Random(42);
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const copy = shard.crash();
      for (const name of checkpoints) {
        flip(copy, name, random.below(statSync(path.join(copy, name)).size), random.below(8));
      }
      const again = await DurableShard.start(copy, { queues: QUEUES });
      const ids = idsOf(await again.drain(QUEUE));
      const wanted = Array.from({ length: COUNT - 100 }, (_value, i) => i + 100);
      expect(ids).toEqual(wanted);
      await again.stop();
    }
  });

  it('goes on behind a message that it cannot read any more', async () => {
    const shard = await made();
    const again = await shard.restarted();
    // Damaged after the start: it is known, but it cannot be read.
    const { records } = again.storage.shardLog;
    const hit = [150, 151, 159, 399];
    const { ready } = again.queue(QUEUE);
    const [first, second, large, last] = hit.map((id) => records.position(~ready.at(id)!));
    const name = (position: number): string =>
      `${String(Math.floor(position / 2 ** 20)).padStart(16, '0')}.seg`;
    for (const position of [first, second, large, last]) {
      flip(again.directory, name(position), (position % 2 ** 20) + 45, 3);
    }
    const count = ready.length + again.queue(OTHER).ready.length;
    again.acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 5 });
    const ids: number[] = [];
    while (ids.at(-1) !== 398) {
      const [{ number, exrk }] = await again.delivered(1);
      ids.push(Number(exrk.slice(1)));
      again.acceptor.ack(CHANNEL, number);
    }
    await again.until(() => again.queue(QUEUE).ready.isEmpty);
    await again.synced();
    const wanted = Array.from({ length: COUNT - 100 }, (_value, i) => i + 100);
    expect(ids).toEqual(wanted.filter((id) => !hit.includes(id)));
    expect(again.lost).toBe(4);
    const lost = again.driver.notices.filter(({ kind }) => kind === 'message-lost');
    expect(lost).toEqual(hit.map((id) => ({ kind: 'message-lost', queueId: QUEUE, position: id })));
    expect(again.queue(QUEUE).heldBytes).toBe(0);
    expect(count).toBeGreaterThan(400);
    // They are acked: the next start does not count them again.
    const third = await again.restarted();
    expect(third.queue(QUEUE).ready.length).toBe(0);
  });
});
