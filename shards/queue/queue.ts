// One queue: its ready messages, its consumers, and handing the one to the other. Shard thread; the
// queue lives on this shard only, so nothing here is shared or locked.
import type { Consumer } from '../consumer/consumer.ts';
import { BLOCKED_ON_OUTLET, NOT_BLOCKED } from '../consumer/consumer.ts';
import { Rotation } from '../consumer/rotation.ts';
import { SingleActive } from '../consumer/single-active.ts';
import type { QueueSpec } from '../../src/routing/change.ts';
import type { DeathReason } from '../mailbox/from-shard-layout.ts';
import type { QueueSettings } from '../../src/routing/queue-settings.ts';
import { SLAB_FLAG, SPILLED_FLAG } from '../mailbox/to-shard-layout.ts';
import type { ReadAhead } from '../log/read-ahead.ts';
import type { ShardLog } from '../log/shard-log.ts';
import { LANE_MEMORY } from '../mailbox/confirm-counter.ts';
import type { Residency } from '../store/residency.ts';
import type { IncomingMessage, MessageStore } from '../store/message-store.ts';
import type { Slab } from '../mailbox/slab.ts';
import { shownAs } from '../deadletter/counted-message.ts';
import type { Depot } from '../depot/depot.ts';
import { answerGet, deliver, passOn } from './delivery-record.ts';
import { QueueRules, type RuleSurroundings } from './queue-rules.ts';
import { DelayedReady } from './delayed-ready.ts';
import { readyMessages } from './message-priority.ts';
import type { ReadyMessages } from './ready-messages.ts';
import type { RunList } from './run-list.ts';
import type { VhostMemory } from './vhost-memory.ts';

/** What `getHead` says. */
export const GOT_IT = 0;
export const GET_NO_ROOM = 1;
const GET_LOADING = 2;

/** What all queues of a shard share. */
export interface QueueSurroundings extends RuleSurroundings {
  readonly store: MessageStore;
  readonly runList: RunList;
  readonly residency: Residency;
  /** Undefined: this broker keeps nothing on disk. */
  readonly log: ShardLog | undefined;
  readonly readAhead: ReadAhead | undefined;
  /** By owner: where bodies lie. */
  readonly slabs: readonly Slab[];
}

export class Queue {
  readonly id: number;
  spec: QueueSpec;
  readonly rules: QueueRules;
  readonly ready: ReadyMessages;
  /** The ready messages of a queue that holds back what its exchange delays. */
  readonly delayed: DelayedReady | undefined;
  /** Where those of them wait that are not due soon; undefined: with the others. */
  depot: Depot | undefined;
  readonly rotation: Rotation;
  /** All consumers, active or blocked. */
  readonly consumers: Set<Consumer>;
  /** Undefined: all its consumers get messages. */
  readonly singleActive: SingleActive | undefined;
  /** What a confirm of a persistent message here waits for (confirm-counter.ts). */
  readonly lane: number;
  readonly store: MessageStore;
  readonly residency: Residency;
  readonly log: ShardLog | undefined;
  private readonly runList: RunList;
  readonly slabs: readonly Slab[];
  private readonly readAhead: ReadAhead | undefined;
  /** Its open run of acks (pending-records.ts). */
  ackRun: number;
  ackGeneration: number;
  /** How many messages were asked for at most the last time. */
  loadWindow: number;
  isLoading: boolean;
  /** On the run list already. */
  isQueuedToRun: boolean;
  /** Watched by the flow governor. */
  isWatched: boolean;
  isDeleted: boolean;
  /** Its publishers are kept out: it holds its whole budget (flow-governor.ts). */
  isClosed: boolean;
  /** Routing key, properties and body of the messages that wait, and of those that are unacked. */
  readyBytes: number;
  unackedBytes: number;
  /** Of the ready ones, those whose data are on disk only, wherever in the list they are. */
  onDiskCount: number;
  onDiskBytes: number;
  readonly memory: VhostMemory;
  unackedCount: number;
  /** Dead letters that are on their way, or wait for that (shards/deadletter). */
  forwardingCount: number;
  forwardingBytes: number;
  publishedCount: number;
  deliveredCount: number;
  ackedCount: number;
  redeliveredCount: number;

