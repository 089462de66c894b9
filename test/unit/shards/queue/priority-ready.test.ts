// PriorityReady against a sorted array: restored from any positions, then appended to, taken from,
// put back, paged out and in, and rid of lost messages at random. Positions pass 2^31.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PriorityReady } from '../../../../shards/queue/priority-ready.ts';

const PRIORITY_MAX = 5;

interface Entry {
  /** Position without wrapping. */
  readonly at: number;
  readonly priority: number;
  handle: number;
  deliveries: number;
  /** Came back. */
  isReturned: boolean;
  readonly recoveredCount: number;
  readonly isOld: boolean;
}

const KINDS = ['append', 'append', 'take', 'take', 'return', 'replace', 'remove', 'stale'] as const;
const step = fc.tuple(fc.constantFrom(...KINDS, 'load' as const), fc.nat(9999));

const restored = fc.record({
  gaps: fc.array(fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(400)), {
    maxLength: 60,
  }),
  end: fc.nat(40),
  isClean: fc.boolean(),
  counted: fc.array(fc.nat(59), { maxLength: 5 }),
});

type Plan = typeof restored extends fc.Arbitrary<infer T> ? T : never;

class Model {
  readonly list: PriorityReady;
  readonly start: number;
  ready: Entry[] = [];
  out: Entry[] = [];
  next: number;
  private number = 0;
  private removedCount = 0;
  /** What the messages' own data would say, by handle. */
  private readonly priorities = new Map<number, number>();

  constructor(start: number, { gaps, end, isClean, counted }: Plan) {
    this.start = start;
    this.list = new PriorityReady(PRIORITY_MAX, (handle) => this.priorities.get(handle)!);
    let at = 0;
    for (const [i, gap] of gaps.entries()) {
      at += gap;
      const recoveredCount = counted.includes(i) ? i + 1 : 0;
      const handle = ~this.name((at * 7) % (PRIORITY_MAX + 1), true);
      this.ready.push(this.entry(at, handle, { recoveredCount, isOld: !isClean }));
      at += 1;
    }
    this.next = at + end;
    const positions = Int32Array.from(this.ready, (entry) => this.position(entry));
    const handles = Int32Array.from(this.ready, ({ handle }) => handle);
    const counts = new Map<number, number>();
    for (const entry of this.ready) {
      if (entry.recoveredCount > 0) counts.set(this.position(entry), entry.recoveredCount);
    }
    const nextPosition = (start + this.next) | 0;
    const until = isClean && positions.length > 0 ? positions[0] : nextPosition;
    this.list.restore(positions, handles, nextPosition, until, counts);
    this.sort();
  }

  step(kind: string, number: number): void {
    const { list } = this;
    if (kind === 'append') this.append(number);
    else if (kind === 'take') this.take();
    else if (kind === 'load') this.load(number);
    else if (kind === 'return') this.giveBack(number);
    else if (this.ready.length > 0) {
      const index = number % this.ready.length;
      const entry = this.ready[index];
      const position = this.position(entry);
      if (kind === 'replace') {
        const to = entry.handle < 0 ? this.name(entry.priority) : ~this.name(entry.priority, true);
        expect(list.replace(position, entry.handle, to, number % 7)).toBe(true);
        entry.handle = to;
      } else if (kind === 'remove') {
        expect(list.remove(position, entry.handle)).toBe(true);
        expect(list.remove(position, entry.handle)).toBe(false);
        this.ready.splice(index, 1);
        this.removedCount += 1;
      } else {
        expect(list.replace(position, entry.handle + 1, 5, 0)).toBe(false);
        expect(list.remove(position, entry.handle + 1)).toBe(false);
      }
    }
  }

