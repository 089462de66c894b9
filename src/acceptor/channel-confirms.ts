// Publisher confirms of one channel: which publishes are still waited for, and the basic.ack and
// basic.nack frames that report progress (https://www.rabbitmq.com/docs/confirms). Acceptor thread,
// hot path.
//
// A publish that went to k shards waits for k confirmations, an unroutable one for none. What a
// flush newly knows to be confirmed below `first` is reported with one multiple ack; what is
// confirmed out of order behind a gap is reported singly, so a slow shard (or disk) holds back
// nobody else's confirms. No ack names a tag that was acked before: clients look it up. A publish
// that a full queue has refused is nacked when all its shards have answered, before any ack that
// would cover it.
import { powerOfTwoAtLeast } from '../base/round.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

const INITIAL_SLOTS = 32;
/** In `waiting`, beside how many are waited for: a shard has refused it. */
const REFUSED = 1 << 30;

/** Where the outcome goes. */
export interface ConfirmReports {
  ack(deliveryTag: number, multiple: boolean): void;
  nack(deliveryTag: number): void;
}

export class ChannelConfirms implements ConfirmSink {
  private readonly reports: ConfirmReports;
  /** The number of the next publish. */
  next: number;
  /** The oldest publish still waited for, or `next`. */
  private first: number;
  /** Confirmed since the last flush without a gap before them: the last one, and how many. */
  private inOrderLast: number;
  private inOrderCount: number;
  private waiting: Int32Array;
  /** Confirmed since the last flush while an older one was waited for. */
  private readonly early: number[];
  /** Refused, and not yet reported. */
  private readonly refused: number[];
  /** Already on its acceptor's list of channels to flush. */
  isTouched: boolean;

  constructor(reports: ConfirmReports) {
    this.reports = reports;
    this.next = 1;
    this.first = 1;
    this.inOrderLast = 0;
    this.inOrderCount = 0;
    this.waiting = new Int32Array(INITIAL_SLOTS);
    this.early = [];
    this.refused = [];
    this.isTouched = false;
  }

  /** Publishes since the oldest that is still waited for, for listings. */
  get waitingCount(): number {
    return this.next - this.first;
  }

  /** Numbers a publish that waits for `shardCount` confirmations and returns its number. */
  add(shardCount: number): number {
    const number = this.next;
    if (number - this.first >= this.waiting.length) this.grow();
    this.waiting[number & (this.waiting.length - 1)] = shardCount;
    this.next = number + 1;
    return number;
  }

  /**
   * One shard (or, for an unroutable publish, nobody) confirms; true when there is news to flush.
   */
  confirm(number: number): boolean {
    const mask = this.waiting.length - 1;
    const left = this.waiting[number & mask] - 1;
    this.waiting[number & mask] = left;
    if ((left & ~REFUSED) > 0) return false;
    if (left === REFUSED) {
      this.waiting[number & mask] = 0;
      this.refused.push(number);
      if (number === this.first) this.advance();
    } else if (number === this.first) {
      this.inOrderLast = number;
      this.inOrderCount += 1;
      this.advance();
    } else {
      this.early.push(number);
    }
    if (this.isTouched) return false;
    this.isTouched = true;
    return true;
  }

  /** One shard refuses what it is about to confirm. */
  refuse(number: number): void {
    this.waiting[number & (this.waiting.length - 1)] |= REFUSED;
  }

  /** Nothing is waited for. */
  get isSettled(): boolean {
    return this.first === this.next;
  }

  /** Sends what is confirmed and not yet reported. */
  flush(): void {
    this.isTouched = false;
    const { early, first, reports, refused } = this;
    if (refused.length > 0) for (const number of refused.splice(0)) reports.nack(number);
    let last = this.inOrderLast;
    let count = this.inOrderCount;
    for (let i = 0; i < early.length; i += 1) {
      if (early[i] >= first) continue;
      count += 1;
      if (early[i] > last) last = early[i];
    }
    if (count > 0) reports.ack(last, count > 1);
    this.inOrderLast = 0;
    this.inOrderCount = 0;
    if (early.length === 0) return;
    for (const number of early) if (number >= first) reports.ack(number, false);
    early.length = 0;
  }

  private advance(): void {
    const { waiting, next } = this;
    const mask = waiting.length - 1;
    let first = this.first;
    while (first < next && waiting[first & mask] <= 0) first += 1;
    this.first = first;
  }

  private grow(): void {
    const waiting = new Int32Array(powerOfTwoAtLeast(this.waiting.length * 2));
    for (let number = this.first; number < this.next; number += 1) {
      waiting[number & (waiting.length - 1)] = this.waiting[number & (this.waiting.length - 1)];
    }
    this.waiting = waiting;
  }
}
