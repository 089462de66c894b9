// Names for connections, channels and consumers in ring records. Acceptor thread. Numbers rise and
// start over after 2^30, passing by those in use: with a thousand connections a second that is
// after days, and by then no record that named an earlier bearer is left in any ring.

const ID_MAX = 2 ** 30;

export class IdAllocator {
  private readonly idMax: number;
  private readonly inUse: Set<number>;
  private last: number;

  constructor(idMax = ID_MAX) {
    this.idMax = idMax;
    this.inUse = new Set();
    this.last = 0;
  }

  take(): number {
    do {
      this.last = this.last === this.idMax ? 1 : this.last + 1;
    } while (this.inUse.has(this.last));
    this.inUse.add(this.last);
    return this.last;
  }

  /** The bearer is gone, here and on every shard that knew it. */
  release(id: number): void {
    this.inUse.delete(id);
  }
}
