// `shards` was lowered: the log of a shard that is no more is taken over by another shard, once,
// whenever that one dies on the way.
import { closeSync, cpSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ShardLog } from '../../../../shards/log/shard-log.ts';
import { logDirectory, orphanLogs, removeLogs } from '../../../../src/supervisor/orphan-logs.ts';
import { type Arrived, bodyOf, CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const OWN = 1;
const HERS = 2;
const ALSO_HERS = 3;
const QUEUES = { [OWN]: {}, [HERS]: { shard: 1 }, [ALSO_HERS]: { shard: 1 } };
const names = (messages: readonly Arrived[]): string[] => messages.map(({ exrk }) => exrk);
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_value, i) => `#${from + i}`);

/** DATA with the logs of shards 0 and 1; HERS has 5 to 299, each tenth large, and some requeued. */
async function twoLogs(): Promise<string> {
  const data = path.dirname(freshDirectory());
  const zero = await DurableShard.start(logDirectory(data, 0), { queues: { [OWN]: {} } });
  for (let i = 0; i < 20; i += 1) zero.publish([OWN], `${i}`, { exrk: `#${i}` });
  await zero.synced();
  await zero.stop();
  const queues = { [HERS]: {}, [ALSO_HERS]: {} };
  const one = await DurableShard.start(logDirectory(data, 1), { queues });
  for (let i = 0; i < 300; i += 1) {
    const size = i % 10 === 9 ? 16_000 * (i % 40) : i * 7;
    one.publish(i % 50 === 0 ? [HERS, ALSO_HERS] : [HERS], bodyOf(i, size), { exrk: `#${i}` });
    if (i % 20 === 19) await one.synced();
  }
  for (let i = 0; i < 7; i += 1) await one.get(HERS);
  one.acceptor.ack(CHANNEL, 1, 5);
  one.acceptor.ack(CHANNEL, 6, 1, 2);
  await one.synced();
  await one.stop();
  return data;
}

function open(data: string): Promise<DurableShard> {
  const orphans = orphanLogs(data, 1);
  return DurableShard.start(logDirectory(data, 0), { queues: QUEUES, orphans });
}

async function expectEverything(shard: DurableShard): Promise<void> {
  const messages = await shard.drain(HERS);
  expect(names(messages)).toEqual(numbered(5, 300));
  for (const { exrk, body } of messages) {
    const i = Number(exrk.slice(1));
    expect(body.equals(bodyOf(i, i % 10 === 9 ? 16_000 * (i % 40) : i * 7))).toBe(true);
  }
  expect(names(await shard.drain(ALSO_HERS))).toEqual(numbered(0, 6).map((_n, i) => `#${i * 50}`));
  expect(names(await shard.drain(OWN))).toEqual(numbered(0, 20));
  expect(shard.lost).toBe(0);
}

const { appendPacked } = ShardLog.prototype;

afterEach(() => {
  ShardLog.prototype.appendPacked = appendPacked;
});

describe('the logs of shards that are no more', () => {
  it('are those beyond the number of shards', () => {
    const data = path.dirname(freshDirectory());
    for (const shard of [0, 1]) mkdirSync(logDirectory(data, shard), { recursive: true });
    expect(orphanLogs(data, 1)).toEqual([{ shard: 1, directory: logDirectory(data, 1) }]);
    expect(orphanLogs(data, 2)).toEqual([]);
    expect(orphanLogs(path.join(data, 'none'), 1)).toEqual([]);
    removeLogs(orphanLogs(data, 1));
    expect([existsSync(logDirectory(data, 0)), existsSync(logDirectory(data, 1))]).toEqual([
      true,
      false,
    ]);
  });

  it('are taken over whole, with what is known of deliveries', async () => {
    const data = await twoLogs();
    const shard = await open(data);
    expect([...shard.queue(HERS).ready.countsOfRecovered]).toEqual([
      [5, 1],
      [6, 1],
    ]);
    await expectEverything(shard);
    shard.publish([HERS], 'new', { exrk: '#new' });
    await shard.synced();
    removeLogs(orphanLogs(data, 1));
    await shard.stop();
    const again = await open(data);
    expect(names(await again.drain(HERS))).toEqual(['#new']);
  });

  it('are not taken over again when only the last step was missing', async () => {
    const data = await twoLogs();
    const shard = await open(data);
    for (let i = 0; i < 5; i += 1) await shard.get(HERS);
    shard.acceptor.ack(CHANNEL, 1, 5);
    shard.publish([HERS], 'new', { exrk: '#300' });
    await shard.until(() => shard.storage.shardLog.isIdle);
    const copy = path.dirname(freshDirectory());
    cpSync(data, copy, { recursive: true });
    const again = await open(copy);
    expect(names(await again.drain(HERS))).toEqual(numbered(10, 301));
  });

  it('are taken over from the start after a crash on the way', async () => {
    const data = await twoLogs();
    const copies: string[] = [];
    const copyAll = (): void => {
      const copy = path.dirname(freshDirectory());
      cpSync(data, copy, { recursive: true });
      copies.push(copy);
    };
    ShardLog.prototype.appendPacked = function crashing(target, usedBytes, onSynced) {
      copyAll();
      return appendPacked.call(this, target, usedBytes, () => {
        copyAll();
        onSynced();
      });
    };
    await open(data);
    ShardLog.prototype.appendPacked = appendPacked;
    // Two packs at least, and the end.
    expect(copies.length).toBeGreaterThanOrEqual(6);
    for (const copy of [copies[1], ...copies.slice(-3)]) {
      const again = await open(copy);
      // As the broker does before anybody can consume.
      removeLogs(orphanLogs(copy, 1));
      await expectEverything(again);
      await again.stop();
      const third = await open(copy);
      expect(third.report.messages).toBe(0);
      await third.stop();
    }
  });

  it('are taken over whole however many queues a message is in', async () => {
    const data = path.dirname(freshDirectory());
    const ids = Array.from({ length: 8400 }, (_value, i) => i + 1);
    const hers = Object.fromEntries(ids.map((id) => [id, { shard: 1 }]));
    const one = await DurableShard.start(logDirectory(data, 1), { queues: hers });
    for (let i = 0; i < 40; i += 1) one.publish(ids, bodyOf(i, 100), { exrk: `#${i}` });
    await one.synced();
    await one.stop();
    const zero = DurableShard.start(logDirectory(data, 0), {
      queues: hers,
      orphans: orphanLogs(data, 1),
    });
    const shard = await zero;
    expect(shard.report.messages).toBe(40 * ids.length);
    for (const id of [1, 1500, 8400]) {
      expect(names(await shard.drain(id))).toEqual(numbered(0, 40));
    }
  });

  it('give up what cannot be read, and nothing else', async () => {
    const data = await twoLogs();
    const file = path.join(logDirectory(data, 1), '0000000000000001.seg');
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.from('damage'), 0, 6, 3000);
    closeSync(descriptor);
    const shard = await open(data);
    expect(shard.report.corruptRanges).toHaveLength(1);
    expect(shard.report.corruptRanges[0]).toMatch(/^shard 1: segment 1, bytes \d+ to \d+$/u);
    const left = names(await shard.drain(HERS));
    expect(left.length).toBe(294);
    expect(numbered(5, 300).filter((name) => left.includes(name))).toEqual(left);
  });
});
