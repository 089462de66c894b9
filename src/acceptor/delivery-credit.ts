// Counts the bytes of one connection's deliveries until the kernel has taken them, and then returns
// them to the shards' windows (shards/consumer/connection-window.ts). Acceptor thread, hot path.
import type { ShardLink } from './shard-link.ts';

export class DeliveryCredit {
  private readonly connection: number;
  private readonly links: readonly ShardLink[];
  private readonly thresholdBytes: number;
  /** Framed since the last flush, by shard; null until the connection gets its first delivery. */
  private framed: Int32Array | null;
  private underWay: Int32Array | null;
  private freed: Int32Array | null;

  /**
   * Credit is returned in portions of a quarter of a consumer's window: rarely, and long before it
   * ends.
   */
  constructor(connection: number, links: readonly ShardLink[], windowBytes: number) {
    this.connection = connection;
    this.links = links;
    this.thresholdBytes = windowBytes / 4;
    this.framed = null;
    this.underWay = null;
    this.freed = null;
  }

  add(shard: number, bytes: number): void {
    if (this.framed === null) {
      this.framed = new Int32Array(this.links.length);
      this.underWay = new Int32Array(this.links.length);
      this.freed = new Int32Array(this.links.length);
    }
    this.framed[shard] += bytes;
  }

  /** Deliveries framed that the kernel has not taken. */
  get waitingBytes(): number {
    if (this.framed === null) return 0;
    let sum = 0;
    for (let shard = 0; shard < this.framed.length; shard += 1) {
      sum += this.framed[shard] + this.underWay![shard];
    }
    return sum;
  }

  /** A delivery that was not framed: its bytes go back at once. */
  refund(shard: number, bytes: number): void {
    this.add(shard, bytes);
    this.framed![shard] -= bytes;
    this.giveBack(shard, bytes);
  }

  /** Everything framed so far has been handed to the socket. */
  flushed(): void {
    if (this.framed === null) return;
    for (let shard = 0; shard < this.framed.length; shard += 1) {
      this.underWay![shard] += this.framed[shard];
      this.framed[shard] = 0;
    }
  }

  /** The kernel has taken all that was handed to the socket. */
  written(): void {
    if (this.framed === null) return;
    for (let shard = 0; shard < this.framed.length; shard += 1) {
      const bytes = this.underWay![shard];
      this.underWay![shard] = 0;
      this.giveBack(shard, bytes);
    }
  }

  private giveBack(shard: number, bytes: number): void {
    const freed = this.freed![shard] + bytes;
    if (freed >= this.thresholdBytes) {
      this.links[shard].credit(this.connection, freed);
      this.freed![shard] = 0;
    } else {
      this.freed![shard] = freed;
    }
  }
}
