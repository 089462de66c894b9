// A shard's log stays small: checkpoints let dead segments go, cleaning moves what lives in nearly
// dead ones, and neither loses or resurrects anything, whenever the process dies.
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACK, RECORD_HEADER_BYTES } from '../../../../src/log/log.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const QUEUE = 1;
const OTHER = 2;
const MIB = 1024 * 1024;
const QUEUES = { 1: {}, 2: {} };
const CLEANING = { queues: QUEUES, cleaning: { slackBytes: 2 * MIB } };

const names = (messages: readonly Arrived[]): string[] => messages.map(({ exrk }) => exrk);

function segmentsOn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.seg'));
}

/** Publishes and settles `count` messages of 3000 bytes; every `keepEvery`th goes to OTHER. */
async function churn(
  shard: DurableShard,
  from: number,
  count: number,
  keepEvery = 0,
): Promise<string[]> {
  const kept: string[] = [];
  for (let i = from; i < from + count; i += 1) {
    const isKept = keepEvery > 0 && i % keepEvery === 0;
    if (isKept) kept.push(`#${i}`);
    shard.publish([isKept ? OTHER : QUEUE], bodyOf(i, 3000), { exrk: `#${i}` });
    if (i % 100 === 99) {
      await shard.synced();
      shard.acceptor.purge(QUEUE);
      shard.turn();
    }
  }
  // The acks are still to be written, which nothing waits for.
  return kept;
}

async function quietly(shard: DurableShard, isDone: () => boolean): Promise<void> {
  await shard.until(isDone);
  await shard.synced();
}

describe('checkpoints', () => {
  it('let segments go that hold nothing any more', async () => {
    const shard = await DurableShard.start(freshDirectory(), CLEANING);
    await churn(shard, 0, 4000);
    await quietly(shard, () => segmentsOn(shard.directory).length <= 4);
    const { checkpoints, bytesWritten } = shard.storage.report();
    expect(checkpoints).toBeGreaterThan(3);
    expect(bytesWritten).toBeGreaterThan(11 * MIB);
    // The acks in them are gone with them: nothing may come back all the same.
    const again = await shard.crashed();
    expect([again.report.messages, again.report.corruptRanges]).toEqual([0, []]);
    again.publish([QUEUE], 'x', { exrk: '#x' });
    await again.synced();
    expect(names(await (await again.crashed()).drain(QUEUE))).toEqual(['#x']);
  });

  it('let go of segments that hold acks only', async () => {
    const shard = await DurableShard.start(freshDirectory(), CLEANING);
    const { shardLog } = shard.storage;
    for (let i = 0; i < 4; i += 1) {
      const synced = Promise.withResolvers<void>();
      const records = ackRecords(10);
      shardLog.appendPacked(records, records.length, () => synced.resolve());
      await synced.promise;
    }
    expect(segmentsOn(shard.directory).length).toBe(4);
    expect(shard.storage.report().segments).toBe(4);
    await quietly(shard, () => segmentsOn(shard.directory).length === 1);
    expect(shard.storage.report().segments).toBe(1);
  });

  it('know what is unacked, requeued or not written yet', async () => {
    const shard = await DurableShard.start(freshDirectory(), CLEANING);
    for (let i = 0; i < 10; i += 1) shard.publish([OTHER], bodyOf(i, 3000), { exrk: `#${i}` });
    shard.acceptor.consume(OTHER, CHANNEL, 1, { prefetch: 5 });
    const held = await shard.delivered(5);
    shard.acceptor.cancel(CHANNEL, 1);
    shard.turn();
    shard.acceptor.ack(CHANNEL, held[1].number, 1, 2);
    shard.acceptor.ack(CHANNEL, held[2].number);
    await churn(shard, 1000, 2500);
    const { checkpoints } = shard.storage.report();
    expect(checkpoints).toBeGreaterThan(1);
    const again = await shard.crashed();
    const wanted = [0, 1, 3, 4, 5, 6, 7, 8, 9].map((i) => `#${i}`);
    expect(names(await again.drain(OTHER))).toEqual(wanted);
  });
});

describe('the disk alarm', () => {
  it('has dead segments given back though the log itself has room', async () => {
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES });
    for (let i = 0; i < 1900; i += 1) {
      shard.publish([QUEUE], bodyOf(i, 3000), { exrk: `#${i}` });
      if (i % 100 === 99) await shard.synced();
    }
    shard.acceptor.purge(QUEUE);
    await shard.synced();
    expect(segmentsOn(shard.directory).length).toBeGreaterThan(4);
    shard.storage.setAlarm(true);
    await quietly(shard, () => segmentsOn(shard.directory).length === 1);
    expect(shard.driver.notices.some((notice) => notice.kind === 'log-space')).toBe(false);
    const again = await shard.crashed();
    expect(again.report.messages).toBe(0);
  });
});

