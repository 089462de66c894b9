// The depot of a shard when things go wrong, or happen at the same time: a disk that is full or
// fails, damage, a message that is due, dropped or sent on while it is being moved, very many that
// are due together. Nothing is lost but what is damaged.
import * as fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DurableShard } from '../log/durable-shard.ts';
import {
  ask,
  come,
  delay,
  depotOf,
  filesOf,
  full,
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

/** What is done before a file of messages is written or synced: fails, or waits. */
const disk = vi.hoisted(() => ({
  before: async (_act: string, _file: string): Promise<void> => undefined,
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FsPromises>();
  const open = async (file: string, ...rest: [string, number?]) => {
    const handle = await real.open(file, ...rest);
    if (!/\.(?:msgs|spent|new)$/u.test(file)) return handle;
    for (const act of ['write', 'datasync', 'sync'] as const) {
      const plain = handle[act] as (...args: unknown[]) => Promise<unknown>;
      const watched = async (...args: unknown[]): Promise<unknown> => {
        await disk.before(act, file);
        return plain.apply(handle, args);
      };
      Object.assign(handle, { [act]: watched });
    }
    return handle;
  };
  return { ...real, open };
});

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => {
  disk.before = async () => undefined;
  vi.useRealTimers();
});

describe('a disk without room', () => {
  it('leaves messages in the log, is said once, and is tried again', async () => {
    const shard = await start();
    disk.before = async (act) => {
      if (act === 'write') throw full();
    };
    for (let i = 0; i < 20; i += 1) delay(shard, `m${i}`, MONTH + i * HOUR);
    await shard.synced();
    pass(10_001);
    await shard.until(() => said(shard, 'depot-full') > 0);
    pass(5001);
    await shard.synced();
    expect(depotOf(shard).count).toBe(0);
    expect(await keysOf(await shard.crashed())).toHaveLength(20);
    disk.before = async () => undefined;
    pass(5001);
    await shard.until(() => depotOf(shard).count === 20);
    expect(said(shard, 'depot-full')).toBe(1);
    expect(await keysOf(await shard.crashed())).toHaveLength(20);
  });

  it('takes back what was written when it cannot be synced', async () => {
    const shard = await start();
    delay(shard, 'first', MONTH);
    await stowed(shard, 1);
    disk.before = async (act) => {
      if (act === 'datasync') throw full();
    };
    delay(shard, 'same', MONTH);
    delay(shard, 'other', 6 * MONTH);
    await shard.synced();
    pass(10_001);
    await shard.until(() => said(shard, 'depot-full') > 0);
    expect(filesOf(shard)).toHaveLength(1);
    disk.before = async () => undefined;
    const again = await shard.crashed();
    expect(await keysOf(again)).toEqual(['first', 'same', 'other']);
    expect(again.report.corruptRanges).toEqual([]);
  });

  it('does not keep messages from coming when their time has come', async () => {
    const shard = await start();
    const names = Array.from({ length: 30 }, (_value, i) => `m${String(i).padStart(2, '0')}`);
    for (const [i, name] of names.entries()) delay(shard, name, MONTH + i * HOUR);
    await stowed(shard, 30);
    disk.before = async (act) => {
      if (act === 'write') throw full();
    };
    pass(MONTH + 30 * HOUR);
    expect(await come(shard, 30)).toEqual(names);
    expect(said(shard, 'depot-full')).toBe(1);
  });
});

describe('a disk that has room for copies, but not for saying that they count', () => {
  it('keeps the files as they were', async () => {
    const shard = await start();
    const names = Array.from({ length: 10 }, (_value, i) => `m${i}`);
    for (const [i, name] of names.entries()) delay(shard, name, MONTH + i * HOUR);
    await stowed(shard, 10);
    const before = filesOf(shard);
    disk.before = async (_act, file) => {
      if (file.endsWith('.spent')) throw full();
    };
    pass(MONTH - 26 * HOUR);
    await shard.until(() => said(shard, 'depot-full') === 1);
    await ask(shard, { kind: 'list', offset: 0, count: 0 });
    expect(filesOf(shard)).toEqual(before);
    expect(await keysOf(await shard.crashed())).toEqual(names);
    pass(26 * HOUR + 5 * HOUR);
    expect(await come(shard, 6)).toEqual(names.slice(0, 6));
  });
});

describe('a start on a full disk', () => {
  it('knows what was cancelled all the same', async () => {
    const shard = await start();
    for (const name of ['a', 'b', 'c']) delay(shard, name, MONTH);
    await stowed(shard, 3);
    await ask(shard, { kind: 'cancel', position: 1 });
    disk.before = async (_act, file) => {
      if (file.endsWith('done.new')) throw full();
    };
    const again = await shard.crashed();
    expect(await keysOf(again)).toEqual(['a', 'c']);
    expect(await ask(again, { kind: 'cancel', position: 0 })).toMatchObject({ count: 0 });
    expect(await keysOf(again)).toEqual(['c']);
    expect(await keysOf(await again.crashed())).toEqual(['a', 'c']);
    disk.before = async () => undefined;
    expect(await ask(again, { kind: 'cancel', position: 2 })).toMatchObject({ count: 1 });
    expect(await keysOf(await again.crashed())).toEqual([]);
  });
});

describe('a disk that fails', () => {
  it('ends the shard', async () => {
    const shard = await start();
    const failed: string[] = [];
    Object.assign(depotOf(shard).state.around, { fail: (reason: string) => failed.push(reason) });
    disk.before = async (act) => {
      if (act === 'datasync') throw Object.assign(new Error('bad disk'), { code: 'EIO' });
    };
    delay(shard, 'a', MONTH);
    await shard.synced();
    pass(10_001);
    await shard.until(() => failed.length > 0);
    expect(failed).toEqual(['bad disk']);
    disk.before = async () => undefined;
    expect(await keysOf(await shard.crashed())).toEqual(['a']);
  });
});

describe('while messages are moved', () => {
  /** Everything that is written waits until the result is called. */
  function held(act: string): { release: () => void; readonly isWaiting: boolean } {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = () => resolve();
    });
    const state = { release: () => release(), isWaiting: false };
    disk.before = async (what) => {
      if (what !== act) return;
      state.isWaiting = true;
      await gate;
    };
    return state;
  }

  it('they can become due, and come once', async () => {
    const shard = await start();
    delay(shard, 'due', 2 * HOUR);
    delay(shard, 'later', MONTH);
    await shard.synced();
    const gate = held('datasync');
    pass(10_001);
    await shard.until(() => gate.isWaiting);
    pass(2 * HOUR);
    expect(await come(shard, 1)).toEqual(['due']);
    gate.release();
    await shard.until(() => depotOf(shard).count === 1);
    pass(HOUR);
    expect(await keysOf(shard)).toEqual(['later']);
    const again = await shard.restarted();
    expect(await keysOf(again)).toEqual(['later']);
    expect(again.forwarded).toEqual([]);
  });

  it('they can be dropped, all of them', async () => {
    const shard = await start();
    delay(shard, 'a', MONTH);
    delay(shard, 'b', 2 * MONTH);
    await shard.synced();
    const gate = held('datasync');
    pass(10_001);
    await shard.until(() => gate.isWaiting);
    const answer = ask(shard, { kind: 'cancel', position: undefined });
    gate.release();
    expect(await answer).toMatchObject({ count: 2 });
    expect(filesOf(shard)).toEqual([]);
    delay(shard, 'c', MONTH);
    await stowed(shard, 1);
    expect(await keysOf(await shard.crashed())).toEqual(['c']);
  });

  it('they can be dropped while their period is divided', async () => {
    const shard = await start();
    for (let i = 0; i < 10; i += 1) delay(shard, `m${i}`, MONTH + i * HOUR);
    await stowed(shard, 10);
    const gate = held('sync');
    pass(MONTH - 26 * HOUR);
    await shard.until(() => gate.isWaiting);
    const answer = ask(shard, { kind: 'cancel', position: undefined });
    gate.release();
    expect(await answer).toMatchObject({ count: 10 });
    expect(filesOf(shard)).toEqual([]);
    expect(await keysOf(await shard.crashed())).toEqual([]);
  });

  it('their exchange can go, and takes the directory with it', async () => {
    const shard = await start();
    delay(shard, 'a', MONTH);
    await stowed(shard, 1);
    const { state } = shard.driver;
    state.deleteQueue(shard.queue(QUEUE));
    const directory = path.join(shard.directory, 'delayed', String(QUEUE));
    await shard.until(() => !fs.existsSync(directory));
  });
});

