// How many channels may be open: of the node, and of each user. Acceptor threads share one Int32
// per limit, so the count is exact however many acceptors there are; it is touched when a channel
// opens and closes, never by a message.
// A place is taken by compare-and-exchange, not by adding and looking: an addition that turns out
// too much would for a moment refuse others wrongly.
const CELL = 0;
const NO_LIMIT = 0x7fff_ffff;

export class ChannelPlaces {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  readonly max: number;

  /** `max` 0: no limit. */
  constructor(memory: SharedArrayBuffer, max: number) {
    this.cells = new Int32Array(memory);
    this.max = max === 0 ? NO_LIMIT : max;
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
