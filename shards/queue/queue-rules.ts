// What a queue does with messages that nobody consumes in time or for which it has no room: time to
// live, length limits, refusals, dead letters, and the end of an unused queue. Shard thread. One
// without any of it pays one test of `isActive` per publish and of `canExpire` per delivery.
//
// As in RabbitMQ messages expire at the head of the queue only, so one with a short time to live
// behind one with a long one waits (https://www.rabbitmq.com/docs/ttl#per-message-ttl-caveats).
// A message that is to be dead-lettered leaves the queue only when there is room on the way
// (shards/deadletter); until then it stays at the head, and is not delivered if it has expired.
import { WireWriter } from '../../src/protocol/wire-writer.ts';
import { type QueueSettings, queueSettings } from '../../src/routing/queue-settings.ts';
import type { QueueSpec } from '../../src/routing/change.ts';
import type { Forward, Forwards } from '../deadletter/forwards.ts';
import type { DeathReason } from '../mailbox/from-shard-layout.ts';
import { DATED_FLAG } from '../mailbox/to-shard-layout.ts';
import { NO_TTL } from '../store/message-traits.ts';
import { Deadline, type Deadlines } from '../time/deadlines.ts';
import { datedTraits } from './paging.ts';
import type { Queue } from './queue.ts';

const NOT_SET = -1;
/** A queue that has this many deliveries to make before its length is looked at makes no more. */
const DELIVERIES_FIRST_MAX = 256;

export interface RuleSurroundings {
  readonly deadlines: Deadlines;
  readonly forwards: Forwards;
  /** Deletes a queue that has expired, everywhere. */
  readonly expireQueue: (queue: Queue) => void;
}

export class QueueRules {
  settings: QueueSettings;
  /** Something here applies to every message that comes. */
  isActive: boolean;
  /** Messages in the queue may have an end. */
  canExpire: boolean;
  /** Where dead letters go, as in a FORWARD record; empty: nowhere. */
  address: Uint8Array;
  /** With a limit of bytes: the bodies of the ready messages; on disk all their bytes count. */
  limitedBytes: number;
  private readonly vhost: string;
  private readonly queue: Queue;
  private readonly surroundings: RuleSurroundings;
  private readonly headDeadline: Deadline;
  private readonly unusedDeadline: Deadline;
  /** When somebody last used the queue. */
  private usedAt: number;
  /** A message without any time to live is offered to consumers. */
  private sparesHead: boolean;

  constructor(queue: Queue, vhost: string, surroundings: RuleSurroundings) {
    this.queue = queue;
    this.vhost = vhost;
    this.surroundings = surroundings;
    this.settings = queueSettings(queue.spec);
    this.isActive = false;
    this.canExpire = false;
    this.address = NOWHERE;
    this.limitedBytes = 0;
    this.headDeadline = new Deadline(() => this.apply());
    this.unusedDeadline = new Deadline(() => this.expireIfUnused());
    this.usedAt = surroundings.deadlines.now;
    this.sparesHead = false;
    this.take(queue.spec);
  }

  /** Another policy applies now. Messages that are here keep the arrival they came with. */
  update(spec: QueueSpec): void {
    this.take(spec);
    this.countLimitedBytes();
    this.used();
    this.apply();
  }

  /** Whether a publish with so many bytes of body is to be refused now. */
  refuses(bodyBytes: number): boolean {
    if (this.settings.overflow === 'drop-head' || !this.exceeds(1, bodyBytes)) return false;
    // What consumers can take is no backlog.
    this.queue.run(DELIVERIES_FIRST_MAX);
    return this.exceeds(1, bodyBytes);
  }

  /** A message was appended; `ttlMillis`: its own time to live, or NO_TTL. */
  appended(handle: number, ttlMillis: number): void {
    const { settings } = this;
    if (settings.messageTtlMillis !== NOT_SET || ttlMillis !== NO_TTL) this.date(handle, ttlMillis);
    if (settings.bytesMax !== NOT_SET) this.limitedBytes += this.weight(handle);
    const isFleeting = ttlMillis === 0 || settings.messageTtlMillis === 0;
    if (isFleeting) this.deliverOrExpire();
    if (this.exceeds(0, 0)) {
      this.queue.run(DELIVERIES_FIRST_MAX);
      this.dropOverflow();
    }
  }