  check(): void {
    const { list } = this;
    expect([list.length, list.isEmpty]).toEqual([this.ready.length, this.ready.length === 0]);
    expect(list.nextPosition).toBe((this.start + this.next) | 0);
    for (const [i, entry] of this.ready.entries()) {
      const position = this.position(entry);
      expect(list.at(position)).toBe(entry.isReturned ? undefined : entry.handle);
      expect(list.hasReturned(position, entry.handle, i)).toBe(entry.isReturned);
      if (entry.isReturned) continue;
      // What was removed may still count.
      expect(list.depthOf(position)).toBeGreaterThanOrEqual(i);
      expect(list.depthOf(position)).toBeLessThanOrEqual(i + this.removedCount);
    }
    for (const entry of this.out) expect(list.at(this.position(entry))).toBeUndefined();
    const waiting = this.ready.filter(({ isReturned }) => !isReturned);
    expect(list.onDiskCount).toBe(waiting.filter(({ handle }) => handle < 0).length);
    const heaps = list.returnedHeaps().reduce((sum, heap) => sum + heap.length, 0);
    expect(heaps).toBe(this.ready.length - waiting.length);
    const alive = [...this.ready, ...this.out].map(({ at }) => at).toSorted((a, b) => a - b);
    expect(positionsIn(list.ranges(this.out.map((entry) => this.position(entry))))).toEqual(
      alive.map((at) => (this.start + at) | 0),
    );
  }

  private position(entry: Entry): number {
    return (this.start + entry.at) | 0;
  }

  /** A new handle of a message of this priority, or the row of one on disk. */
  private name(priority: number, isRow = false): number {
    this.number += 1;
    this.priorities.set(isRow ? ~this.number : this.number, priority);
    return this.number;
  }

  private entry(at: number, handle: number, more: Partial<Entry> = {}): Entry {
    const priority = this.priorities.get(handle)!;
    const fresh = { deliveries: 0, isReturned: false, recoveredCount: 0, isOld: false };
    return { at, handle, priority, ...fresh, ...more };
  }

  private append(number: number): void {
    for (let i = 0; i < number % 30; i += 1) {
      const handle = this.name((number + i * i) % (PRIORITY_MAX + 1));
      expect(this.list.append(handle)).toBe((this.start + this.next) | 0);
      this.ready.push(this.entry(this.next, handle));
      this.next += 1;
    }
    this.sort();
  }

  private sort(): void {
    this.ready.sort((a, b) => b.priority - a.priority || a.at - b.at);
  }

  private giveBack(number: number): void {
    if (this.out.length === 0) return;
    const [entry] = this.out.splice(number % this.out.length, 1);
    // Whatever is delivered is in memory.
    if (entry.handle < 0) entry.handle = this.name(entry.priority);
    this.list.putBack(entry.handle, this.position(entry), entry.deliveries);
    entry.isReturned = true;
    this.ready.push(entry);
    this.sort();
  }

  private take(): void {
    const { list } = this;
    const entry = this.ready.shift();
    if (entry === undefined) return;
    const isFirst = entry.deliveries === 0;
    const deliveries = entry.deliveries + (isFirst ? entry.recoveredCount : 0);
    expect(list.peek()).toBe(entry.handle);
    expect(list.peekIsRedelivered()).toBe(entry.isOld || deliveries > 0);
    list.take();
    expect([list.handle, list.position, list.deliveryCount]).toEqual([
      entry.handle,
      this.position(entry),
      deliveries,
    ]);
    entry.deliveries = deliveries + 1;
    entry.isReturned = false;
    this.out.push(entry);
  }

