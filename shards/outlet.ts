// A shard's way out to one acceptor: deliveries, replies and notices in one ring. Shard thread.
//
// Nobody waits on a full ring. A delivery that does not fit stays in its queue and its consumer is
// blocked until there is room; replies have a reserve of an eighth of the ring to themselves, and
// when even that is gone they are parked. Each parked reply answers a request of a channel that
// waits for it, or stands for a consumer, queue or slab body, so their number is bounded by those.
import { type Consumer, unblockAll } from './consumer/consumer.ts';
import { FramesRecord } from './frames-record.ts';
import {
  ACK_TIMEOUT,
  ACK_TIMEOUT_BYTES,
  CONSUMER_GONE,
  CONSUMER_GONE_BYTES,
  deliverRecordBytes,
  PACE,
  PACE_BYTES,
  REFUSED,
  REFUSED_BYTES,
  REPLY,
  REPLY_BYTES,
  SLAB_FREE,
  SLAB_FREE_BYTES,
} from './mailbox/from-shard-layout.ts';
import type { DoorbellRinger } from './ring/doorbell.ts';
import type { RingProducer } from './ring/ring-producer.ts';

export class Outlet {
  readonly ring: RingProducer;
  /** The record that the next delivery may join. */
  readonly frames: FramesRecord;
  /** Consumers that wait for room. */
  readonly blocked: Consumer[];
  /** Deliveries so far, free-running 32 bits. */
  deliveryCount: number;
  private readonly doorbell: DoorbellRinger;
  private readonly reserveBytes: number;
  /** Records (without header) that found no room, in order. */
  private readonly parked: (readonly [kind: number, bytes: number, words: readonly number[]])[];

  constructor(ring: RingProducer, doorbell: DoorbellRinger) {
    this.ring = ring;
    this.frames = new FramesRecord(ring);
    this.blocked = [];
    this.deliveryCount = 0;
    this.doorbell = doorbell;
    this.reserveBytes = ring.recordBytesMax;
    this.parked = [];
  }

  /**
   * Room for a delivery of `framesBytes` in all, framed, to `consumer`, which will ack it as
   * `number` (-1: never): the byte offset in the ring, or -1 when there is none now.
   */
  claimFrames(consumer: Consumer, number: number, framesBytes: number): number {
    // A delivery never overtakes a reply: consume-ok comes before the consumer's first message.
    if (this.parked.length > 0) return -1;
    const at = this.frames.claim(consumer.id, number, framesBytes, this.reserveBytes);
    if (at >= 0) this.deliveryCount = (this.deliveryCount + 1) | 0;
    return at;
  }

  /** Room for a delivery with `dataBytes` inline: its word index, or -1 when there is none now. */
  claimDelivery(dataBytes: number, kind: number): number {
    const at = this.claimRecord(deliverRecordBytes(dataBytes), kind);
    if (at >= 0) this.deliveryCount = (this.deliveryCount + 1) | 0;
    return at;
  }

  /** Room for any record that can wait: its word index, or -1 when there is none now. */
  claimRecord(bytes: number, kind: number): number {
    if (this.parked.length > 0) return -1;
    this.frames.end();
    const at = this.ring.claim(bytes, this.reserveBytes);
    if (at < 0) return -1;
    this.ring.words[at] = bytes;
    this.ring.words[at + 1] = kind;
    return at;
  }

  /** A full queue did not take a publish: see REFUSED. */
  refused(lane: number, sequence: number): void {
    this.send(REFUSED, REFUSED_BYTES, [lane, sequence]);
  }

  /** Records wait that an acceptor must have seen before it sees later confirms. */
  get hasParked(): boolean {
    return this.parked.length > 0;
  }

  reply(request: number, status: number, a: number, b: number): void {
    this.send(REPLY, REPLY_BYTES, [request, status, a, b]);
  }

  consumerGone(consumer: number): void {
    this.send(CONSUMER_GONE, CONSUMER_GONE_BYTES, [consumer]);
  }

  /** See from-shard-layout.ts. */
  ackTimeout(channel: number, consumer: number, millis: number): void {
    // Nobody waits for more than 24 days to see that this says less.
    const words = [channel, consumer, Math.min(millis, 0x7fff_ffff), 0];
    this.send(ACK_TIMEOUT, ACK_TIMEOUT_BYTES, words);
  }

  pace(queue: number, publishesPerSecond: number): void {
    this.send(PACE, PACE_BYTES, [queue, publishesPerSecond]);
  }

  slabFree(page: number): void {
    this.send(SLAB_FREE, SLAB_FREE_BYTES, [page]);
  }

  /** Makes this turn's records visible; true when there are any. */
  publish(): boolean {
    this.frames.end();
    return this.ring.publish();
  }

  /** Makes this turn's records visible and wakes the acceptor. */
  flush(): void {
    if (this.publish()) this.doorbell.ring();
  }

  /** Retries what found no room before. True when something still waits for room. */
  retry(): boolean {
    this.frames.end();
    while (this.parked.length > 0) {
      const [kind, bytes, words] = this.parked[0];
      if (!this.ring.write(kind, bytes, words)) return this.waitForSpace();
      this.parked.shift();
    }
    if (this.blocked.length === 0) return false;
    if (this.ring.freeBytes() < this.reserveBytes * 3) return this.waitForSpace();
    unblockAll(this.blocked);
    return false;
  }

  /** True while somebody waits for room in the ring. */
  get isWanted(): boolean {
    return this.blocked.length > 0 || this.parked.length > 0;
  }

  /** Has the acceptor wake this thread when there is room. True when there is room already. */
  waitForSpace(): boolean {
    this.flush();
    return this.ring.wantSpace(this.reserveBytes * 3);
  }

  private send(kind: number, bytes: number, words: readonly number[]): void {
    this.frames.end();
    if (this.parked.length > 0 || !this.ring.write(kind, bytes, words)) {
      this.parked.push([kind, bytes, words]);
    }
  }
}
