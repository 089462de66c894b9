// DelayedReady against a naive list sorted by due time: appended, taken, paged out and loaded by
// row, removed, made due earlier, restored, listed, with positions that pass 2^31.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayedReady } from '../../../../shards/queue/delayed-ready.ts';
import { sortDistinct } from '../../../../shards/queue/position-ranges.ts';

/** Dues from here on are far. */
const FAR = 1000;

interface Entry {
  /** Without wrapping. */
  readonly at: number;
  handle: number;
  due: number;
}

const step = fc.tuple(
  fc.constantFrom('append', 'append', 'take', 'take', 'page', 'load', 'remove', 'hurry', 'stale'),
  fc.nat(9999),
);
const plan = fc.record({
  start: fc.constantFrom(0, 2 ** 31 - 20, -5),
  restored: fc.array(fc.record({ gap: fc.nat(3), due: fc.nat(2 * FAR) }), { maxLength: 40 }),
  steps: fc.array(step, { maxLength: 250 }),
});

class Model {
  readonly ready: DelayedReady;
  private readonly start: number;
  private readonly dues = new Map<number, number>();
  private readonly entries: Entry[] = [];
  private next: number;
  private nextHandle = 0;

  constructor(start: number, restored: readonly { readonly gap: number; readonly due: number }[]) {
    this.start = start;
    this.next = 0;
    this.ready = new DelayedReady({
      endOf: (handle) => this.dues.get(handle)!,
      isFar: (due) => due >= FAR,
    });
    for (const { gap, due } of restored) {
      this.next += gap;
      this.entries.push(this.entry(due, true));
    }
    const positions = Int32Array.from(this.entries, (entry) => this.position(entry));
    const handles = Int32Array.from(this.entries, ({ handle }) => handle);
    this.ready.restore(positions, handles, (start + this.next) | 0);
    this.sort();
  }

  step(kind: string, number: number): void {
    const { ready } = this;
    if (kind === 'append') this.append(number);
    else if (this.entries.length === 0) expect(ready.isEmpty).toBe(true);
    else if (kind === 'take') this.take();
    else this.change(kind, this.entries[number % this.entries.length], number);
    this.check();
  }

  private append(number: number): void {
    const entry = this.entry(number % (2 * FAR), false);
    // Before it is there its due time is not known: it may be far.
    expect(this.ready.depthOf(this.position(entry))).toBeGreaterThan(0);
    expect(this.ready.append(entry.handle)).toBe(this.position(entry));
    expect(this.ready.at(this.position(entry))).toBe(entry.handle);
    expect(this.ready.depthOf(this.position(entry)) > 0).toBe(entry.due >= FAR);
    this.entries.push(entry);
    this.sort();
  }

  private take(): void {
    const { ready } = this;
    const entry = this.entries.shift()!;
    expect([ready.peek(), ready.headDue]).toEqual([entry.handle, entry.due]);
    ready.take();
    expect([ready.handle, ready.position]).toEqual([entry.handle, this.position(entry)]);
  }

  private change(kind: string, entry: Entry, number: number): void {
    const { ready } = this;
    const position = this.position(entry);
    const { handle } = entry;
    if (kind === 'remove') {
      expect(ready.find(position)).toBe(handle);
      expect(ready.remove(position, handle)).toBe(true);
      expect([ready.find(position), ready.remove(position, handle)]).toEqual([undefined, false]);
      this.entries.splice(this.entries.indexOf(entry), 1);
    } else if (kind === 'hurry') {
      expect(ready.setDue(position, number % FAR)).toBe(true);
      entry.due = Math.min(entry.due, number % FAR);
      this.sort();
    } else if (kind === 'stale') {
      expect(ready.replace(position, handle + 1, 5, number % 7)).toBe(false);
      expect(ready.remove(position, handle + 1)).toBe(false);
      expect(ready.setDue((this.start + this.next) | 0, 0)).toBe(false);
      expect(ready.hasReturned(position, handle + 1, this.rowOf(entry))).toBe(false);
    } else if (kind === 'page' ? handle >= 0 : handle < 0) {
      const to = this.newHandle(kind === 'page');
      this.dues.set(to, entry.due);
      // A loaded message is found by its row alone, which is its hint.
      const row = this.rowOf(entry);
      expect(ready.hasReturned(position, handle, row)).toBe(true);
      expect(ready.replace(position, handle, to, row)).toBe(true);
      entry.handle = to;
    }
  }

  private rowOf({ handle }: Entry): number {
    let row = -1;
    this.ready.showLoaded({
      see(shown, _position, hint) {
        if (shown === handle) row = hint;
        return true;
      },
    });
    return row;
  }

  private check(): void {
    const { ready, entries } = this;
    expect(ready.length).toBe(entries.length);
    expect(ready.onDiskCount).toBe(entries.filter(({ handle }) => handle < 0).length);
    expect(ready.nextPosition).toBe((this.start + this.next) | 0);
    const listed = (from: number, to: number): number[] =>
      entries.slice(from, to).flatMap((one) => [this.position(one), one.due, one.handle]);
    expect(ready.list(0, 1000)).toEqual(listed(0, 1000));
    expect(ready.list(3, 4)).toEqual(listed(3, 7));
    // What is read ahead: the head, and then what is near.
    const shown: number[] = [];
    ready.showOnDisk({ see: (handle) => shown.push(handle) < 5 });
    const near = entries.filter(({ handle, due }, i) => handle < 0 && (i === 0 || due < FAR));
    expect(shown).toEqual(near.slice(0, 5).map(({ handle }) => handle));
    const ranges = ready.ranges([]);
    const positions: number[] = [];
    for (let i = 0; i < ranges.length; i += 2)
      for (let k = 0; k < ranges[i + 1]; k += 1) positions.push((ranges[i] + k) | 0);
    const byPosition = entries.toSorted((a, b) => a.at - b.at);
    expect(positions).toEqual(byPosition.map((one) => this.position(one)));
  }