  /** Loads the next `number` messages on disk, which are to be shown in the order of need. */
  private load(number: number): void {
    const { list } = this;
    if (number % 3 === 0) list.forgetLoaded();
    const max = number % 20;
    const shown: Entry[] = [];
    const byPosition = new Map(this.ready.map((entry) => [this.position(entry), entry]));
    list.showOnDisk({
      see: (handle, position) => {
        if (shown.length === max) return false;
        const entry = byPosition.get(position)!;
        expect(entry.handle).toBe(handle);
        shown.push(entry);
        return true;
      },
    });
    expect(shown.every(({ handle }) => handle < 0)).toBe(true);
    if (number % 3 === 0) {
      const wanted = this.ready.filter(({ handle }) => handle < 0);
      // Within a level those that came back are shown in no order, but before all others.
      const rank = ({ priority, isReturned, at }: Entry): readonly number[] =>
        isReturned ? [priority] : [priority, at];
      expect(shown.map(rank)).toEqual(wanted.slice(0, max).map(rank));
    }
    for (const entry of shown) this.loaded(entry);
    // All that it shows as loaded is here.
    list.showLoaded({
      see: (handle, position) => {
        expect(byPosition.get(position)!.handle).toBe(handle);
        return true;
      },
    });
    expect(list.loadedCount).toBeLessThanOrEqual(this.ready.length + this.removedCount);
  }

  private loaded(entry: Entry): void {
    const to = this.name(entry.priority);
    expect(this.list.replace(this.position(entry), entry.handle, to, 0)).toBe(true);
    entry.handle = to;
  }
}

function positionsIn(ranges: readonly number[]): number[] {
  const positions: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    for (let n = 0; n < ranges[i + 1]; n += 1) positions.push((ranges[i] + n) | 0);
  }
  return positions;
}

describe('the ready messages of a priority queue', () => {
  it.each([0, 2 ** 31 - 300, -300])('are in order, from position %i on', (start) => {
    fc.assert(
      fc.property(restored, fc.array(step, { maxLength: 80 }), (plan, steps) => {
        const model = new Model(start, plan);
        model.check();
        for (const [kind, number] of steps) {
          model.step(kind, number);
          model.check();
        }
        while (model.ready.length > 0) model.step('take', 0);
        model.check();
      }),
      { numRuns: 40 },
    );
  });

  it('leave by priority, and by age within one', () => {
    const list = new PriorityReady(3, (handle) => handle % 10);
    for (const handle of [10, 23, 31, 43, 51, 62]) list.append(handle);
    const seen: number[] = [];
    while (!list.isEmpty) {
      list.take();
      seen.push(list.handle);
    }
    expect(seen).toEqual([23, 43, 62, 31, 51, 10]);
  });

  it('go back to their place in their level', () => {
    const list = new PriorityReady(3, (handle) => handle % 10);
    for (const handle of [11, 21, 31]) list.append(handle);
    const taken = [0, 1].map(() => {
      list.take();
      return [list.handle, list.position];
    });
    list.append(43);
    for (const [handle, position] of taken.toReversed()) list.putBack(handle, position, 1);
    const seen: number[] = [];
    while (!list.isEmpty) {
      list.take();
      seen.push(list.handle);
    }
    expect(seen).toEqual([43, 11, 21, 31]);
  });

  it('give the memory of a backlog back', () => {
    const list = new PriorityReady(0, () => 0);
    const levels = (list as unknown as { levels: { slots: Int32Array }[] }).levels;
    for (let i = 0; i < 100_000; i += 1) list.append(i);
    while (!list.isEmpty) list.take();
    expect(levels[0].slots.length).toBeGreaterThan(100_000);
    for (let i = 0; i < 5000; i += 1) {
      list.append(i);
      list.take();
    }
    expect(levels[0].slots.length).toBeLessThan(10_000);
  });

  it('say redelivered no more when their positions come round again', () => {
    const list = new PriorityReady(1, () => 1);
    list.restore(Int32Array.of(1, 2), Int32Array.of(~1, ~2), 3, 3, new Map([[1, 4]]));
    expect(list.peekIsRedelivered()).toBe(true);
    list.take();
    list.take();
    for (const at of [2 ** 30 + 10, 2 ** 31 + 1]) {
      Object.assign(list, { next: at | 0 });
      list.append(7);
      if (at > 2 ** 31) expect(list.peekIsRedelivered()).toBe(false);
      list.take();
    }
  });
});
