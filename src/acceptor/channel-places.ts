// How many channels may be open: of the node, and of each user. Acceptor threads share one Int32
// per limit, so the count is exact however many acceptors there are; it is touched when a channel
// opens and closes, never by a message.
// A place is taken by compare-and-exchange, not by adding and looking: an addition that turns out
// too much would for a moment refuse others wrongly.
const CELL = 0;
const NO_LIMIT = 0x7fff_ffff;

export class ChannelPlaces {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private limitNow: number;

  /** `max` undefined: no limit. */
  constructor(memory: SharedArrayBuffer, max: number | undefined) {
    this.cells = new Int32Array(memory);
    this.limitNow = max ?? NO_LIMIT;
  }

  get max(): number {
    return this.limitNow;
  }

  limit(max: number | undefined): void {
    this.limitNow = max ?? NO_LIMIT;
  }

  /** False when all places are taken. */
  take(): boolean {
    const { cells, max } = this;
    let count = Atomics.load(cells, CELL);
    while (count < max) {
      const found = Atomics.compareExchange(cells, CELL, count, count + 1);
      if (found === count) return true;
      count = found;
    }
    return false;
  }

  giveBack(): void {
    Atomics.sub(this.cells, CELL, 1);
  }
}
