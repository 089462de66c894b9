// The confirm window against a plain set, in any order of confirms. Test process.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfirmWindow } from '../../../bench/load/confirm-window.ts';
import { MeasuringWindow } from '../../../bench/load/measuring-window.ts';

function newWindow(size: number): ConfirmWindow {
  return new ConfirmWindow(size, new MeasuringWindow());
}

describe('ConfirmWindow', () => {
  it('settles what a set of numbers would, single or multiple, in any order', () => {
    const steps = fc.array(fc.record({ pick: fc.nat(), multiple: fc.boolean(), add: fc.nat(5) }));
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (list, size) => {
        const window = newWindow(size);
        const open = new Set<number>();
        let next = 1;
        for (const { pick, multiple, add } of list) {
          const count = Math.min(add, window.room);
          window.published(count, Number.NaN);
          for (let index = 0; index < count; index += 1) open.add(next + index);
          next += count;
          if (open.size === 0) continue;
          const tag = [...open][pick % open.size];
          const gone = [...open].filter((number) => (multiple ? number <= tag : number === tag));
          expect(window.settle(tag, multiple)).toBe(gone.length);
          for (const number of gone) open.delete(number);
          const oldest = open.size === 0 ? next : Math.min(...open);
          expect(window.room).toBe(size - (next - oldest));
        }
      }),
    );
  });

  it('catches confirms of what was never sent or is settled already', () => {
    const window = newWindow(4);
    window.published(3, Number.NaN);
    expect(() => window.settle(4, false)).toThrow(/not yet sent/);
    expect(window.settle(2, false)).toBe(1);
    expect(() => window.settle(2, false)).toThrow(/twice/);
    expect(window.settle(3, true)).toBe(2);
    expect(() => window.settle(1, false)).toThrow(/twice/);
    expect(window.settle(3, true)).toBe(0);
  });

  it('measures only publishes intended for the measuring window', () => {
    const measuring = new MeasuringWindow();
    measuring.startMillis = 10;
    measuring.endMillis = 20;
    const window = new ConfirmWindow(10, measuring);
    for (const millis of [9, 10, 19, 20, Number.NaN]) window.published(1, millis);
    expect(window.settle(5, true)).toBe(5);
    expect(window.latency.count).toBe(2);
  });
});
