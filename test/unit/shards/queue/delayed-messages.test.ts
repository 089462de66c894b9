// What an exchange delays, on its shard: it leaves memory while it is far from due, goes on in the
// order of due times, also after a crash, and can be listed and cancelled for good.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { delayedAnswer } from '../../../../shards/delayed-answer.ts';
import { LANE_MEMORY } from '../../../../shards/mailbox/confirm-counter.ts';
import type { DelayedAction, DelayedAnswer } from '../../../../shards/mailbox/control-messages.ts';
import { FORWARDED_FAILED } from '../../../../shards/mailbox/to-shard-layout.ts';
import type { Forwarded } from '../acceptor-side.ts';
import { bodyOf, DurableShard, freshDirectory } from '../log/durable-shard.ts';

const QUEUE = 1;
const NOW = 1_800_000_000_123;
const HOUR = 3_600_000;
const MONTH = 30 * 24 * HOUR;
const companion = { exchange: 'later', role: 'delay' } as const;
const OPTIONS = { queues: { [QUEUE]: { companion } } };

// The clock stands still but for what a test does to it.
beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => vi.useRealTimers());

async function start(): Promise<DurableShard> {
  return DurableShard.start(freshDirectory(), OPTIONS);
}

function delay(shard: DurableShard, name: string, ttlMillis: number, body = name): void {
  const exrk = `\u0005later${String.fromCharCode(name.length)}${name}`;
  shard.publish([QUEUE], body, { exrk, ttlMillis });
}

const keyOf = ({ exrk }: Forwarded): string => exrk.slice(7);

/** Lets time pass; what goes on then, until `count` have. Each has arrived. */
async function after(shard: DurableShard, millis: number, count: number): Promise<string[]> {
  vi.setSystemTime(Date.now() + millis);
  const keys: string[] = [];
  await shard.until(() => {
    for (const one of shard.forwarded.splice(0)) {
      expect(one.reason).toBe('delayed');
      keys.push(keyOf(one));
      shard.acceptor.forwarded(one.number);
    }
    return keys.length >= count;
  });
  await shard.synced();
  expect(shard.forwarded).toEqual([]);
  return keys;
}

/** The shard's answer, with its turns in between. */
async function ask(shard: DurableShard, action: DelayedAction): Promise<DelayedAnswer> {
  let answer: DelayedAnswer | undefined;
  void delayedAnswer(shard.driver.state, QUEUE, action).then((one) => {
    answer = one;
  });
  await shard.until(() => answer !== undefined);
  return answer!;
}

const list = (shard: DurableShard, offset = 0, count = 100) =>
  ask(shard, { kind: 'list', offset, count });

async function listedKeys(shard: DurableShard): Promise<(string | undefined)[]> {
  const { messages } = await list(shard);
  return messages.map(({ exrk }) => exrk && Buffer.from(exrk).toString('utf8', 7));
}

describe('a delayed message', () => {
  it('leaves memory when it is written, unless it is due soon', async () => {
    const shard = await start();
    delay(shard, 'month', MONTH);
    delay(shard, 'soon', 5000);
    delay(shard, 'large', MONTH, bodyOf(1, 50_000).toString());
    await shard.synced();
    const { store } = shard.driver.state;
    const queue = shard.queue(QUEUE);
    expect([store.messageCount, queue.onDiskCount, queue.ready.length]).toEqual([1, 2, 3]);
    expect(shard.slab.freePages).toBe(shard.slab.pageCount);
  });

  it('comes back when it is due, and what is due later stays on disk', async () => {
    const shard = await start();
    for (let i = 0; i < 300; i += 1) delay(shard, `m${i}`, MONTH + i);
    for (let i = 0; i < 50; i += 1) delay(shard, `h${i}`, HOUR + ((i * 7) % 50));
    await shard.synced();
    expect(shard.driver.state.store.messageCount).toBe(0);
    const keys = await after(shard, HOUR + 50, 50);
    const expected = Array.from({ length: 50 }, (_value, i) => `h${i}`);
    expected.sort((a, b) => ((Number(a.slice(1)) * 7) % 50) - ((Number(b.slice(1)) * 7) % 50));
    expect(keys).toEqual(expected);
    expect(shard.driver.state.store.messageCount).toBe(0);
    expect(shard.queue(QUEUE).depot!.count).toBe(300);
    expect(await after(shard, MONTH, 300)).toHaveLength(300);
    expect(shard.storage.report()).toMatchObject({ messages: 0, lost: 0 });
  });

  it('is not held back by what is due in ten years, nor is that forgotten', async () => {
    const shard = await start();
    delay(shard, 'decade', 10 * 12 * MONTH);
    delay(shard, 'second', 1000);
    await shard.synced();
    expect(await after(shard, 1000, 1)).toEqual(['second']);
    const again = await shard.restarted();
    expect(await after(again, 10 * 12 * MONTH, 1)).toEqual(['decade']);
  });

  it('keeps its place to the millisecond over a crash', async () => {
    const shard = await start();
    const dues = [900, 100, 1700, 400, 1100, 101];
    for (const [i, due] of dues.entries()) {
      vi.setSystemTime(NOW + i * 150);
      delay(shard, `d${due}`, HOUR + due - i * 150);
      shard.turn();
    }
    await shard.synced();
    const again = await shard.crashed();
    expect((await list(again)).messages.map(({ due }) => due - NOW - HOUR)).toEqual(
      dues.toSorted((a, b) => a - b),
    );
    vi.setSystemTime(NOW);
    const keys = await after(again, HOUR + 2000, 6);
    expect(keys).toEqual(['d100', 'd101', 'd400', 'd900', 'd1100', 'd1700']);
  });

  it('goes again after a crash on its way, as nobody has said that it arrived', async () => {
    const shard = await start();
    delay(shard, 'a', 100);
    await shard.synced();
    vi.setSystemTime(NOW + 100);
    await shard.until(() => shard.forwarded.length === 1);
    const again = await shard.crashed();
    expect(await after(again, 0, 1)).toEqual(['a']);
  });

  it('that no queue gets is done with', async () => {
    const shard = await start();
    delay(shard, 'a', 100);
    await shard.synced();
    vi.setSystemTime(NOW + 100);
    await shard.until(() => shard.forwarded.length === 1);
    shard.acceptor.forwarded(shard.forwarded.pop()!.number, FORWARDED_FAILED);
    await shard.synced();
    expect((await list(await shard.crashed())).count).toBe(0);
  });

  it('that is transient is written out when memory is short, and comes all the same', async () => {
    const directory = freshDirectory();
    const shard = await DurableShard.start(directory, { ...OPTIONS, residentBytesMax: 64 * 1024 });
    const COUNT = 500;
    for (let i = 0; i < COUNT; i += 1) {
      const exrk = `\u0005later\u0003${String(i).padStart(3, '0')}`;
      const ttlMillis = HOUR + i;
      shard.publish([QUEUE], bodyOf(i, 1000), { exrk, ttlMillis, lane: LANE_MEMORY });
      if (i % 50 === 0) await shard.synced();
    }
    await shard.synced();
    expect(shard.queue(QUEUE).onDiskCount).toBeGreaterThan(COUNT / 2);
    const keys = await after(shard, HOUR + COUNT, COUNT);
    expect(keys).toEqual(keys.toSorted());
  });
});

