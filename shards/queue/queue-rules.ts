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
import type { DeathReason, ForwardReason } from '../mailbox/from-shard-layout.ts';
import { DATED_FLAG } from '../mailbox/to-shard-layout.ts';
import { NO_TTL } from '../store/message-traits.ts';
import { Deadline, type Deadlines } from '../time/deadlines.ts';
import { SOON_MILLIS } from './delayed-ready.ts';
import { datedTraits, readyHandles } from './paging.ts';
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
  /** The queue holds back what its exchange delays. */
  readonly isDelaying: boolean;
  private readonly vhost: string;
  private readonly queue: Queue;
  private readonly surroundings: RuleSurroundings;
  private readonly headDeadline: Deadline;
  private readonly unusedDeadline: Deadline;
  /** When somebody last used the queue. */
  private usedAt: number;
  /** A message without any time to live is offered to consumers. */
  private sparesHead: boolean;
  /** Messages have come back since the rules were applied. */
  hasReturned: boolean;

  constructor(queue: Queue, vhost: string, surroundings: RuleSurroundings) {
    this.queue = queue;
    this.vhost = vhost;
    this.isDelaying = queue.spec.companion?.role === 'delay';
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
    this.hasReturned = false;
    this.applySettings();
  }

  /** Another policy applies now. Messages that are here keep the arrival they came with. */
  update(spec: QueueSpec): void {
    this.settings = queueSettings(spec);
    this.applySettings();
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

  /**
   * Takes over one reference of a published message, as Queue's `publish` or `publishSpilled`;
   * `ttlMillis`: its own time to live, or NO_TTL.
   */
  publish(handle: number, isLogged: boolean, isSpilled: boolean, ttlMillis: number): void {
    const { queue, settings } = this;
    const isDated = settings.messageTtlMillis !== NOT_SET || ttlMillis !== NO_TTL;
    if (isDated) this.date(handle, ttlMillis);
    if (isSpilled) queue.publishSpilled(handle);
    else queue.publish(handle, isLogged);
    if (isDated) this.armFor(handle);
    this.appended(handle, ttlMillis);
  }

  private appended(handle: number, ttlMillis: number): void {
    const { settings } = this;
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

  /** A message that came back is ready; `apply` comes when all that come back with it are. */
  returned(handle: number): void {
    if (this.settings.bytesMax !== NOT_SET) this.limitedBytes += this.weight(handle);
    this.hasReturned = true;
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
    this.hasReturned = false;
    if (this.canExpire) this.isHeadKeptBack();
    this.dropOverflow();
  }

  /** Whether the head, if there is one, must not be delivered; expired messages go first. */
  isHeadKeptBack(): boolean {
    const { queue } = this;
    const { ready } = queue;
    const { deadlines } = this.surroundings;
    while (!ready.isEmpty && !this.sparesHead) {
      const end = queue.delayed?.headDue ?? this.endOf(ready.peek());
      if (end > deadlines.now) {
        if (end !== Number.POSITIVE_INFINITY) deadlines.armAt(this.headDeadline, end);
        return false;
      }
      if (!this.dropHead(this.isDelaying ? 'delayed' : 'expired')) return true;
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
  retire(handle: number, position: number, reason: ForwardReason): void {
    const { queue } = this;
    if (queue.isDeleted) return queue.discard(handle, position);
    if (reason !== 'delayed' && reason !== 'history') this.died(reason);
    if (this.address.length === 0) queue.discard(handle, position);
    else this.surroundings.forwards.retire(queue, handle, position, reason);
  }

  /** A publish that the queue has refused goes on as a dead letter; its reference is ours. */
  forwardRefused(handle: number): void {
    const { queue } = this;
    queue.memory.bytes += queue.dataBytes(handle);
    this.died('maxlen');
    this.surroundings.forwards.add(queue, handle, 'maxlen');
  }

  private died(reason: DeathReason): void {
    this.surroundings.forwards.deaths.count(reason, this.settings);
  }

  /** A dead letter has arrived, or is given up. */
  forwarded({ handle, position }: Forward): void {
    const { queue } = this;
    if (position === undefined) queue.discardUnqueued(handle);
    else {
      queue.discard(handle, position);
      queue.depot?.settled(position);
    }
  }

  /** The queue is deleted: nothing of it happens any more. */
  stop(): void {
    const { deadlines } = this.surroundings;
    deadlines.disarm(this.headDeadline);
    deadlines.disarm(this.unusedDeadline);
  }

  private applySettings(): void {
    const { settings } = this;
    const { messageTtlMillis, lengthMax, bytesMax } = settings;
    const isLimited = lengthMax !== NOT_SET || bytesMax !== NOT_SET;
    this.isActive = isLimited || messageTtlMillis !== NOT_SET;
    if (messageTtlMillis !== NOT_SET || this.isDelaying) this.canExpire = true;
    const next = this.isDelaying
      ? { exchange: this.queue.spec.companion!.exchange, routingKey: undefined }
      : settings.deadLettering;
    const keys = next?.routingKey === undefined ? [] : [next.routingKey];
    this.address = next === undefined ? NOWHERE : this.addressOf([next.exchange, ...keys]);
  }

  /** The address of a FORWARD from here. */
  addressOf(destination: readonly string[]): Uint8Array {
    const writer = new WireWriter();
    for (const name of [this.vhost, this.queue.spec.name, ...destination]) writer.shortString(name);
    return Uint8Array.from(writer.take());
  }

  private date(handle: number, ttlMillis: number): void {
    const { store } = this.queue;
    store.traits.date(handle, this.surroundings.deadlines.now, ttlMillis);
    store.addFlags(handle, DATED_FLAG);
    this.canExpire = true;
  }

  /** A message that was appended may be at the head at once: alone, or of a higher priority. */
  private armFor(handle: number): void {
    if (this.queue.ready.peek() !== handle) return;
    this.surroundings.deadlines.armAt(this.headDeadline, this.endOf(handle));
  }

  /** When a message that is ready here expires: Unix milliseconds, or never. */
  endOf(handle: number): number {
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

  /** What is due then need not stay in memory. */
  isFar(due: number): boolean {
    const soonMillis = this.queue.depot?.soonMillis ?? SOON_MILLIS;
    return due - this.surroundings.deadlines.now > soonMillis;
  }

  /** Whether the ready messages, and so many more, are more than the queue is to hold. */
  private exceeds(messages: number, bytes: number): boolean {
    const { lengthMax, bytesMax } = this.settings;
    const length = this.queue.ready.length + this.deadCount + messages;
    if (lengthMax !== NOT_SET && length > lengthMax) return true;
    return bytesMax !== NOT_SET && this.limitedBytes + this.deadBytes + bytes > bytesMax;
  }

  /** Dead letters that must not be lost are the queue's as much as what is ready. */
  get deadCount(): number {
    return this.settings.deadLettering?.isAtLeastOnce === true ? this.queue.forwardingCount : 0;
  }

  get deadBytes(): number {
    return this.settings.deadLettering?.isAtLeastOnce === true ? this.queue.forwardingBytes : 0;
  }

  private dropOverflow(): void {
    // A queue that refuses what is too much keeps what it has, also when its limit is lowered.
    if (this.settings.overflow !== 'drop-head') return;
    while (this.exceeds(0, 0) && !this.queue.ready.isEmpty && this.dropHead('maxlen'));
  }

  /** False when the head has to stay until there is room on its way, or until it is loaded. */
  private dropHead(reason: ForwardReason): boolean {
    const { queue } = this;
    if (this.address.length > 0) {
      const { forwards } = this.surroundings;
      if (!forwards.hasRoomFor(queue)) {
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
    for (const handle of readyHandles(this.queue)) this.limitedBytes += this.weight(handle);
  }

  /** What counts towards a limit of bytes: the body, as far as it is known. */
  private weight(handle: number): number {
    const { queue } = this;
    return handle < 0 ? queue.dataBytes(handle) : queue.store.bodyBytes(handle);
  }
}

const NOWHERE = new Uint8Array(0);
