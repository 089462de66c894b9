// The topology's log as a whole: restart, kill -9 at any byte, flipped bits, snapshots, queue ids.
import fs from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { Fact } from '../../../../src/supervisor/facts/fact.ts';
import { exchange, queue } from '../../topology/commanding.ts';
import { DECLARATIONS, FACTS } from './every-fact.ts';
import {
  account,
  copyOf,
  factsIn,
  newDirectory,
  openUnsynced,
  restartOn,
  segmentPath,
  segmentsOf,
  startStore,
  watchedLog,
} from './store-fixture.ts';

const userSet = (name: string): Fact => ({ kind: 'user-set', account: account(name) });

/** Of 16 bytes: where the records of a segment begin, and where the last one ends. */
function recordOffsets(bytes: Buffer): number[] {
  const offsets = [128];
  for (;;) {
    const at = offsets.at(-1)!;
    const length = bytes.readUInt32LE(at + 4);
    if (length === 0) return offsets;
    offsets.push(at + length);
  }
}

/** A restart leaves the segment that it began, as soon as there was time to clean up. */
async function expectOneSegment(directory: string, facts: Fact[]): Promise<void> {
  const run = await startStore(directory);
  expect(run.facts).toEqual(facts);
  await vi.waitFor(() => expect(segmentsOf(directory)).toHaveLength(1));
  await run.store.close();
}

describe('a restart', () => {
  it('finds everything, and makes nothing new', async () => {
    const directory = newDirectory();
    const first = await startStore(directory);
    expect(first.isNew).toBe(true);
    for (const fact of DECLARATIONS) await first.record(fact);
    await first.store.close();
    const second = await restartOn(directory);
    expect(second.isNew).toBe(false);
    expect(second.facts).toEqual(first.facts);
    expect(second.facts.length).toBeGreaterThan(DECLARATIONS.length);
    expect(second.warnings).toEqual([]);
    await expectOneSegment(directory, first.facts);
  });

  it('finds what kill -9 left: all that was answered', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    for (const fact of FACTS) {
      await run.record(fact);
      expect(await factsIn(copyOf(directory))).toEqual(run.facts);
    }
    await run.store.close();
  });

  it('makes nothing new when users and virtual hosts were deleted', async () => {
    const directory = newDirectory();
    const first = await startStore(directory);
    await first.record({ kind: 'user-deleted', user: 'guest' });
    await first.execute({ kind: 'delete-vhost', vhost: '/' });
    await first.store.close();
    const second = await restartOn(directory);
    expect(second.facts).toEqual([]);
    expect((await restartOn(directory)).isNew).toBe(false);
  });
});

describe('a crash', () => {
  it('at any byte leaves what was written before it, and a whole beginning or none', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    const states = [[], run.facts];
    // Every fact is there twice: it counts when its first record does.
    const snapshotEnd = recordOffsets(fs.readFileSync(segmentPath(directory, 1))).at(-2)!;
    for (const name of ['a', 'b', 'c', 'd']) {
      await run.record(userSet(name));
      states.push(run.facts);
    }
    const bytes = fs.readFileSync(segmentPath(directory, 1));
    await run.store.close();
    const ends = recordOffsets(bytes).filter((at, i) => i % 2 === 1 && at >= snapshotEnd);
    expect(ends).toHaveLength(5);
    for (let cut = 128; cut <= ends.at(-1)!; cut += 1) {
      const file = segmentPath(directory, 1);
      // Cut off, and every second time with what a disk may have put behind it.
      const rest = Buffer.alloc(cut % 2 === 0 ? 64 : 0, 0xa5);
      fs.writeFileSync(file, Buffer.concat([bytes.subarray(0, cut), rest]));
      const complete = ends.filter((end) => end <= cut).length;
      expect(await factsIn(directory), `cut at ${cut}`).toEqual(states[complete]);
    }
  });

  it.each([1, 2, 3, 4])('leaves all that was answered, unsynced writes lost (%i)', async (seed) => {
    const directory = newDirectory();
    const run = await startStore(directory, openUnsynced(seed));
    const crashed = [copyOf(directory)];
    const states = [run.facts];
    for (const fact of [...FACTS, ...DECLARATIONS]) {
      await run.record(fact);
      crashed.push(copyOf(directory));
      states.push(run.facts);
    }
    // Nobody waits for these.
    for (let i = 0; i < 50; i += 1) void run.record(userSet(`unanswered-${i}`));
    const last = copyOf(directory);
    await run.store.close();
    for (const [index, copy] of crashed.entries()) {
      const next = await restartOn(copy);
      expect(next.isNew).toBe(false);
      expect(next.facts).toEqual(states[index]);
    }
    expect((await restartOn(last)).facts).toEqual(expect.arrayContaining(states.at(-1)!));
  });

  it('during the first start means that the next one is the first', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    const file = segmentPath(directory, 1);
    const bytes = fs.readFileSync(file);
    await run.store.close();
    // Behind the first of the last two records it is complete.
    for (const offset of recordOffsets(bytes).slice(0, -2)) {
      const again = copyOf(directory);
      fs.writeFileSync(segmentPath(again, 1), bytes.subarray(0, offset + 20));
      const next = await restartOn(again);
      expect(next.isNew).toBe(true);
      expect(next.facts).toEqual(run.facts);
      expect((await restartOn(again)).isNew).toBe(false);
    }
  });
});