describe('delayed messages', () => {
  it('are listed by due time, in memory or not, page by page', async () => {
    const shard = await start();
    delay(shard, 'month', MONTH);
    delay(shard, 'soon', 5000, 'body');
    delay(shard, 'large', HOUR, bodyOf(1, 50_000).toString());
    delay(shard, 'huge', 2 * HOUR, 'x'.repeat(2_000_000));
    await shard.synced();
    const { count, messages } = await list(shard);
    expect(count).toBe(4);
    expect(messages.map(({ due }) => due - NOW)).toEqual([5000, HOUR, 2 * HOUR, MONTH]);
    expect(messages.map(({ bodyBytes }) => bodyBytes)).toEqual([4, 50_000, undefined, 5]);
    expect(messages.map(({ bytes }) => bytes)).toEqual([15, 50_012, 2_000_011, 17]);
    expect(await listedKeys(shard)).toEqual(['soon', 'large', undefined, 'month']);
    expect((await list(shard, 1, 2)).messages).toEqual(messages.slice(1, 3));
    expect(shard.driver.state.store.messageCount).toBe(1);
  });

  it('are listed while they are being written, too', async () => {
    const shard = await start();
    delay(shard, 'a', HOUR, bodyOf(1, 50_000).toString());
    shard.driver.run();
    expect(await listedKeys(shard)).toEqual(['a']);
  });

  it('are cancelled for good, one or all, wherever they are', async () => {
    const shard = await start();
    for (const [i, name] of ['far', 'near', 'other', 'third'].entries()) {
      delay(shard, name, name === 'near' ? 5000 : HOUR + i);
    }
    await shard.synced();
    expect(await ask(shard, { kind: 'cancel', position: 0 })).toMatchObject({ count: 1 });
    expect(await ask(shard, { kind: 'cancel', position: 0 })).toMatchObject({ count: 0 });
    expect(await ask(shard, { kind: 'cancel', position: 1 })).toMatchObject({ count: 1 });
    expect(await ask(shard, { kind: 'cancel', position: 99 })).toMatchObject({ count: 0 });
    // The answer came when the disk knew: what dies now has nothing to make up for.
    const crashed = await shard.crashed();
    expect(await listedKeys(crashed)).toEqual(['other', 'third']);
    expect(await ask(crashed, { kind: 'cancel', position: undefined })).toMatchObject({ count: 2 });
    const again = await crashed.crashed();
    expect(await list(again)).toEqual({ count: 0, messages: [] });
    expect(again.queue(QUEUE).heldBytes).toBe(0);
    delay(again, 'next', HOUR);
    await again.synced();
    expect((await list(again)).messages).toMatchObject([{ position: 4 }]);
  });

  it('are cancelled before they were written', async () => {
    const shard = await start();
    delay(shard, 'a', HOUR);
    delay(shard, 'b', HOUR);
    shard.driver.run();
    await ask(shard, { kind: 'cancel', position: 0 });
    await shard.synced();
    expect(await listedKeys(await shard.crashed())).toEqual(['b']);
  });

  it('go at once when that is wanted', async () => {
    const shard = await start();
    delay(shard, 'a', HOUR);
    delay(shard, 'b', MONTH);
    await shard.synced();
    expect(await ask(shard, { kind: 'deliver', position: 1 })).toMatchObject({ count: 1 });
    expect(await after(shard, 0, 1)).toEqual(['b']);
    expect(await ask(shard, { kind: 'deliver', position: 1 })).toMatchObject({ count: 0 });
    expect(await listedKeys(shard)).toEqual(['a']);
  });

  it('of a queue that is gone are none', async () => {
    const shard = await start();
    const { state } = shard.driver;
    const action = { kind: 'list', offset: 0, count: 10 } as const;
    expect(await delayedAnswer(state, 99, action)).toEqual({ count: 0, messages: [] });
  });
});