describe('a full disk', () => {
  const FULL = { queues: QUEUES, faults: `write-full:${8 * MIB}` };
  const isShort = (shard: DurableShard): boolean =>
    shard.driver.notices.findLast((notice) => notice.kind === 'log-space')?.isShort === true;

  /** Publishes until there is no room for more segments. */
  async function filled(): Promise<DurableShard> {
    const shard = await DurableShard.start(freshDirectory(), FULL);
    for (let i = 0; !isShort(shard); i += 1) {
      shard.publish([QUEUE], bodyOf(i, 3000), { exrk: `#${i}` });
      if (i % 100 === 99) await shard.until(() => isShort(shard) || shard.storage.shardLog.isIdle);
    }
    return shard;
  }

  it('has room again when messages have gone, and nothing was lost', async () => {
    const shard = await filled();
    const count = shard.queue(QUEUE).ready.length;
    shard.publish([OTHER], 'waits', { exrk: '#waits' });
    shard.acceptor.purge(QUEUE);
    await shard.until(() => !isShort(shard));
    await shard.synced();
    expect(count).toBeGreaterThan(1000);
    expect(segmentsOn(shard.directory).length).toBeLessThan(6);
    const again = await shard.crashed({ faults: undefined });
    expect(names(await again.drain(OTHER))).toEqual(['#waits']);
    expect(again.report.messages).toBe(1);
  });

  it('is looked at again though nobody does anything', async () => {
    const shard = await filled();
    shard.acceptor.purge(QUEUE);
    shard.turn();
    await shard.until(() => shard.storage.report().checkpoints > 0);
    shard.turn();
    // From here on no turn runs that was not asked for.
    const { promise, resolve } = Promise.withResolvers<void>();
    shard.storage.schedule = () => {
      shard.turn();
      if (!isShort(shard)) resolve();
    };
    shard.turn();
    await promise;
    shard.storage.schedule = () => undefined;
    expect(isShort(shard)).toBe(false);
  });
});

describe('cleaning', () => {
  it('moves single messages out of many segments, and they stay what they are', async () => {
    const shard = await DurableShard.start(freshDirectory(), CLEANING);
    const kept: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      kept.push(...(await churn(shard, round * 1200, 1200, 300)));
      const copy = await shard.crashed();
      expect(names(await copy.drain(OTHER))).toEqual(kept);
      await copy.stop();
    }
    const atMost = (): boolean => {
      const { diskBytes, liveBytes } = shard.storage.report();
      return diskBytes <= liveBytes * 2 + CLEANING.cleaning.slackBytes + 3 * MIB;
    };
    await quietly(shard, atMost);
    // Every segment held one, so without cleaning all would be there.
    expect(shard.storage.report().bytesWritten).toBeGreaterThan(17 * MIB);
    expect(segmentsOn(shard.directory).length).toBeLessThan(9);
    const again = await shard.restarted();
    const messages = await again.drain(OTHER);
    expect(names(messages)).toEqual(kept);
    for (const { exrk, body } of messages) {
      expect(body.equals(bodyOf(Number(exrk.slice(1)), 3000))).toBe(true);
    }
    await again.synced();
    expect((await again.crashed()).report.messages).toBe(0);
  });

  it('moves messages of several queues, acked meanwhile or on disk only', async () => {
    const options = { ...CLEANING, residentBytesMax: 1 };
    const shard = await DurableShard.start(freshDirectory(), options);
    const kept: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      const exrk = `#${10_000_000 + i}`;
      shard.publish([QUEUE, OTHER], bodyOf(i, 1000), { exrk });
      kept.push(exrk);
      await churn(shard, i * 100, 100);
    }
    // The churn purges QUEUE, so only OTHER still has them.
    const drained: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const got = await shard.get(OTHER);
      drained.push((got as Arrived).exrk);
      shard.acceptor.ack(CHANNEL, i + 1);
      await churn(shard, 50_000 + i * 100, 100);
    }
    expect(drained).toEqual(kept.slice(0, 20));
    expect(shard.lost).toBe(0);
    const again = await shard.crashed();
    expect(names(await again.drain(OTHER))).toEqual(kept.slice(20));
    const ledger = shard.storage.shardLog.ledger;
    expect(ledger.liveBytes).toBe(liveBytesOf(shard));
  });

  it('moves large messages, and leaves those that are too large', async () => {
    const cleaning = { slackBytes: 2 * MIB, movedBytesMax: 2 * MIB };
    const shard = await DurableShard.start(freshDirectory(), { queues: QUEUES, cleaning });
    const sizes = [3 * MIB, 300_000, 70_000, MIB + 5, 5000, 260 * 1024];
    for (const [i, size] of sizes.entries()) {
      shard.publish([OTHER], bodyOf(i, size), { exrk: `#${i}` });
      await churn(shard, 1000, 500);
    }
    const { ledger } = shard.storage.shardLog;
    const first = Math.min(...ledger.segments.keys());
    for (let i = 0; i < 4; i += 1) await churn(shard, 1000, 1000);
    // What was too large keeps its segments; the others have left theirs.
    expect(Math.min(...ledger.segments.keys())).toBe(first);
    expect(ledger.diskBytes).toBeLessThan(17 * MIB);
    const messages = await (await shard.crashed()).drain(OTHER);
    expect(names(messages)).toEqual(sizes.map((_size, i) => `#${i}`));
    for (const [i, size] of sizes.entries()) {
      expect(messages[i].body.equals(bodyOf(i, size))).toBe(true);
    }
    expect(ledger.liveBytes).toBe(liveBytesOf(shard));
    await shard.drain(OTHER);
    await churn(shard, 1000, 2000);
    await quietly(shard, () => segmentsOn(shard.directory).length <= 4);
    expect(ledger.liveBytes).toBe(0);
  });
});

/** What the ledger should say, counted row by row. */
function liveBytesOf(shard: DurableShard): number {
  const { records } = shard.storage.shardLog;
  let bytes = 0;
  for (let row = 0; row < records.end; row += 1) {
    if (records.isUsed(row)) bytes += 40 + Math.ceil(records.dataBytes(row) / 8) * 8;
  }
  return bytes;
}

/** Full ACK records, for a queue that there is not: ten of them nearly fill a segment. */
function ackRecords(count: number): Buffer {
  const triples = 8192;
  const bytes = RECORD_HEADER_BYTES + triples * 12;
  const records = Buffer.alloc(bytes * count);
  for (let at = 0; at < records.length; at += bytes) {
    records.writeUInt32LE(bytes, at + 4);
    records.writeUInt32LE((ACK | (triples << 16)) >>> 0, at + 8);
  }
  return records;
}