  constructor(
    spec: QueueSpec,
    vhost: string,
    lane: number,
    surroundings: QueueSurroundings,
    memory: VhostMemory,
  ) {
    this.id = spec.id;
    this.spec = spec;
    this.rules = new QueueRules(this, vhost, surroundings);
    const { store, log } = surroundings;
    this.delayed = this.rules.isDelaying ? new DelayedReady(this.rules) : undefined;
    this.depot = undefined;
    this.ready = this.delayed ?? readyMessages(this.settings, store, log?.records);
    this.rotation = new Rotation();
    this.consumers = new Set();
    const { isSingleActive, isQuorum } = this.settings;
    this.singleActive = isSingleActive ? new SingleActive(this.consumers, isQuorum) : undefined;
    this.lane = lane;
    this.store = store;
    this.runList = surroundings.runList;
    this.slabs = surroundings.slabs;
    this.residency = surroundings.residency;
    this.log = log;
    this.readAhead = surroundings.readAhead;
    this.ackRun = 0;
    this.ackGeneration = 0;
    this.loadWindow = 0;
    this.isLoading = false;
    this.isQueuedToRun = false;
    this.isWatched = false;
    this.isDeleted = false;
    this.isClosed = false;
    this.readyBytes = 0;
    this.unackedBytes = 0;
    this.onDiskCount = 0;
    this.onDiskBytes = 0;
    this.memory = memory;
    this.unackedCount = 0;
    this.forwardingCount = 0;
    this.forwardingBytes = 0;
    this.publishedCount = 0;
    this.deliveredCount = 0;
    this.ackedCount = 0;
    this.redeliveredCount = 0;
  }

  get settings(): QueueSettings {
    return this.rules.settings;
  }

  /** Messages that have left for good: acked, dropped, purged, or delivered without acks. */
  get goneCount(): number {
    return this.publishedCount - this.ready.length - this.unackedCount - this.forwardingCount;
  }

  get heldBytes(): number {
    return this.readyBytes + this.unackedBytes + this.forwardingBytes;
  }

  /**
   * Takes over one reference of a published message; `isLogged`: it is to be on disk, if this queue
   * is.
   */
  publish(handle: number, isLogged: boolean): void {
    this.publishedCount += 1;
    const bytes = this.store.dataBytes(handle);
    this.readyBytes += bytes;
    this.memory.bytes += bytes;
    const position = this.ready.append(handle);
    if (isLogged && this.lane !== LANE_MEMORY) this.log!.add(handle, this, position);
    if (!this.isQueuedToRun) this.wake();
  }

  /** Takes over a transient message that is to be paged out. */
  publishSpilled(handle: number): void {
    this.publish(handle, false);
    this.log!.add(handle, this, (this.ready.nextPosition - 1) | 0);
  }

  /**
   * Passes a published message straight on when nothing waits before it and the consumer whose turn
   * it is can take it and needs no acks; false when it has to be stored first.
   */
  passOn(message: IncomingMessage): boolean {
    if (!this.ready.isEmpty || (message.flags & SLAB_FLAG) !== 0) return false;
    const consumer = this.rotation.peek();
    if (consumer === null || !consumer.noAck || consumer.obstacle() !== NOT_BLOCKED) return false;
    if (!passOn(message, consumer)) return false;
    this.endTurn(consumer);
    this.publishedCount += 1;
    this.deliveredCount += 1;
    return true;
  }

  /** Asks for a `run` in this turn, if there is anything to do. */
  wake(): void {
    if (this.isQueuedToRun || this.isDeleted) return;
    this.isQueuedToRun = true;
    this.runList.add(this);
  }

  /** Delivers up to `deliveriesMax` messages; true when more could be delivered right away. */
  run(deliveriesMax: number): boolean {
    const ready = this.ready;
    const rotation = this.rotation;
    let delivered = 0;
    if (this.rules.hasReturned) this.rules.apply();
    while (!ready.isEmpty) {
      if (this.rules.canExpire && this.rules.isHeadKeptBack()) return false;
      const consumer = rotation.peek();
      if (consumer === null || ready.isEmpty) return false;
      const obstacle = consumer.obstacle();
      if (obstacle !== NOT_BLOCKED) {
        consumer.block(obstacle);
        continue;
      }
      if (delivered === deliveriesMax) return true;
      if (ready.peek() < 0) {
        this.readAhead!.want(this);
        return false;
      }
      if (!this.deliverHead(consumer)) {
        consumer.block(BLOCKED_ON_OUTLET);
        continue;
      }
      this.endTurn(consumer);
      delivered += 1;
      if (ready.onDiskCount > 0) this.readAhead!.near(this);
    }
    return false;
  }

  /** Delivers the head, which must exist, to `consumer`; false when the way out has no room. */
  private deliverHead(consumer: Consumer): boolean {
    const { ready, store } = this;
    const handle = ready.peek();
    const isRedelivered = ready.peekIsRedelivered();
    // Looked up first: a delivery without acks gives the message back.
    const bytes = store.dataBytes(handle);
    const isLogged = this.isLogged(handle);
    const shown = isRedelivered ? shownAs(this, handle) : undefined;
    if (!deliver(store, handle, consumer, isRedelivered, shown)) return false;
    this.headDelivered(consumer, bytes, isRedelivered, isLogged);
    return true;
  }

