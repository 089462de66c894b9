// Sets of positions as ranges: first, how many, first, how many, ... ascending. Shard thread, cold:
// for checkpoints. Positions are 32-bit, compared by signed difference.

/** Adds `count` positions from `first` on, all behind those that are there. */
export function extendRanges(ranges: number[], first: number, count: number): void {
  const at = ranges.length - 2;
  if (at >= 0 && ((ranges[at] + ranges[at + 1]) | 0) === first) ranges[at + 1] += count;
  else ranges.push(first, count);
}

/** Worth a bitmap: so many numbers, at most so far apart on average. */
const BITMAP_COUNT_MIN = 1000;
const BITMAP_GAP_MAX = 32;

/** Sorts different numbers; many that lie close together in a few milliseconds per million. */
export function sortDistinct(numbers: Int32Array): void {
  if (numbers.length < BITMAP_COUNT_MIN) {
    numbers.sort();
    return;
  }
  let min = numbers[0];
  let max = numbers[0];
  for (const number of numbers) {
    if (number < min) min = number;
    else if (number > max) max = number;
  }
  const span = max - min + 1;
  if (span > numbers.length * BITMAP_GAP_MAX) {
    numbers.sort();
    return;
  }
  const bits = new Int32Array(Math.ceil(span / 32));
  for (const number of numbers) bits[(number - min) >>> 5] |= 1 << ((number - min) & 31);
  let to = 0;
  for (let word = 0; word < bits.length; word += 1) {
    for (let left = bits[word]; left !== 0; left &= left - 1) {
      numbers[to] = min + word * 32 + 31 - Math.clz32(left & -left);
      to += 1;
    }
  }
}
