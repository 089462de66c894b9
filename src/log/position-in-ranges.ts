// Whether a position is in a set of ranges: first, how many, first, how many, ... ascending, as
// checkpoints have them. Shard threads at start, and `warrenmq inspect`. Positions are 32-bit,
// compared by signed difference.

export function isInRanges(ranges: ArrayLike<number>, position: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (((position - ranges[middle * 2]) | 0) < 0) high = middle;
    else low = middle + 1;
  }
  if (low === 0) return false;
  const at = (low - 1) * 2;
  return ((position - ranges[at]) | 0) < ranges[at + 1];
}
