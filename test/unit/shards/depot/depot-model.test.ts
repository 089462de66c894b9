// The depot of a real shard with its log against a plain list sorted by due time, on a clock that
// the test moves: delays from a second to ten years, cancelled, sent on at once, listed, with stops
// in order and crashes at any moment. Nothing is lost, comes early or out of order, and what was
// cancelled never comes; after a crash, and only then, something may come twice.
import path from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { delayedAnswer } from '../../../../shards/delayed-answer.ts';
import type { DelayedAction, DelayedAnswer } from '../../../../shards/mailbox/control-messages.ts';
import { seededRandom } from '../../../crash/message-plan.ts';
import { DurableShard, freshDirectory } from '../log/durable-shard.ts';
import type { SyncedFiles } from './power-cut.ts';

const disk = vi.hoisted(() => ({ files: undefined as SyncedFiles | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const { SyncedFiles: Files } = await import('./power-cut.ts');
  disk.files = new Files();
  return disk.files.watched(await original());
});

const QUEUE = 1;
const NOW = 1_800_000_000_123;
const companion = { exchange: 'later', role: 'delay' } as const;
const OPTIONS = { queues: { [QUEUE]: { companion } } };
const YEAR = 365 * 24 * 3_600_000;
const STEPS = 40;
const BODY = 'x'.repeat(200);

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => vi.useRealTimers());

interface Waiting {
  readonly position: number;
  due: number;
}

const byDue = (a: Waiting, b: Waiting): number => a.due - b.due || a.position - b.position;

class Model {
  shard: DurableShard;
  private readonly random: () => number;
  /** By position. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly gone = new Map<number, Waiting>();
  private readonly cancelled = new Set<number>();
  /** Gone before a crash, and perhaps not noted. */
  private repeated = new Set<number>();
  private next = 0;
  stowedMax = 0;
  powerCuts = 0;

  constructor(shard: DurableShard, random: () => number) {
    this.shard = shard;
    this.random = random;
  }

  /** From a second to ten years, as often in hours as in years; the log knows long ones in seconds. */
  private span(): number {
    const millis = Math.min(10 * YEAR, Math.floor(1000 * 10 ** (this.random() * 8.5)));
    return millis < 2 ** 32 ? millis : Math.floor(millis / 1000) * 1000;
  }

  async publish(): Promise<void> {
    for (let left = 1 + Math.floor(this.random() * 30); left > 0; left -= 1) {
      const position = this.next;
      this.next += 1;
      const delay = this.span();
      const key = String(position).padStart(6, '0');
      const exrk = `\u0005later\u0006${key}`;
      this.shard.publish([QUEUE], BODY + key, { exrk, ttlMillis: delay });
      this.waiting.set(position, { position, due: Date.now() + delay });
    }
    await this.shard.synced();
  }

  async pass(): Promise<void> {
    vi.setSystemTime(Date.now() + Math.floor(this.span() / (1 + this.random() * 50)));
    await this.arrive();
  }

  /** What is due comes, in order. */
  private async arrive(): Promise<void> {
    const now = Date.now();
    const due = [...this.waiting.values()].filter((one) => one.due <= now).toSorted(byDue);
    const came: number[] = [];
    await this.shard.until(() => {
      for (const one of this.shard.forwarded.splice(0)) {
        const position = Number(one.exrk.slice(7));
        this.shard.acceptor.forwarded(one.number);
        // On its way again already when it was listed after a crash.
        if (!this.repeated.delete(position) || this.waiting.has(position)) came.push(position);
      }
      return came.length >= due.length;
    });
    await this.shard.synced();
    expect(came).toEqual(due.map(({ position }) => position));
    for (const one of due) {
      this.waiting.delete(one.position);
      this.gone.set(one.position, one);
    }
    this.stowedMax = Math.max(this.stowedMax, this.depot.count);
  }

  private get depot() {
    return this.shard.queue(QUEUE).depot!;
  }

  private some(): Waiting | undefined {
    const all = [...this.waiting.values()];
    return all[Math.floor(this.random() * all.length)];
  }

  private async ask(action: DelayedAction): Promise<DelayedAnswer> {
    let answer: DelayedAnswer | undefined;
    void delayedAnswer(this.shard.driver.state, QUEUE, action).then((one) => {
      answer = one;
    });
    await this.shard.until(() => answer !== undefined);
    return answer!;
  }

