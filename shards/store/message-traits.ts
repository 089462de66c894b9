// What only some messages have: a time of arrival and a time to live, and properties of their own
// beside a body that lies in a slab. Shard thread. Columns by message (its handle in the store, or
// its row in the record table), which are not there before the first such message comes; whether a
// message's entries mean anything, its flags say.
const INITIAL_ROWS = 1024;
/** No time to live of its own. */
export const NO_TTL = -1;

export class MessageTraits {
  /** Unix milliseconds. */
  private arrivals: Float64Array;
  private ttls: Float64Array;
  private slabSkips: Int32Array;

  constructor() {
    this.arrivals = new Float64Array(0);
    this.ttls = new Float64Array(0);
    this.slabSkips = new Int32Array(0);
  }

  /** The message came at `arrivedAt` and lives `ttlMillis` from then on, or NO_TTL. */
  date(index: number, arrivedAt: number, ttlMillis: number): void {
    if (index >= this.arrivals.length) this.growTimes(index);
    this.arrivals[index] = arrivedAt;
    this.ttls[index] = ttlMillis;
  }

  arrivedAt(index: number): number {
    return this.arrivals[index];
  }

  ttlMillis(index: number): number {
    return this.ttls[index];
  }

  /** Its body begins so many bytes behind the first of its slab pages. */
  setSlabSkip(index: number, byteCount: number): void {
    if (index >= this.slabSkips.length) {
      const grown = new Int32Array(sizeFor(index));
      grown.set(this.slabSkips);
      this.slabSkips = grown;
    }
    this.slabSkips[index] = byteCount;
  }

  slabSkip(index: number): number {
    return this.slabSkips[index];
  }

  private growTimes(index: number): void {
    const arrivals = new Float64Array(sizeFor(index));
    arrivals.set(this.arrivals);
    this.arrivals = arrivals;
    const ttls = new Float64Array(arrivals.length);
    ttls.set(this.ttls);
    this.ttls = ttls;
  }
}

function sizeFor(index: number): number {
  let size = INITIAL_ROWS;
  while (size <= index) size *= 2;
  return size;
}