  /** Answers the basic.get `request` with the head, which must exist: GOT_IT, or why not now. */
  getHead(getter: Consumer, request: number): number {
    const { ready, store } = this;
    if (this.wantsHeadLoaded()) return GET_LOADING;
    const handle = ready.peek();
    const isRedelivered = ready.peekIsRedelivered();
    const remaining = ready.length - 1;
    const bytes = store.dataBytes(handle);
    const isLogged = this.isLogged(handle);
    const shown = isRedelivered ? shownAs(this, handle) : undefined;
    if (!answerGet(store, handle, getter, isRedelivered, request, remaining, shown)) {
      return GET_NO_ROOM;
    }
    this.headDelivered(getter, bytes, isRedelivered, isLogged);
    return GOT_IT;
  }

  private headDelivered(
    consumer: Consumer,
    bytes: number,
    isRedelivered: boolean,
    isLogged: boolean,
  ): void {
    const { ready } = this;
    if (this.rules.isActive) this.rules.left(ready.peek());
    ready.take();
    this.readyBytes -= bytes;
    if (consumer.noAck) {
      this.memory.bytes -= bytes;
      if (isLogged) this.log!.done(ready.handle, this, ready.position);
    } else {
      this.unackedBytes += bytes;
      this.recordUnacked(consumer, ready.handle);
    }
    if (isRedelivered) this.redeliveredCount += 1;
    this.deliveredCount += 1;
  }

  /** Whether the head, which must exist, is on disk; then it is being loaded. */
  wantsHeadLoaded(): boolean {
    if (this.ready.peek() >= 0) return false;
    this.readAhead!.want(this);
    return true;
  }

  /** Takes the head, which must exist, from the ready messages for good, wherever its data are. */
  takeHead(): void {
    const { ready } = this;
    const handle = ready.peek();
    const bytes = this.dataBytes(handle);
    this.rules.left(handle);
    ready.take();
    this.readyBytes -= bytes;
    if (handle >= 0) return;
    this.onDiskCount -= 1;
    this.onDiskBytes -= bytes;
  }

  /** An unacked message is done with. */
  drop(handle: number, position: number): void {
    this.forgetUnacked(handle);
    this.discard(handle, position);
  }

  /** A consumer will have none of an unacked message, nor is anybody else here to get it. */
  reject(handle: number, position: number, reason: DeathReason): void {
    this.forgetUnacked(handle);
    this.rules.retire(handle, position, reason);
  }

  /** A message that is neither ready nor unacked any more is done with. */
  discard(handle: number, position: number): void {
    this.memory.bytes -= this.dataBytes(handle);
    if (handle < 0 || this.isLogged(handle)) this.log!.done(handle, this, position);
    if (handle >= 0) this.store.release(handle);
  }

  /** As `discard`, for a message that the queue never took. */
  discardUnqueued(handle: number): void {
    this.memory.bytes -= this.store.dataBytes(handle);
    this.store.release(handle);
  }

  private forgetUnacked(handle: number): void {
    this.unackedCount -= 1;
    this.unackedBytes -= this.store.dataBytes(handle);
  }

  /** Puts an unacked message back to its place. */
  requeue(handle: number, position: number, deliveryCount: number): void {
    if (this.isDeleted) {
      this.drop(handle, position);
      return;
    }
    this.forgetUnacked(handle);
    this.readyBytes += this.store.dataBytes(handle);
    this.ready.putBack(handle, position, deliveryCount);
    if (deliveryCount > 0 && this.isLogged(handle)) {
      this.log!.counted(handle, this, position, deliveryCount);
    }
    this.rules.returned(handle);
    this.wake();
  }

  /** Drops all ready messages and returns how many there were. */
  purge(): number {
    const { ready } = this;
    const count = ready.length;
    while (!ready.isEmpty) {
      this.takeHead();
      this.discard(ready.handle, ready.position);
    }
    return count + (this.depot?.clear() ?? 0);
  }

  /** Size of a message wherever it is. */
  dataBytes(handle: number): number {
    return handle < 0 ? this.log!.records.dataBytes(~handle) : this.store.dataBytes(handle);
  }

  /** Nothing is ready but one message. */
  get isAlone(): boolean {
    return this.ready.length === 1;
  }

  /**
   * Whether the log has a message in memory for this queue. That another queue that shares the
   * message wants it there is no matter of this one.
   */
  isLogged(handle: number): boolean {
    const { store } = this;
    if (!store.isLogged(handle)) return false;
    return this.lane !== LANE_MEMORY || (store.flags(handle) & SPILLED_FLAG) !== 0;
  }

  private endTurn(consumer: Consumer): void {
    this.rotation.advance(consumer);
    consumer.lastDelivery = consumer.channel.outlet.deliveryCount;
  }

  private recordUnacked(consumer: Consumer, handle: number): void {
    const ready = this.ready;
    consumer.unacked += 1;
    this.unackedCount += 1;
    if (consumer.isGetter) consumer.channel.gotUnacked += 1;
    const unacked = consumer.channel.unacked;
    unacked.push(handle, ready.position, consumer.index, ready.deliveryCount + 1);
  }
}
