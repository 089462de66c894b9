// The open loop's arithmetic, the order check and the backlog limit. Test process.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../bench/load/backlog.ts';
import { MeasuringWindow } from '../../../bench/load/measuring-window.ts';
import { OrderCheck } from '../../../bench/load/order-check.ts';
import { dueAfter, shareOf } from '../../../bench/load/slice-clock.ts';

describe('slices', () => {
  it('deal out every message exactly once and evenly', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 16 }), (total, publishers) => {
        const shares = Array.from({ length: publishers }, (_, index) =>
          shareOf(total, index, publishers),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(total);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('add up to the rate, also when it is no whole number per slice', () => {
    expect(dueAfter(1000, 20_000)).toBe(20_000);
    expect(dueAfter(1000, 333)).toBe(333);
    expect(dueAfter(1, 333)).toBe(0);
    expect(dueAfter(4, 333)).toBe(1);
  });
});

describe('MeasuringWindow', () => {
  it('includes its start, excludes its end, and nothing before it is set', () => {
    const window = new MeasuringWindow();
    expect(window.includes(5)).toBe(false);
    window.startMillis = 5;
    window.endMillis = 6;
    expect([4.9, 5, 5.9, 6].map((millis) => window.includes(millis))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('OrderCheck', () => {
  it('finds gaps, repeats and strangers for a sole consumer', () => {
    const check = new OrderCheck(2, true);
    for (const sequence of [0, 1, 2, 5, 4]) check.see(0, sequence);
    check.see(1, 0);
    check.see(9, 0);
    expect(check).toMatchObject({ received: 7, missing: 2, repeated: 1, unknown: 1 });
  });

  it('lets one of several consumers see gaps but no steps back', () => {
    const check = new OrderCheck(1, false);
    for (const sequence of [3, 7, 7, 20]) check.see(0, sequence);
    expect(check).toMatchObject({ received: 4, missing: 0, repeated: 1 });
  });
});

describe('Backlog', () => {
  it('stops at the limit and wakes once when there is room again', () => {
    let woken = 0;
    const backlog = new Backlog(10, 2, () => {
      woken += 1;
    });
    backlog.published(10);
    expect(backlog.room).toBe(0);
    backlog.delivered(1);
    expect([backlog.room, woken]).toEqual([0, 0]);
    backlog.delivered(3);
    expect([backlog.room, woken]).toEqual([2, 1]);
    backlog.delivered(2);
    expect([backlog.room, woken]).toEqual([3, 1]);
  });

  it('has no limit when the limit is 0', () => {
    const backlog = new Backlog(0, 1, () => undefined);
    backlog.published(1e9);
    expect(backlog.room).toBeGreaterThan(1e9);
  });
});
