// A log-linear histogram of whole microseconds, in the manner of HDR histograms. Runs in the
// generator's process; recording is hot and allocates nothing.
// Invariants: values under 256 are exact, larger ones are off by at most 1/256 (0.4 %); values over
// 2^31 - 1 (36 minutes) count as that; the largest value is also kept exactly.
//
//   index = shift << 7 | top 8 bits, where shift drops all but the top 8 bits of the value:
//   [0 .. 255] exact | [256 .. 511] by 2 | [512 .. 1023] by 4 | ...

const PRECISION_BITS = 8;
const HALF = 1 << (PRECISION_BITS - 1);
const VALUE_MAX = 2 ** 31 - 1;

export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Histogram {
  count: number;
  max: number;
  readonly #counts: Float64Array;

  constructor() {
    this.count = 0;
    this.max = 0;
    this.#counts = new Float64Array((32 - PRECISION_BITS + 1) * HALF + HALF);
  }

  /** Counts `times` occurrences of a value; a value under zero counts as zero. */
  record(micros: number, times: number): void {
    const value = micros < 0 ? 0 : micros > VALUE_MAX ? VALUE_MAX : micros | 0;
    const bits = 32 - Math.clz32(value);
    const shift = bits > PRECISION_BITS ? bits - PRECISION_BITS : 0;
    this.#counts[shift * HALF + (value >>> shift)] += times;
    this.count += times;
    if (value > this.max) this.max = value;
  }

  add(other: Histogram): void {
    for (let index = 0; index < this.#counts.length; index += 1) {
      this.#counts[index] += other.#counts[index];
    }
    this.count += other.count;
    this.max = Math.max(this.max, other.max);
  }

  /** The value under or at which `fraction` of all values are; 0 when nothing was recorded. */
  percentile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index += 1) {
      seen += this.#counts[index];
      if (seen >= rank && this.count > 0) return Math.min(this.max, middleOf(index));
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      count: this.count,
      p50: this.percentile(0.5),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.max,
    };
  }
}

function middleOf(index: number): number {
  if (index < HALF * 2) return index;
  const shift = (index >>> (PRECISION_BITS - 1)) - 1;
  const low = (index - shift * HALF) * 2 ** shift;
  return low + 2 ** (shift - 1);
}
