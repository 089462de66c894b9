// The publishes of confirming channels that one shard has not yet taken responsibility for, in ring
// order. Acceptor thread, hot path. The shard's counter says how many PUBLISH records it has taken;
// everything up to that count is confirmed by that shard.
import type { ConfirmCounterReader } from '../../shards/mailbox/confirm-counter.ts';

const INITIAL_SLOTS = 64;

/** Who waits for confirms: a channel, or the broker itself for what it publishes. */
export interface ConfirmSink {
  /** One shard confirms publish `number`; true when that is news to flush. */
  confirm(number: number): boolean;
  /** One shard has refused publish `number`, which it will nevertheless confirm. */
  refuse(number: number): void;
}

export class UnconfirmedPublishes {
  private readonly counter: ConfirmCounterReader;
  /** PUBLISH records sent to the shard; free-running 32 bits. */
  private sentCount: number;
  private confirmedCount: number;
  /** What the counter said before the shard's records were read. */
  private seenCount: number;
  /** A ring of entries: which record, whose publish, its number in the channel. */
  private records: Int32Array;
  private channels: (ConfirmSink | undefined)[];
  private numbers: Float64Array;
  private head: number;
  private tail: number;

  constructor(counter: ConfirmCounterReader) {
    this.counter = counter;
    this.sentCount = counter.read();
    this.confirmedCount = this.sentCount;
    this.seenCount = this.sentCount;
    this.records = new Int32Array(INITIAL_SLOTS);
    this.channels = new Array<ConfirmSink | undefined>(INITIAL_SLOTS).fill(undefined);
    this.numbers = new Float64Array(INITIAL_SLOTS);
    this.head = 0;
    this.tail = 0;
  }

  /** One PUBLISH record was claimed. */
  count(): void {
    this.sentCount = (this.sentCount + 1) | 0;
  }

  /** The last record counted is publish `number` of a confirming channel. */
  expect(channel: ConfirmSink, number: number): void {
    if (this.tail - this.head === this.records.length) this.grow();
    const at = this.tail & (this.records.length - 1);
    this.records[at] = this.sentCount;
    this.channels[at] = channel;
    this.numbers[at] = number;
    this.tail += 1;
  }

  get isEmpty(): boolean {
    return this.head === this.tail;
  }

  /** True when the shard has confirmed something that `collect` has not yet passed on. */
  hasNews(): boolean {
    return this.head !== this.tail && this.counter.read() !== this.confirmedCount;
  }

  /**
   * Looks at the counter. To be done before the shard's records are read: what it refused stands in
   * records that are visible before the counter passes them.
   */
  look(): void {
    this.seenCount = this.counter.read();
  }

  /** The shard has refused a publish: the `sequence`th of its lane. */
  refuse(sequence: number): void {
    const mask = this.records.length - 1;
    let low = this.head;
    let high = this.tail;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (((this.records[middle & mask] - sequence) | 0) < 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.tail || this.records[low & mask] !== sequence) return;
    this.channels[low & mask]!.refuse(this.numbers[low & mask]);
  }

  /** Passes on what the last look saw; `touched` gets each channel that has news. */
  collect(touched: (channel: ConfirmSink) => void): void {
    const confirmed = this.seenCount;
    if (confirmed === this.confirmedCount) return;
    this.confirmedCount = confirmed;
    const mask = this.records.length - 1;
    while (this.head !== this.tail) {
      const at = this.head & mask;
      if (((confirmed - this.records[at]) | 0) < 0) break;
      const channel = this.channels[at]!;
      this.channels[at] = undefined;
      this.head += 1;
      if (channel.confirm(this.numbers[at])) touched(channel);
    }
  }

  private grow(): void {
    const size = this.records.length * 2;
    const records = new Int32Array(size);
    const channels = new Array<ConfirmSink | undefined>(size).fill(undefined);
    const numbers = new Float64Array(size);
    const mask = this.records.length - 1;
    for (let i = this.head; i < this.tail; i += 1) {
      records[i & (size - 1)] = this.records[i & mask];
      channels[i & (size - 1)] = this.channels[i & mask];
      numbers[i & (size - 1)] = this.numbers[i & mask];
    }
    this.records = records;
    this.channels = channels;
    this.numbers = numbers;
  }
}
