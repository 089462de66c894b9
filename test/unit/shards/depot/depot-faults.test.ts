// The depot of a shard when things go wrong, or happen at the same time: a disk that is full or
// fails, damage, a message that is due, dropped or sent on while it is being moved, very many that
// are due together. Nothing is lost but what is damaged.
import * as fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { delayedAnswer } from '../../../../shards/delayed-answer.ts';
import { LANE_MEMORY } from '../../../../shards/mailbox/confirm-counter.ts';
import type { DelayedAction, DelayedAnswer } from '../../../../shards/mailbox/control-messages.ts';
import { bodyOf, DurableShard, freshDirectory } from '../log/durable-shard.ts';

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

const QUEUE = 1;
const NOW = 1_800_000_000_123;
const HOUR = 3_600_000;
const MONTH = 30 * 24 * HOUR;
const companion = { exchange: 'later', role: 'delay' } as const;
const OPTIONS = { queues: { [QUEUE]: { companion } } };

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => {
  disk.before = async () => undefined;
  vi.useRealTimers();
});

const start = (): Promise<DurableShard> => DurableShard.start(freshDirectory(), OPTIONS);
const depotOf = (shard: DurableShard) => shard.queue(QUEUE).depot!;
const full = (): Error => Object.assign(new Error('no space left'), { code: 'ENOSPC' });

function delay(shard: DurableShard, name: string, ttlMillis: number, body = name): void {
  const exrk = `\u0005later${String.fromCharCode(name.length)}${name}`;
  shard.publish([QUEUE], body, { exrk, ttlMillis });
}

function pass(millis: number): void {
  vi.setSystemTime(Date.now() + millis);
}

/** So many are in the depot. */
async function stowed(shard: DurableShard, count: number): Promise<void> {
  await shard.synced();
  pass(10_001);
  await shard.until(() => depotOf(shard).count === count);
  await shard.synced();
}

async function come(shard: DurableShard, count: number): Promise<string[]> {
  const keys: string[] = [];
  await shard.until(() => {
    for (const one of shard.forwarded.splice(0)) {
      keys.push(one.exrk.slice(7));
      shard.acceptor.forwarded(one.number);
    }
    return keys.length >= count;
  });
  await shard.synced();
  expect(shard.forwarded).toEqual([]);
  return keys;
}

async function ask(shard: DurableShard, action: DelayedAction): Promise<DelayedAnswer> {
  let answer: DelayedAnswer | undefined;
  void delayedAnswer(shard.driver.state, QUEUE, action).then((one) => {
    answer = one;
  });
  await shard.until(() => answer !== undefined);
  return answer!;
}

async function keysOf(shard: DurableShard): Promise<string[]> {
  const { messages } = await ask(shard, { kind: 'list', offset: 0, count: 100 });
  return messages.map(({ exrk }) => Buffer.from(exrk!).toString('latin1', 7));
}

const filesOf = (shard: DurableShard): string[] => {
  const directory = path.join(shard.directory, 'delayed', String(QUEUE));
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
};

const said = (shard: DurableShard, kind: string): number =>
  shard.driver.notices.filter((notice) => notice.kind === kind).length;

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
