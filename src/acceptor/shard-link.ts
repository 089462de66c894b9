// An acceptor's way to one shard: publishes and operations on the work ring, acks and credit on the
// ack ring, deliveries coming back, and the confirm counter. Acceptor thread.
//
// Publishes are refused while the ring is too full (the parser then stops reading that socket);
// operations and acks are never refused: what finds no room is parked in order, and nothing new is
// parsed from any client until it has gone, so the parked list is bounded by what one turn
// produces.
import { ConfirmCounterReader, LANE_COUNT } from '../../shards/mailbox/confirm-counter.ts';
import type { Mailbox } from '../../shards/mailbox/control-messages.ts';
import {
  ACK,
  ACK_BYTES,
  CREDIT,
  CREDIT_BYTES,
  FORWARDED,
  FORWARDED_BYTES,
  PUBLISH,
  RELEASE,
  RELEASE_BYTES,
} from '../../shards/mailbox/to-shard-layout.ts';
import type { DoorbellRinger } from '../../shards/ring/doorbell.ts';
import { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import { RingProducer } from '../../shards/ring/ring-producer.ts';
import { type ConfirmSink, UnconfirmedPublishes } from './unconfirmed-publishes.ts';

type Parked = readonly [ring: RingProducer, kind: number, bytes: number, words: readonly number[]];

export class ShardLink {
  readonly shard: number;
  readonly work: RingProducer;
  readonly deliveries: RingConsumer;
  /** By confirm lane. */
  readonly unconfirmed: readonly UnconfirmedPublishes[];
  private readonly acks: RingProducer;
  private readonly doorbell: DoorbellRinger;
  private readonly reserveBytes: number;
  private readonly parked: Parked[];
  /** The run of acks not yet written: contiguous numbers of one channel with one outcome. */
  private runChannel: number;
  private runFirst: number;
  private runCount: number;
  private runOutcome: number;

  constructor(shard: number, mailbox: Mailbox, doorbell: DoorbellRinger) {
    this.shard = shard;
    this.work = new RingProducer(mailbox.workRing);
    this.acks = new RingProducer(mailbox.ackRing);
    this.deliveries = new RingConsumer(mailbox.deliveryRing);
    this.unconfirmed = Array.from(
      { length: LANE_COUNT },
      (_value, lane) =>
        new UnconfirmedPublishes(new ConfirmCounterReader(mailbox.confirmCounter, lane)),
    );
    this.doorbell = doorbell;
    this.reserveBytes = this.work.recordBytesMax;
    this.parked = [];
    this.runChannel = 0;
    this.runFirst = 0;
    this.runCount = 0;
    this.runOutcome = 0;
  }

  /** True while something parked waits for room: no client's bytes are parsed meanwhile. */
  get isCongested(): boolean {
    return this.parked.length > 0;
  }

  /** True when the shard has confirmed something new. */
  hasConfirms(): boolean {
    const { unconfirmed } = this;
    for (let lane = 0; lane < LANE_COUNT; lane += 1) if (unconfirmed[lane].hasNews()) return true;
    return false;
  }

  /** Looks at the confirm counters: before the deliveries are drained, see UnconfirmedPublishes. */
  lookAtConfirms(): void {
    const { unconfirmed } = this;
    for (let lane = 0; lane < LANE_COUNT; lane += 1) unconfirmed[lane].look();
  }

  /** Passes on what the shard had confirmed then. */
  collectConfirms(touched: (channel: ConfirmSink) => void): void {
    const { unconfirmed } = this;
    for (let lane = 0; lane < LANE_COUNT; lane += 1) {
      if (!unconfirmed[lane].isEmpty) unconfirmed[lane].collect(touched);
    }
  }

  /** True when a PUBLISH of `bytes` fits now, wherever it falls in the ring. */
  hasRoomFor(bytes: number): boolean {
    return this.parked.length === 0 && this.work.canClaim(bytes, this.reserveBytes);
  }

  /**
   * Room for a PUBLISH whose confirm waits in `lane`: its word index, or -1 when there is none now.
   */
  claimPublish(bytes: number, lane: number): number {
    // Nothing overtakes an operation that is parked.
    if (this.parked.length > 0) return -1;
    const at = this.work.claim(bytes, this.reserveBytes);
    if (at < 0) return -1;
    this.work.words[at] = bytes;
    this.work.words[at + 1] = PUBLISH;
    this.unconfirmed[lane].count();
    return at;
  }

  /** Sends an operation in order with the publishes. */
  operate(kind: number, bytes: number, words: readonly number[]): void {
    this.send(this.work, kind, bytes, words);
  }

  /** Settles delivery `number` of a channel; contiguous ones become one record. */
  ack(channel: number, number: number, outcome: number): void {
    if (
      this.runCount > 0 &&
      channel === this.runChannel &&
      outcome === this.runOutcome &&
      number === ((this.runFirst + this.runCount) | 0)
    ) {
      this.runCount += 1;
      return;
    }
    this.endAckRun();
    this.runChannel = channel;
    this.runFirst = number;
    this.runCount = 1;
    this.runOutcome = outcome;
  }

  credit(connection: number, bytes: number): void {
    this.send(this.acks, CREDIT, CREDIT_BYTES, [connection, bytes]);
  }

  /** A FORWARD has come to its end. */
  forwarded(number: number, outcome: number): void {
    this.send(this.acks, FORWARDED, FORWARDED_BYTES, [number, outcome]);
  }

  release(message: number): void {
    this.send(this.acks, RELEASE, RELEASE_BYTES, [message]);
  }

  /** Makes everything sent so far visible and wakes the shard. Acks before work: see layout. */
  flush(): void {
    this.endAckRun();
    if (this.parked.length > 0) this.retryParked();
    const hasAcks = this.acks.publish();
    const hasWork = this.work.publish();
    if (hasAcks || hasWork) this.doorbell.ring();
  }

  /** Asks to be woken when the shard has made room. True when there is room already. */
  wantSpace(): boolean {
    const acksFit = this.acks.wantSpace(this.acks.recordBytesMax);
    return this.work.wantSpace(this.reserveBytes * 2) && acksFit;
  }

  /** Gives delivered records' memory back, waking the shard when it waits for that. */
  releaseDeliveries(): void {
    if (this.deliveries.release()) this.doorbell.ring();
  }

  private endAckRun(): void {
    if (this.runCount === 0) return;
    const words = this.acks.words;
    const at = this.parked.length > 0 ? -1 : this.acks.claim(ACK_BYTES, 0);
    if (at < 0) {
      const run = [this.runChannel, this.runFirst, this.runCount, this.runOutcome];
      this.parked.push([this.acks, ACK, ACK_BYTES, run]);
    } else {
      words[at] = ACK_BYTES;
      words[at + 1] = ACK;
      words[at + 2] = this.runChannel;
      words[at + 3] = this.runFirst;
      words[at + 4] = this.runCount;
      words[at + 5] = this.runOutcome;
    }
    this.runCount = 0;
  }

  private send(ring: RingProducer, kind: number, bytes: number, words: readonly number[]): void {
    this.endAckRun();
    if (this.parked.length > 0 || !ring.write(kind, bytes, words)) {
      this.parked.push([ring, kind, bytes, words]);
    }
  }

  private retryParked(): void {
    let done = 0;
    while (done < this.parked.length) {
      const [ring, kind, bytes, words] = this.parked[done];
      if (!ring.write(kind, bytes, words)) break;
      done += 1;
    }
    this.parked.splice(0, done);
  }
}
