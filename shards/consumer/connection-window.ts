// How many delivered bytes may be under way between this shard and a client's socket: over one
// connection, and for each of its consumers. A connection that stops reading holds at most this
// much (plus one message) of rings and buffers; its consumers wait here and nobody else's time is
// spent on it. A consumer of large messages leaves room for the others of its connection. Shard
// thread, hot path.
//
// The acceptor returns bytes (CREDIT) when the kernel has taken them, without saying whose they
// were: a connection's deliveries leave in order, so the oldest bytes here are those that left.
//
//   runs (a ring): | consumer A 3000 | consumer B 120 | consumer A 64 |
//                    ^ head: credit takes from here     ^ a further delivery to A adds to the last
import type { Consumer } from './consumer.ts';

const INITIAL_RUNS = 4;

export class ConnectionWindow {
  readonly connection: number;
  outstandingBytes: number;
  /** Consumers that wait for credit. */
  readonly blocked: Consumer[];
  private readonly limitBytes: number;
  private readonly consumerLimitBytes: number;
  private consumers: (Consumer | null)[];
  private runBytes: Float64Array;
  /** Free-running run numbers. */
  private head: number;
  private tail: number;

  constructor(connection: number, limitBytes: number, consumerLimitBytes: number) {
    this.connection = connection;
    this.outstandingBytes = 0;
    this.blocked = [];
    this.limitBytes = limitBytes;
    this.consumerLimitBytes = consumerLimitBytes;
    this.consumers = new Array<Consumer | null>(INITIAL_RUNS).fill(null);
    this.runBytes = new Float64Array(INITIAL_RUNS);
    this.head = 0;
    this.tail = 0;
  }

  /** A single message larger than the window passes when nothing is under way. */
  isFullFor(consumer: Consumer): boolean {
    return (
      this.outstandingBytes >= this.limitBytes ||
      consumer.outstandingBytes >= this.consumerLimitBytes
    );
  }

  /** `bytes` for `consumer` are under way. */
  add(consumer: Consumer, bytes: number): void {
    this.outstandingBytes += bytes;
    consumer.outstandingBytes += bytes;
    const last = (this.tail - 1) & (this.consumers.length - 1);
    if (this.tail !== this.head && this.consumers[last] === consumer) {
      this.runBytes[last] += bytes;
      return;
    }
    if (this.tail - this.head === this.consumers.length) this.grow();
    const at = this.tail & (this.consumers.length - 1);
    this.consumers[at] = consumer;
    this.runBytes[at] = bytes;
    this.tail += 1;
  }

  /** The oldest `bytes` have left for the kernel. True when somebody waited for that. */
  credit(bytes: number): boolean {
    this.outstandingBytes -= bytes;
    const mask = this.consumers.length - 1;
    let left = bytes;
    while (left > 0 && this.head !== this.tail) {
      const at = this.head & mask;
      const taken = Math.min(left, this.runBytes[at]);
      this.consumers[at]!.outstandingBytes -= taken;
      this.runBytes[at] -= taken;
      left -= taken;
      if (this.runBytes[at] > 0) break;
      this.consumers[at] = null;
      this.head += 1;
    }
    return this.blocked.length > 0;
  }

  private grow(): void {
    const size = this.consumers.length * 2;
    const consumers = new Array<Consumer | null>(size).fill(null);
    const runBytes = new Float64Array(size);
    for (let run = this.head; run < this.tail; run += 1) {
      const from = run & (this.consumers.length - 1);
      consumers[run & (size - 1)] = this.consumers[from];
      runBytes[run & (size - 1)] = this.runBytes[from];
    }
    this.consumers = consumers;
    this.runBytes = runBytes;
  }
}
