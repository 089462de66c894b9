// The arithmetic of the wheel: every due time has its period, what is put into one is not near, and
// what is copied on comes into shorter ones that lie in it.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeriodLengths } from '../../../../shards/depot/periods.ts';

const YEARS = 10 * 365 * 24 * 3_600_000;
const lengths = new PeriodLengths();
const now = fc.integer({ min: 1_600_000_000_000, max: 4_000_000_000_000 });
const delay = fc.oneof(fc.nat(600_000), fc.nat(100_000_000), fc.nat(YEARS));

describe('periods', () => {
  it('hold what is due in them', () => {
    fc.assert(
      fc.property(now, delay, fc.constantFrom(12, 18, 24, 30), (at, millis, shift) => {
        const period = lengths.periodOf(at + millis, shift);
        expect(period * 2 ** shift).toBeLessThanOrEqual(at + millis);
        expect((period + 1) * 2 ** shift).toBeGreaterThan(at + millis);
      }),
    );
  });

  it('take a message long before they draw near, and draw near before they begin', () => {
    fc.assert(
      fc.property(now, delay, (at, millis) => {
        const due = at + millis;
        const shift = lengths.shiftFor(due, at);
        if (shift === undefined) {
          // At most a period of the shortest kind, and what it is known before.
          expect(millis).toBeLessThan(2 ** 18 * 1.25);
          return;
        }
        const period = lengths.periodOf(due, shift);
        expect(lengths.nearAt(period, shift)).toBeGreaterThan(at);
        expect(lengths.nearAt(period, shift)).toBeLessThanOrEqual(period * 2 ** shift - 2 ** 14);
        // Nor is it longer than it need be copied.
        if (shift < 30) {
          const longer = lengths.periodOf(due, shift + 6);
          expect(lengths.nearAt(longer, shift + 6)).toBeLessThanOrEqual(at);
        }
      }),
    );
  });

  it('are divided until they are short enough', () => {
    expect([30, 24, 18, 12].map((shift) => lengths.shorter(shift))).toEqual([
      24,
      18,
      12,
      undefined,
    ]);
    expect(new PeriodLengths(8).shorter(8)).toBe(2);
    expect(new PeriodLengths(8).shorter(2)).toBeUndefined();
  });

  it('are some hundreds in ten years', () => {
    const at = 1_800_000_000_000;
    const seen = new Set<string>();
    for (let millis = 0; millis < YEARS; millis += 2 ** 17) {
      const shift = lengths.shiftFor(at + millis, at);
      if (shift !== undefined) seen.add(`${shift}-${lengths.periodOf(at + millis, shift)}`);
    }
    expect(seen.size).toBeLessThan(460);
    expect(seen.size).toBeGreaterThan(290);
  });
});