describe('a crash', () => {
  it('between the copies of a period and the end of its files brings nothing twice', async () => {
    const shard = await start();
    for (let i = 0; i < 10; i += 1) delay(shard, `m${i}`, MONTH + i * HOUR);
    await stowed(shard, 10);
    const copies: string[] = [];
    disk.before = async (act, file) => {
      // Before the copies are synced, and before their sources are marked.
      if (act === 'datasync' || file.endsWith('.spent')) copies.push(shard.crash());
    };
    pass(MONTH - 26 * HOUR);
    await shard.until(
      () => copies.length > 1 && filesOf(shard).every((one) => one.startsWith('24')),
    );
    disk.before = async () => undefined;
    const expected = Array.from({ length: 10 }, (_value, i) => `m${i}`);
    for (const copy of copies) {
      const again = await DurableShard.start(copy, OPTIONS);
      expect(await keysOf(again)).toEqual(expected);
      expect(depotOf(again).count).toBe(10);
    }
  });

  it('after a cancelling that was answered does not bring the message back', async () => {
    const shard = await start();
    for (const name of ['a', 'b', 'c']) delay(shard, name, MONTH);
    await stowed(shard, 3);
    expect(await ask(shard, { kind: 'cancel', position: 1 })).toMatchObject({ count: 1 });
    const crashed = await shard.crashed();
    expect(await keysOf(crashed)).toEqual(['a', 'c']);
    expect(depotOf(crashed).count).toBe(2);
    pass(2 * MONTH);
    expect(await come(crashed, 2)).toEqual(['a', 'c']);
  });
});
