// Every micro bench runs in its tiny mode and gives rows that are numbers, so that none rots unseen.
import { describe, expect, it } from 'vitest';
import { BENCHES, lineOf } from '../../../bench/micro/main.ts';

describe('micro benches', () => {
  it.each(Object.entries(BENCHES))('%s runs', async (_name, run) => {
    const rows = await run({ quick: true });
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row.nanosecondsPerOp).toBeGreaterThan(0);
      expect(row.opsPerSecond * row.nanosecondsPerOp).toBeCloseTo(1e9);
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  it('are printed as one table', () => {
    expect(lineOf({ name: 'x', nanosecondsPerOp: 12.345, opsPerSecond: 81_004_455 })).toBe(
      `x${' '.repeat(46)}12.3 ns     81,004,455 /s`,
    );
  });
});