  /** A message that lives for no time goes to a consumer that can take it now, or expires. */
  private deliverOrExpire(): void {
    if (!this.queue.isAlone) {
      this.isHeadKeptBack();
      return;
    }
    this.sparesHead = true;
    this.queue.run(DELIVERIES_FIRST_MAX);
    this.sparesHead = false;
    this.isHeadKeptBack();
  }

  /** What was in the log is ready. */
  restored(handles: Int32Array): void {
    for (const handle of handles) {
      if (datedTraits(this.queue, handle) === undefined) continue;
      this.canExpire = true;
      break;
    }
    this.countLimitedBytes();
    this.used();
    this.surroundings.deadlines.armAt(this.headDeadline, 0);
  }

  /** A message that came back is ready. */
  returned(handle: number): void {
    if (this.settings.bytesMax !== NOT_SET) this.limitedBytes += this.weight(handle);
    if (this.isActive || this.canExpire) this.apply();
  }

  /** A message has left the ready ones. */
  left(handle: number): void {
    if (this.settings.bytesMax !== NOT_SET) this.limitedBytes -= this.weight(handle);
  }

  /** A ready message goes by another handle: it was paged out, or loaded. */
  renamed(from: number, to: number): void {
    if (this.settings.bytesMax === NOT_SET) return;
    this.limitedBytes += this.weight(to) - this.weight(from);
  }

  /** Drops what has expired or is too much, as far as it can go now. */
  apply(): void {
    if (this.canExpire) this.isHeadKeptBack();
    this.dropOverflow();
  }

  /** Whether the head, if there is one, must not be delivered; expired messages go first. */
  isHeadKeptBack(): boolean {
    const { queue } = this;
    const { ready } = queue;
    const { deadlines } = this.surroundings;
    while (!ready.isEmpty && !this.sparesHead) {
      const end = this.endOf(ready.peek());
      if (end > deadlines.now) {
        if (end !== Number.POSITIVE_INFINITY) deadlines.armAt(this.headDeadline, end);
        return false;
      }
      if (!this.dropHead('expired')) return true;
    }
    return false;
  }

  /** Somebody consumes, gets from or redeclares the queue, or has stopped consuming. */
  used(): void {
    const { expiresMillis } = this.settings;
    if (expiresMillis === NOT_SET) return;
    const { deadlines } = this.surroundings;
    this.usedAt = deadlines.now;
    deadlines.armAt(this.unusedDeadline, this.usedAt + expiresMillis);
  }

  /**
   * The queue is rid of a message of its, which is neither ready nor unacked any more: it is
   * dropped, or goes on as a dead letter.
   */
  retire(handle: number, position: number, reason: DeathReason): void {
    const { queue } = this;
    if (this.address.length === 0 || queue.isDeleted) queue.discard(handle, position);
    else this.surroundings.forwards.add({ queue, handle, position, reason, isRefused: false });
  }

  /** A publish that the queue has refused goes on as a dead letter; its reference is ours. */
  forwardRefused(handle: number): void {
    const { queue } = this;
    queue.memory.bytes += queue.dataBytes(handle);
    const isRefused = true;
    this.surroundings.forwards.add({ queue, handle, position: 0, reason: 'maxlen', isRefused });
  }

  /** A dead letter has arrived, or is given up. */
  forwarded({ handle, position, isRefused }: Forward): void {
    const { queue } = this;
    if (isRefused) queue.discardUnqueued(handle);
    else queue.discard(handle, position);
  }

  /** The queue is deleted: nothing of it happens any more. */
  stop(): void {
    const { deadlines } = this.surroundings;
    deadlines.disarm(this.headDeadline);
    deadlines.disarm(this.unusedDeadline);
  }