describe('a flipped bit', () => {
  it('costs no fact but where it hits both records of one, and is reported', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await run.record(userSet(name));
    await run.store.close();
    const whole = fs.readFileSync(segmentPath(directory, 1));
    const offsets = recordOffsets(whole);
    // What is behind takes time to look at, and is zero.
    const bytes = whole.subarray(0, offsets.at(-1)! + 32);
    const users = (facts: Fact[]): string[] =>
      facts.flatMap((fact) => (fact.kind === 'user-set' ? [fact.account.name] : []));
    for (let at = 0; at < offsets.at(-1)!; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1 << (at % 8);
      fs.writeFileSync(segmentPath(directory, 1), changed);
      const found = users(await factsIn(directory));
      expect(found.length, `bit ${at % 8} of byte ${at}`).toBe(6);
    }
    const [hit, copy] = offsets.slice(-5);
    const changed = Buffer.from(bytes);
    changed[hit + 30] ^= 1;
    changed[copy + 30] ^= 1;
    fs.writeFileSync(segmentPath(directory, 1), changed);
    const next = await restartOn(directory);
    expect(users(next.facts)).toEqual(['guest', 'a', 'b', 'c', 'e']);
    expect(next.warnings).toHaveLength(1);
    expect(next.warnings[0]).toMatch(/^part of the topology log was skipped: \d+ bytes are corr/);
    expect(next.warnings[0]).toContain(`"offset":${hit}`);
    expect(next.warnings[0]).toContain('0000000000000001.seg');
    // The snapshot of that start has made the log whole again.
    await expectOneSegment(directory, next.facts);
    expect((await restartOn(directory)).warnings).toEqual([]);
  });

  it('in a declaration leaves out what depends on it, with a warning', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    for (const fact of DECLARATIONS) await run.record(fact);
    await run.store.close();
    const file = segmentPath(directory, 1);
    const bytes = fs.readFileSync(file);
    const at = bytes.indexOf('"queue-declared"');
    bytes[at] ^= 4;
    bytes[bytes.indexOf('"queue-declared"')] ^= 4;
    fs.writeFileSync(file, bytes);
    const next = await restartOn(directory);
    expect(next.isNew).toBe(false);
    const kinds = next.facts.map(({ kind }) => kind);
    expect(kinds).toContain('exchange-declared');
    expect(kinds).not.toContain('bound');
    expect(next.warnings.join()).toMatch(/does not fit: queue 'q [^]* to bind does not exist/);
  });
});

