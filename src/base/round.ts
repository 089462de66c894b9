// Integer rounding used by ring records and stores, in every thread.

/** The next multiple of 8 at or above `bytes`. */
export function alignTo8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** The smallest power of two at or above `value` (1 .. 2^30). */
export function powerOfTwoAtLeast(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}