  async cancel(): Promise<void> {
    const one = this.some();
    if (one === undefined) return;
    expect(await this.ask({ kind: 'cancel', position: one.position })).toMatchObject({ count: 1 });
    expect(await this.ask({ kind: 'cancel', position: one.position })).toMatchObject({ count: 0 });
    this.waiting.delete(one.position);
    this.cancelled.add(one.position);
  }

  async hurry(): Promise<void> {
    const one = this.some();
    if (one === undefined) return;
    expect(await this.ask({ kind: 'deliver', position: one.position })).toMatchObject({ count: 1 });
    one.due = Date.now();
    await this.arrive();
  }

  async list(): Promise<void> {
    const { count, messages } = await this.ask({ kind: 'list', offset: 0, count: 5000 });
    const expected = [...this.waiting.values()].toSorted(byDue);
    expect(messages.map(({ position, due }) => [position, due])).toEqual(
      expected.map(({ position, due }) => [position, due]),
    );
    expect(count).toBe(expected.length);
    for (const { position, exrk, bodyBytes } of messages) {
      expect(Buffer.from(exrk!).toString('latin1', 7)).toBe(String(position).padStart(6, '0'));
      expect(bodyBytes).toBe(BODY.length + 6);
    }
    const offset = Math.floor(expected.length / 2);
    const page = await this.ask({ kind: 'list', offset, count: 3 });
    expect(page.messages).toEqual(messages.slice(offset, offset + 3));
  }

  async restart(): Promise<void> {
    await this.shard.stop();
    this.shard = await DurableShard.open(this.shard.directory, OPTIONS);
    expect(this.shard.report.corruptRanges).toEqual([]);
    await this.list();
  }

  async crash(): Promise<void> {
    // Some time passes, and with it begins what the crash is to come into.
    const passing = this.random() < 0.5 ? 10_500 : Math.floor(this.span() / 20);
    vi.setSystemTime(Date.now() + passing);
    for (let turns = Math.floor(this.random() * 40); turns > 0; turns -= 1) {
      this.shard.turn();
      await eventLoopTurn();
    }
    const copy = this.shard.crash();
    const depot = (directory: string): string => path.join(directory, 'delayed', String(QUEUE));
    if (this.random() < 0.5) {
      disk.files!.cut(depot(this.shard.directory), depot(copy));
      this.powerCuts += 1;
    }
    disk.files!.seen(depot(copy));
    await this.shard.stop();
    this.shard = await DurableShard.open(copy, OPTIONS);
    const { messages } = await this.ask({ kind: 'list', offset: 0, count: 5000 });
    const back = new Set(messages.map(({ position }) => position));
    expect(back.size).toBe(messages.length);
    const underway = this.shard.forwarded.map(({ exrk }) => Number(exrk.slice(7)));
    expect(new Set(underway).size).toBe(underway.length);
    // Some have gone on since they were listed.
    const all = new Set([...back, ...underway]);
    for (const position of this.waiting.keys()) expect(all).toContain(position);
    for (const position of all) {
      expect(this.cancelled).not.toContain(position);
      expect(this.waiting.has(position) || this.gone.has(position)).toBe(true);
      // Nobody had noted that it had gone on.
      if (back.has(position) && !this.waiting.has(position)) {
        this.waiting.set(position, { ...this.gone.get(position)! });
      }
    }
    this.repeated = new Set(underway);
    for (const { position, due } of messages) this.waiting.get(position)!.due = due;
    await this.arrive();
  }
}

const KINDS = ['publish', 'publish', 'pass', 'pass', 'pass', 'cancel', 'hurry', 'list'] as const;

describe('a depot', () => {
  it.each(Array.from({ length: Number(process.env['DEPOT_SEEDS'] ?? 10) }, (_value, i) => i + 1))(
    'is a sorted list, over stops and crashes (seed %i)',
    { timeout: 60_000 },
    async (seed) => {
      const random = seededRandom(seed);
      const model = new Model(await DurableShard.open(freshDirectory(), OPTIONS), random);
      for (let step = 0; step < STEPS; step += 1) {
        const roll = random();
        if (roll < 0.08) await model.restart();
        else if (roll < 0.2) await model.crash();
        else await model[KINDS[Math.floor(random() * KINDS.length)]]();
      }
      await model.list();
      await model.shard.stop();
      expect(model.stowedMax).toBeGreaterThan(0);
    },
  );
});