describe('a snapshot', () => {
  /** Enough for one: more than 1 MiB of facts. */
  async function fill(run: Awaited<ReturnType<typeof startStore>>, from: number): Promise<void> {
    const all: Promise<void>[] = [];
    for (let i = 0; i < 6000; i += 1) {
      // The same users again and again, so that the snapshot is smaller than the log.
      const name = `user-${i % 1500}`;
      const tags = [`tag-${from + i}`, 'x'.repeat(100)];
      all.push(run.record({ kind: 'user-set', account: { ...account(name), tags } }));
    }
    await Promise.all(all);
  }

  it('is taken as the log grows, and what was before it goes', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    for (let i = 0; i < 5; i += 1) await fill(run, i * 6000);
    await run.record(userSet('last'));
    await run.store.close();
    // Log of 1 MiB or more since the last one, that one, and a segment begun by both.
    expect(segmentsOf(directory).length).toBeLessThan(5);
    expect(segmentsOf(directory)).not.toContain('0000000000000001.seg');
    await expectOneSegment(directory, run.facts);
  });

  it('that a crash cuts off changes nothing', async () => {
    const directory = newDirectory();
    // As if the crash came before anything could be recycled.
    const open = watchedLog(() => ({ log: { recycle: () => {} } }));
    const run = await startStore(directory, open);
    await fill(run, 0);
    await fill(run, 6000);
    const last = segmentsOf(directory).length;
    const expected = run.facts;
    expect(await factsIn(copyOf(directory))).toEqual(expected);
    await run.store.close();
    const begins = segmentsOf(directory).flatMap((_, index) => {
      const bytes = fs.readFileSync(segmentPath(directory, index + 1));
      return recordOffsets(bytes)
        .filter((at) => bytes[at + 9] === 1)
        .map((at) => [index + 1, at]);
    });
    const [segment, at] = begins.at(-1)!;
    // The state when the snapshot was taken, whether it counts or what came before it does.
    const whens: string[] = [];
    for (const beyond of [0, 24, 5000, 100_000, 200_000]) {
      const crashed = copyOf(directory);
      for (let s = segment + 1; s <= last; s += 1) fs.rmSync(segmentPath(crashed, s));
      const bytes = fs.readFileSync(segmentPath(crashed, segment)).subarray(0, at + beyond);
      fs.writeFileSync(segmentPath(crashed, segment), bytes);
      whens.push(JSON.stringify(await factsIn(crashed)));
      const next = await startStore(crashed);
      expect(next.isNew).toBe(false);
      await next.record(userSet('afterwards'));
      await next.store.close();
      const facts = await factsIn(crashed);
      expect(facts).toEqual(next.facts);
      expect(JSON.stringify(facts.slice(0, -1))).toBe(whens[0]);
    }
    expect(new Set(whens).size).toBe(1);
  });
});

describe('queue ids', () => {
  const transient = (i: number) => queue(`q${i}`, { durable: false });

  it('are never given again, not even those of queues that no fact tells of', async () => {
    const directory = newDirectory();
    const run = await startStore(directory);
    let highest = 0;
    for (let i = 0; i < 10_000; i += 1) {
      await run.execute(transient(i));
      if (i % 2500 !== 0) continue;
      const next = await restartOn(copyOf(directory));
      expect(next.state.topology.nextQueueId).toBeGreaterThan(highest);
    }
    highest = run.state.topology.nextQueueId - 1;
    expect(highest).toBe(10_000);
    const next = await restartOn(copyOf(directory));
    expect(next.state.topology.nextQueueId).toBeGreaterThan(highest);
    expect([...next.state.topology.queues('/')]).toEqual([]);
    await run.store.close();
  });

  it('wait for no sync, unless the log has not said that they are used', async () => {
    const directory = newDirectory();
    let isHeld = false;
    const open = watchedLog((_log, callbacks) => ({
      told: {
        onProgress: (written, synced) => {
          if (!isHeld) callbacks.onProgress(written, synced);
        },
      },
    }));
    const run = await startStore(directory, open);
    isHeld = true;
    let answered = 0;
    for (let i = 0; i < 9000; i += 1) {
      void run.execute(transient(i)).then(() => {
        answered += 1;
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    // 8192 were taken ahead when the store was started.
    expect(answered).toBe(8192);
    await run.store.close();
  });
});

describe('a log that fails', () => {
  it('answers nothing any more, and says so', async () => {
    const directory = newDirectory();
    let fail = (_reason: string): void => {};
    const open = watchedLog((_log, callbacks) => {
      fail = callbacks.onFailure;
      // The last thing that worked is the start.
      let isFailing = false;
      return {
        log: {
          submit(batch) {
            if (isFailing) queueMicrotask(() => fail('EIO: i/o error, fdatasync'));
            else _log.submit(batch);
            isFailing = true;
          },
        },
      };
    });
    const run = await startStore(directory, open);
    let isAnswered = false;
    const note = (): void => {
      isAnswered = true;
    };
    void run.execute(exchange('x')).then(note);
    await expect(run.store.failed).rejects.toThrow('failed: EIO: i/o error, fdatasync');
    void run.execute(exchange('y')).then(note);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    await run.store.close();
  });
});

it('passes on that its log has no room to grow, and says that declarations wait', async () => {
  let tell: (isShort: boolean) => void = () => {};
  const open = watchedLog((_log, callbacks) => {
    tell = callbacks.onSpace;
    return {};
  });
  const run = await startStore(newDirectory(), open);
  tell(true);
  tell(false);
  expect(run.shortages).toEqual([true, false]);
  expect(run.warnings).toEqual([
    expect.stringMatching(/no disk space for the topology log to grow.*declarations wait/u),
    expect.stringMatching(/disk space for the topology log again/u),
  ]);
  await run.store.close();
});
