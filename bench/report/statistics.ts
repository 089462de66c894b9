// Medians and spreads of a few repeats. Any thread, cold.
// Invariant: nothing here assumes a distribution: five runs on a shared machine have none worth the
// name, so the median and the range are all that is claimed.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  };
}

/** Each first value over the second of the same turn; what both lack is left out. */
export function pairRatios(first: readonly number[], second: readonly number[]): number[] {
  const count = Math.min(first.length, second.length);
  return first.slice(0, count).map((value, index) => value / second[index]);
}
