// The publishes of confirming channels that one shard has not yet taken responsibility for, in ring
// order. Acceptor thread, hot path. The shard's counter says how many PUBLISH records it has taken;
// everything up to that count is confirmed by that shard.
import type { ConfirmCounterReader } from '../../shards/mailbox/confirm-counter.ts';
import type { ChannelConfirms } from './channel-confirms.ts';

const INITIAL_SLOTS = 64;

export class UnconfirmedPublishes {
  private readonly counter: ConfirmCounterReader;
  /** PUBLISH records sent to the shard; free-running 32 bits. */
  private sentCount: number;
  private confirmedCount: number;
  /** A ring of entries: which record, whose publish, its number in the channel. */
  private records: Int32Array;
  private channels: (ChannelConfirms | undefined)[];
  private numbers: Float64Array;
  private head: number;
  private tail: number;

  constructor(counter: ConfirmCounterReader) {
    this.counter = counter;
    this.sentCount = counter.read();
    this.confirmedCount = this.sentCount;
    this.records = new Int32Array(INITIAL_SLOTS);
    this.channels = new Array<ChannelConfirms | undefined>(INITIAL_SLOTS).fill(undefined);
    this.numbers = new Float64Array(INITIAL_SLOTS);
    this.head = 0;
    this.tail = 0;
  }

  /** One PUBLISH record was claimed. */
  count(): void {
    this.sentCount = (this.sentCount + 1) | 0;
  }

  /** The last record counted is publish `number` of a confirming channel. */
  expect(channel: ChannelConfirms, number: number): void {
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

  /** Passes on what the shard has confirmed; `touched` gets each channel that has news. */
  collect(touched: (channel: ChannelConfirms) => void): void {
    const confirmed = this.counter.read();
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
    const channels = new Array<ChannelConfirms | undefined>(size).fill(undefined);
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