  private take(spec: QueueSpec): void {
    const settings = queueSettings(spec);
    const { messageTtlMillis, lengthMax, bytesMax, deadLettering } = settings;
    this.settings = settings;
    const isLimited = lengthMax !== NOT_SET || bytesMax !== NOT_SET;
    this.isActive = isLimited || messageTtlMillis !== NOT_SET;
    if (messageTtlMillis !== NOT_SET) this.canExpire = true;
    this.address = NOWHERE;
    if (deadLettering === undefined) return;
    const writer = new WireWriter();
    const { exchange, routingKey } = deadLettering;
    for (const name of [this.vhost, spec.name, exchange]) writer.shortString(name);
    if (routingKey !== undefined) writer.shortString(routingKey);
    this.address = Uint8Array.from(writer.take());
  }

  private date(handle: number, ttlMillis: number): void {
    const { store, ready } = this.queue;
    const { deadlines } = this.surroundings;
    store.traits.date(handle, deadlines.now, ttlMillis);
    store.addFlags(handle, DATED_FLAG);
    this.canExpire = true;
    // Not only when it is alone: of a higher priority it is at the head at once.
    if (ready.peek() === handle) deadlines.armAt(this.headDeadline, this.endOf(handle));
  }

  /** When a message that is ready here expires: Unix milliseconds, or never. */
  private endOf(handle: number): number {
    const { messageTtlMillis } = this.settings;
    const { queue } = this;
    const traits = datedTraits(queue, handle);
    if (traits === undefined) return Number.POSITIVE_INFINITY;
    const index = handle < 0 ? ~handle : handle;
    const own = traits.ttlMillis(index);
    let ttl = own === NO_TTL ? Number.POSITIVE_INFINITY : own;
    if (messageTtlMillis !== NOT_SET && messageTtlMillis < ttl) ttl = messageTtlMillis;
    return traits.arrivedAt(index) + ttl;
  }

  /** Whether the ready messages, and so many more, are more than the queue is to hold. */
  private exceeds(messages: number, bytes: number): boolean {
    const { lengthMax, bytesMax } = this.settings;
    if (lengthMax !== NOT_SET && this.queue.ready.length + messages > lengthMax) return true;
    return bytesMax !== NOT_SET && this.limitedBytes + bytes > bytesMax;
  }

  private dropOverflow(): void {
    // A queue that refuses what is too much keeps what it has, also when its limit is lowered.
    if (this.settings.overflow !== 'drop-head') return;
    while (this.exceeds(0, 0) && !this.queue.ready.isEmpty && this.dropHead('maxlen'));
  }

  /** False when the head has to stay until there is room on its way, or until it is loaded. */
  private dropHead(reason: DeathReason): boolean {
    const { queue } = this;
    if (this.address.length > 0) {
      const { forwards } = this.surroundings;
      if (!forwards.hasRoom) {
        forwards.want(queue);
        return false;
      }
      if (queue.wantsHeadLoaded()) return false;
    }
    queue.takeHead();
    this.retire(queue.ready.handle, queue.ready.position, reason);
    return true;
  }

  private expireIfUnused(): void {
    const { expiresMillis } = this.settings;
    const { queue } = this;
    if (expiresMillis === NOT_SET || queue.consumers.size > 0) return;
    const { deadlines, expireQueue } = this.surroundings;
    const end = this.usedAt + expiresMillis;
    if (end > deadlines.now) deadlines.armAt(this.unusedDeadline, end);
    else expireQueue(queue);
  }

  private countLimitedBytes(): void {
    this.limitedBytes = 0;
    if (this.settings.bytesMax === NOT_SET) return;
    const { ready } = this.queue;
    for (const heap of ready.returnedHeaps()) {
      for (let row = 0; row < heap.length; row += 1)
        this.limitedBytes += this.weight(heap.handleAt(row));
    }
    const ranges = ready.ranges([]);
    for (let i = 0; i < ranges.length; i += 2) {
      for (let left = ranges[i + 1], at = ranges[i]; left > 0; left -= 1, at = (at + 1) | 0) {
        const handle = ready.at(at);
        if (handle !== undefined) this.limitedBytes += this.weight(handle);
      }
    }
  }

  /** What counts towards a limit of bytes: the body, as far as it is known. */
  private weight(handle: number): number {
    const { queue } = this;
    return handle < 0 ? queue.dataBytes(handle) : queue.store.bodyBytes(handle);
  }
}

const NOWHERE = new Uint8Array(0);