  private entry(due: number, isOnDisk: boolean): Entry {
    const handle = this.newHandle(isOnDisk);
    this.dues.set(handle, due);
    const entry = { at: this.next, handle, due };
    this.next += 1;
    return entry;
  }

  private newHandle(isOnDisk: boolean): number {
    this.nextHandle += 1;
    return isOnDisk ? ~this.nextHandle : this.nextHandle;
  }

  private position({ at }: Entry): number {
    return (this.start + at) | 0;
  }

  private sort(): void {
    this.entries.sort((a, b) => a.due - b.due || a.at - b.at);
  }
}

describe('DelayedReady', () => {
  it('is a list sorted by due time, whatever is done to it', () => {
    fc.assert(
      fc.property(plan, ({ start, restored, steps }) => {
        // Positions of a queue begin at 0; only a restored one can begin elsewhere.
        const from = restored.length === 0 ? 0 : start;
        const model = new Model(from, restored);
        for (const [kind, number] of steps) model.step(kind, number);
      }),
      { numRuns: 150 },
    );
  });

  it('says which positions it holds, close together or far apart', () => {
    const spread = fc.constantFrom(1, 3, 40, 400_000);
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1500 }), spread, fc.nat(99), (count, gap, seed) => {
        const numbers = Int32Array.from({ length: count }, (_value, i) => i * gap - 2 ** 31 + seed);
        const mixed = numbers.slice();
        for (let i = count - 1; i > 0; i -= 1) {
          const other = (i * 7919 + seed) % (i + 1);
          [mixed[i], mixed[other]] = [mixed[other], mixed[i]];
        }
        sortDistinct(mixed);
        expect(mixed).toEqual(numbers);
      }),
      { numRuns: 40 },
    );
  });

  it('finds what is in memory by its position however many have come since', () => {
    const ready = new DelayedReady({ endOf: () => 5 * FAR, isFar: () => true });
    const COUNT = 150_000;
    for (let handle = 0; handle < COUNT; handle += 1) ready.append(handle);
    expect(ready.at(0)).toBe(0);
    for (let position = 0; position < COUNT; position += 1) {
      expect(ready.replace(position, position, ~position, 0)).toBe(true);
    }
    // What has left memory need not be found by its position any more.
    for (let more = 0; more < COUNT; more += 1) ready.append(COUNT + more);
    expect(ready.at(0)).toBe(undefined);
    expect(ready.onDiskCount).toBe(COUNT);
  });
});

describe('with a depot', () => {
  const dues = new Map<number, number>();
  function ready(): DelayedReady {
    return new DelayedReady({ endOf: (handle) => dues.get(handle)!, isFar: (due) => due >= FAR });
  }

  it('what is lent is not in the ranges of a checkpoint: the log may still have its record', () => {
    const delayed = ready();
    for (let handle = 0; handle < 4; handle += 1) {
      dues.set(handle, 10 * handle);
      delayed.append(handle);
    }
    delayed.reserve(20);
    delayed.lend(7, 5, 15);
    expect(delayed.ranges([9])).toEqual([0, 4, 9, 1]);
    expect(delayed.list(0, 10)).toEqual([0, 0, 0, 1, 10, 1, 5, 15, 7, 2, 20, 2, 3, 30, 3]);
    expect(delayed.nextPosition).toBe(21);
    delayed.reserve(3);
    expect(delayed.nextPosition).toBe(21);
  });

  it('nothing is due before what is due first in the depot', () => {
    const delayed = ready();
    dues.set(0, 50);
    delayed.append(0);
    expect([delayed.headDue, delayed.nextDue]).toEqual([50, 50]);
    delayed.depotHas(40, 9);
    expect([delayed.headDue, delayed.nextDue]).toEqual([Number.POSITIVE_INFINITY, 40]);
    delayed.depotHas(50, 9);
    expect(delayed.headDue).toBe(50);
    delayed.depotHas(50, -1);
    expect(delayed.headDue).toBe(Number.POSITIVE_INFINITY);
    delayed.depotHas(Number.POSITIVE_INFINITY, 0);
    expect(delayed.headDue).toBe(50);
    delayed.take();
    expect(delayed.nextDue).toBeUndefined();
  });

  it('messages on disk are shown in turn, but not what is kept, lent or in memory', () => {
    const delayed = ready();
    for (let handle = 0; handle < 5; handle += 1) {
      dues.set(handle, FAR + handle);
      delayed.append(handle);
    }
    let paged = 0;
    delayed.onPagedOut = () => {
      paged += 1;
    };
    for (const position of [0, 1, 3, 4]) delayed.replace(position, position, ~(position + 10), 0);
    delayed.lend(9, 77, FAR);
    expect(paged).toBe(4);
    const show = (count: number): number[] => {
      const positions: number[] = [];
      delayed.showFar((row, position, due, hint) => {
        expect([row, due]).toEqual([position + 10, FAR + position]);
        if (position === 3) delayed.keep(hint, position);
        positions.push(position);
        return positions.length < count;
      });
      return positions;
    };
    expect(show(3)).toEqual([0, 1, 3]);
    expect(show(9)).toEqual([4, 0, 1]);
    expect(delayed.removeAt(1, 1, ~12)).toBe(false);
    expect(delayed.removeAt(1, 1, ~11)).toBe(true);
    expect(show(9)).toEqual([4, 0]);
    const gone: number[] = [];
    delayed.removeAll(new Set([0, 2, 9]), (position) => gone.push(position));
    expect(gone).toEqual([0, 2]);
    expect(delayed.length).toBe(3);
  });
});
