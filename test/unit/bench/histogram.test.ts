// The histogram's promise: exact under 256, within 0.4 % above. Test process.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../bench/load/histogram.ts';

const micros = fc.oneof(fc.nat(255), fc.nat(100_000), fc.nat(2 ** 31 - 1));

describe('Histogram', () => {
  it('gives any percentile of any values within 1/256', () => {
    const values = fc.array(micros, { minLength: 1, maxLength: 200 });
    const fractions = fc.constantFrom(0.01, 0.5, 0.95, 0.99, 0.999, 1);
    fc.assert(
      fc.property(values, fractions, (list, fraction) => {
        const histogram = new Histogram();
        for (const value of list) histogram.record(value, 1);
        const sorted = [...list].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(fraction * list.length)) - 1];
        expect(Math.abs(histogram.percentile(fraction) - exact)).toBeLessThanOrEqual(exact / 256);
        expect(histogram.max).toBe(sorted.at(-1));
      }),
    );
  });

  it('is exact for small values and counts repeats', () => {
    const histogram = new Histogram();
    histogram.record(3, 50);
    histogram.record(200, 49);
    histogram.record(255, 1);
    expect(histogram.summary()).toEqual({
      count: 100,
      p50: 3,
      p95: 200,
      p99: 200,
      p999: 255,
      max: 255,
    });
  });

  it('adds up to the histogram of both', () => {
    fc.assert(
      fc.property(fc.array(micros), fc.array(micros), (first, second) => {
        const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()];
        for (const value of first) a.record(value, 1);
        for (const value of second) b.record(value, 1);
        for (const value of [...first, ...second]) both.record(value, 1);
        a.add(b);
        expect(a.summary()).toEqual(both.summary());
      }),
    );
  });

  it('clamps what is out of range and reports zeros when empty', () => {
    const histogram = new Histogram();
    expect(histogram.summary().p99).toBe(0);
    histogram.record(-5, 1);
    histogram.record(2 ** 40, 1);
    expect(histogram.percentile(0.5)).toBe(0);
    expect(histogram.max).toBe(2 ** 31 - 1);
  });
});
