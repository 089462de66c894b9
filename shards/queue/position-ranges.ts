// Sets of positions as ranges: first, how many, first, how many, ... ascending. Shard thread, cold:
// for checkpoints. Positions are 32-bit, compared by signed difference.

/** Adds `count` positions from `first` on, all behind those that are there. */
export function extendRanges(ranges: number[], first: number, count: number): void {
  const at = ranges.length - 2;
  if (at >= 0 && ((ranges[at] + ranges[at + 1]) | 0) === first) ranges[at + 1] += count;
  else ranges.push(first, count);
}
