// SlidingWindow against a Map: random pushes, skips, removals near and far from the base, so that it
// grows, and so that stragglers leave the ring; and its memory follows what is live.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingWindow } from '../../../src/base/sliding-window.ts';

type Row = readonly [number, number, number, number];

type Step =
  | { readonly kind: 'push'; readonly count: number }
  | { readonly kind: 'skip' | 'oldest' | 'probe' | 'clear' | 'putBack' }
  | { readonly kind: 'take'; readonly limit: number }
  | { readonly kind: 'remove'; readonly where: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 60, arbitrary: fc.nat(20).map((count): Step => ({ kind: 'push', count })) },
  { weight: 80, arbitrary: fc.nat(999).map((where): Step => ({ kind: 'remove', where })) },
  { weight: 40, arbitrary: fc.constant<Step>({ kind: 'oldest' }) },
  { weight: 20, arbitrary: fc.nat(999).map((limit): Step => ({ kind: 'take', limit })) },
  { weight: 10, arbitrary: fc.constant<Step>({ kind: 'skip' }) },
  { weight: 20, arbitrary: fc.constant<Step>({ kind: 'probe' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'clear' }) },
  { weight: 5, arbitrary: fc.constant<Step>({ kind: 'putBack' }) },
);

class Model {
  readonly rows = new Map<number, Row>();
  readonly window: SlidingWindow;
  next: number;
  /** Removed and not put back. */
  private readonly removed: [number, Row][] = [];
  private pushed = 0;

  constructor(firstKey: number, slots: number) {
    this.window = new SlidingWindow(firstKey, slots);
    this.next = firstKey;
  }

  run(action: Step): void {
    const { window, rows } = this;
    switch (action.kind) {
      case 'push':
        for (let i = 0; i < action.count; i += 1) this.push();
        break;
      case 'skip':
        expect(window.skip()).toBe(this.next);
        this.next += 1;
        break;
      case 'remove': {
        const key = this.keyAt(action.where);
        if (key === undefined) break;
        expect(window.find(key)).toBe(true);
        window.remove(key);
        this.forget(key);
        break;
      }
      case 'oldest':
        this.takeOldest(Number.MAX_SAFE_INTEGER);
        break;
      case 'take':
        this.takeOldest(this.keyAt(action.limit) ?? this.next);
        break;
      case 'clear':
        window.clear();
        rows.clear();
        break;
      case 'putBack':
        this.putBack();
        break;
      case 'probe':
        for (const key of [0, this.next, this.next + 5, window.base - 1]) {
          expect(window.find(key)).toBe(rows.has(key));
        }
    }
    this.check();
  }

  check(): void {
    const { window, rows } = this;
    expect(window.size).toBe(rows.size);
    expect(window.end).toBe(this.next);
    expect(window.keys()).toEqual([...rows.keys()]);
    for (const [key, row] of rows) {
      expect(window.find(key)).toBe(true);
      expect([window.key, window.a, window.b, window.c, window.d]).toEqual([key, ...row]);
    }
  }

  private push(): void {
    const row: Row = [this.pushed, 1 - this.pushed, this.pushed * 3, 0x7fff_ffff];
    expect(this.window.push(...row)).toBe(this.next);
    this.rows.set(this.next, row);
    this.next += 1;
    this.pushed += 1;
  }

  /** A live key, `where` thousandths of the way through. */
  private keyAt(where: number): number | undefined {
    const keys = [...this.rows.keys()];
    return keys[Math.floor((where / 1000) * keys.length)];
  }

  private takeOldest(keyMax: number): void {
    const [oldest] = this.rows.keys();
    const isThere = oldest !== undefined && oldest <= keyMax;
    expect(this.window.takeOldest(keyMax)).toBe(isThere);
    if (!isThere) return;
    const row = this.rows.get(oldest)!;
    const { key, a, b, c, d } = this.window;
    expect([key, a, b, c, d]).toEqual([oldest, ...row]);
    this.forget(oldest);
  }

  private forget(key: number): void {
    this.removed.unshift([key, this.rows.get(key)!]);
    this.rows.delete(key);
  }

  private putBack(): void {
    const rows = this.removed.splice(0);
    this.window.putBack(rows.map(([key, [a, b, c, d]]) => ({ key, a, b, c, d })));
    const all = [...this.rows, ...rows].sort(([one], [other]) => one - other);
    this.rows.clear();
    for (const [key, row] of all) this.rows.set(key, row);
  }
}

describe('SlidingWindow', () => {
  it('is a map from growing keys to rows', () => {
    const firstKey = fc.constantFrom(1, 0, 2 ** 31 - 10, 2 ** 32 - 7, 2 ** 40);
    fc.assert(
      fc.property(
        firstKey,
        fc.integer({ min: 0, max: 9 }),
        fc.array(step, { maxLength: 120 }),
        (first, slots, steps) => {
          const model = new Model(first, slots);
          for (const action of steps) model.run(action);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps a few that stay for ever without growing with the traffic behind them', () => {
    const window = new SlidingWindow(1, 16);
    const kept = Array.from({ length: 10 }, (_, i) => window.push(i, 0, 0, 0));
    for (let i = 0; i < 100_000; i += 1) window.remove(window.push(i, 0, 0, 0));
    expect(window.keys()).toEqual(kept);
    expect(slotCount(window)).toBeLessThanOrEqual(64);
  });

  it('takes no memory before its first entry when it is made without a ring', () => {
    const window = new SlidingWindow(1, 0);
    window.skip();
    window.clear();
    expect([window.find(1), window.takeOldest(9), window.keys()]).toEqual([false, false, []]);
    expect(slotCount(window)).toBe(0);
    expect(window.push(7, 0, 0, 0)).toBe(2);
    expect([window.find(2), window.a]).toEqual([true, 7]);
  });

  it('grows with what is live', () => {
    const window = new SlidingWindow(1, 16);
    for (let i = 0; i < 10_000; i += 1) window.push(i, 0, 0, 0);
    expect(slotCount(window)).toBeGreaterThanOrEqual(10_000);
    for (let i = 0; i < 10_000; i += 1) {
      expect(window.takeOldest(Number.MAX_SAFE_INTEGER)).toBe(true);
      expect(window.a).toBe(i);
    }
    expect(window.size).toBe(0);
  });
});

function slotCount(window: SlidingWindow): number {
  return (window as unknown as { slots: Int32Array }).slots.length / 4;
}
