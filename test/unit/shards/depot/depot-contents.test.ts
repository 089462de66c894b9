// What a depot takes, and what it makes of files that are damaged: at most the message that is hit
// is lost, and the log says so. Very many that are due together come in order all the same.
import * as fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LANE_MEMORY } from '../../../../shards/mailbox/confirm-counter.ts';
import { bodyOf, DurableShard, freshDirectory } from '../log/durable-shard.ts';
import {
  ask,
  come,
  delay,
  depotOf,
  filesOf,
  HOUR,
  keysOf,
  MONTH,
  NOW,
  OPTIONS,
  pass,
  QUEUE,
  said,
  start,
  stowed,
} from './depot-driver.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => vi.useRealTimers());

describe('damage', () => {
  it('costs the message that it is in, and is told at the next start', async () => {
    const shard = await start();
    for (const name of ['one', 'two', 'three']) delay(shard, name, MONTH, name.repeat(50));
    await stowed(shard, 3);
    await shard.stop();
    const name = filesOf(shard).find((one) => one.endsWith('.msgs'))!;
    const file = path.join(shard.directory, 'delayed', String(QUEUE), name);
    const bytes = fs.readFileSync(file);
    bytes[bytes.indexOf('twotwotwo')] ^= 1;
    fs.writeFileSync(file, bytes);
    const again = await DurableShard.start(shard.directory, OPTIONS);
    expect(again.report.corruptRanges).toHaveLength(1);
    expect(again.report.corruptRanges[0]).toContain(`delayed/${QUEUE}/${name}, bytes `);
    expect(await keysOf(again)).toEqual(['one', 'three']);
    pass(2 * MONTH);
    expect(await come(again, 2)).toEqual(['one', 'three']);
  });

  it('to the log costs no number: what comes is numbered behind what waits', async () => {
    const shard = await start();
    for (const name of ['a', 'b', 'c']) delay(shard, name, MONTH);
    await stowed(shard, 3);
    await shard.stop();
    for (const name of fs.readdirSync(shard.directory)) {
      if (name !== 'delayed') fs.rmSync(path.join(shard.directory, name), { recursive: true });
    }
    const again = await DurableShard.start(shard.directory, OPTIONS);
    delay(again, 'd', 2 * MONTH);
    await again.synced();
    const { messages } = await ask(again, { kind: 'list', offset: 0, count: 10 });
    expect(messages.map(({ position }) => position)).toEqual([0, 1, 2, 3]);
  });

  it('that comes later is told then, and the others come', async () => {
    const shard = await start();
    for (const name of ['one', 'two', 'three']) delay(shard, name, MONTH, name.repeat(50));
    await stowed(shard, 3);
    const [name] = filesOf(shard);
    const file = path.join(shard.directory, 'delayed', String(QUEUE), name);
    const bytes = fs.readFileSync(file);
    bytes[bytes.indexOf('twotwotwo')] ^= 1;
    fs.writeFileSync(file, bytes);
    pass(2 * MONTH);
    expect(await come(shard, 2)).toEqual(['one', 'three']);
    expect(said(shard, 'depot-damage')).toBe(1);
    expect(depotOf(shard).count).toBe(0);
  });
});

describe('the depot', () => {
  it('takes neither large messages nor transient ones', async () => {
    const directory = freshDirectory();
    const shard = await DurableShard.start(directory, { ...OPTIONS, residentBytesMax: 1 });
    delay(shard, 'large', MONTH, bodyOf(1, 5000).toString());
    for (let i = 0; i < 80; i += 1) {
      const exrk = `\u0005later\u0003${String(i).padStart(3, '0')}`;
      shard.publish([QUEUE], 'transient', { exrk, ttlMillis: MONTH + i, lane: LANE_MEMORY });
      if (i % 20 === 0) await shard.synced();
    }
    delay(shard, 'small', MONTH + 1000);
    await stowed(shard, 1);
    expect(await keysOf(shard)).toHaveLength(82);
    pass(2 * MONTH);
    expect(await come(shard, 82)).toHaveLength(82);
  });

  it('divides a period of very many once more, and keeps their order', {
    timeout: 60_000,
  }, async () => {
    const shard = await start();
    const COUNT = 70_000;
    // All in one period.
    const first = Math.ceil((NOW + 2 * HOUR) / 2 ** 18) * 2 ** 18 - NOW;
    const key = (i: number): string => String(i).padStart(5, '0');
    for (let i = 0; i < COUNT; i += 1) {
      const exrk = `\u0005later\u0005${key(i)}`;
      shard.publish([QUEUE], '', { exrk, ttlMillis: first + ((i * 7919) % COUNT) * 3 });
      if (i % 2000 === 0) await shard.synced();
    }
    await stowed(shard, COUNT);
    expect(shard.storage.report().messages).toBe(0);
    pass(first - 40_000);
    await shard.until(() => filesOf(shard).some((name) => name.startsWith('12-')));
    pass(COUNT * 3 + 60_000);
    const keys = await come(shard, COUNT);
    const order = Array.from({ length: COUNT }, (_value, i) => i);
    order.sort((a, b) => ((a * 7919) % COUNT) - ((b * 7919) % COUNT));
    expect(keys).toEqual(order.map(key));
    await shard.until(() => filesOf(shard).every((name) => name === 'done.log'));
  });
});
