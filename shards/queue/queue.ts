// One queue: its ready messages, its consumers, and handing the one to the other. Shard thread; the
// queue lives on this shard only, so nothing here is shared or locked.
import type { Consumer } from '../consumer/consumer.ts';
import { BLOCKED_ON_OUTLET, NOT_BLOCKED } from '../consumer/consumer.ts';
import { Rotation } from '../consumer/rotation.ts';
import type { QueueSpec } from '../../src/routing/change.ts';
import { SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import type { IncomingMessage, MessageStore } from '../store/message-store.ts';
import { answerGet, deliver, passOn } from './delivery-record.ts';
import { ReadyList } from './ready-list.ts';
import type { RunList } from './run-list.ts';
import type { VhostMemory } from './vhost-memory.ts';

export class Queue {
  readonly id: number;
  readonly spec: QueueSpec;
  readonly ready: ReadyList;
  readonly rotation: Rotation;
  /** All consumers, active or blocked. */
  readonly consumers: Set<Consumer>;
  private readonly store: MessageStore;
  private readonly runList: RunList;
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
  readonly memory: VhostMemory;
  unackedCount: number;
  publishedCount: number;
  deliveredCount: number;
  ackedCount: number;
  redeliveredCount: number;

  constructor(spec: QueueSpec, store: MessageStore, runList: RunList, memory: VhostMemory) {
    this.id = spec.id;
    this.spec = spec;
    this.ready = new ReadyList();
    this.rotation = new Rotation();
    this.consumers = new Set();
    this.store = store;
    this.runList = runList;
    this.isQueuedToRun = false;
    this.isWatched = false;
    this.isDeleted = false;
    this.isClosed = false;
    this.readyBytes = 0;
    this.unackedBytes = 0;
    this.memory = memory;
    this.unackedCount = 0;
    this.publishedCount = 0;
    this.deliveredCount = 0;
    this.ackedCount = 0;
    this.redeliveredCount = 0;
  }

  /** Messages that have left for good: acked, dropped, purged, or delivered without acks. */
  get goneCount(): number {
    return this.publishedCount - this.ready.length - this.unackedCount;
  }

  get heldBytes(): number {
    return this.readyBytes + this.unackedBytes;
  }

  /** Takes over one reference of a published message. */
  publish(handle: number): void {
    this.publishedCount += 1;
    const bytes = messageBytes(this.store, handle);
    this.readyBytes += bytes;
    this.memory.bytes += bytes;
    this.ready.append(handle);
    if (!this.isQueuedToRun) this.wake();
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
    while (!ready.isEmpty) {
      const consumer = rotation.peek();
      if (consumer === null) return false;
      const obstacle = consumer.obstacle();
      if (obstacle !== NOT_BLOCKED) {
        consumer.block(obstacle);
        continue;
      }
      if (delivered === deliveriesMax) return true;
      if (!this.deliverHead(consumer)) {
        consumer.block(BLOCKED_ON_OUTLET);
        continue;
      }
      this.endTurn(consumer);
      delivered += 1;
    }
    return false;
  }

  /** Delivers the head, which must exist, to `consumer`; false when the way out has no room. */
  private deliverHead(consumer: Consumer): boolean {
    const { ready, store } = this;
    const handle = ready.peek();
    const isRedelivered = ready.peekDeliveryCount() > 0;
    // Looked up first: a delivery without acks gives the message back.
    const bytes = messageBytes(store, handle);
    if (!deliver(store, handle, consumer, isRedelivered)) return false;
    this.headDelivered(consumer, bytes, isRedelivered);
    return true;
  }

  /** Answers the basic.get `request` with the head, which must exist; false without room. */
  getHead(getter: Consumer, request: number): boolean {
    const { ready, store } = this;
    const handle = ready.peek();
    const isRedelivered = ready.peekDeliveryCount() > 0;
    const remaining = ready.length - 1;
    const bytes = messageBytes(store, handle);
    if (!answerGet(store, handle, getter, isRedelivered, request, remaining)) return false;
    this.headDelivered(getter, bytes, isRedelivered);
    return true;
  }

  private headDelivered(consumer: Consumer, bytes: number, isRedelivered: boolean): void {
    const { ready } = this;
    ready.take();
    this.readyBytes -= bytes;
    if (consumer.noAck) {
      this.memory.bytes -= bytes;
    } else {
      this.unackedBytes += bytes;
      this.recordUnacked(consumer, ready.handle);
    }
    if (isRedelivered) this.redeliveredCount += 1;
    this.deliveredCount += 1;
  }

  /** An unacked message is done with. */
  drop(handle: number): void {
    const bytes = messageBytes(this.store, handle);
    this.unackedCount -= 1;
    this.unackedBytes -= bytes;
    this.memory.bytes -= bytes;
    this.store.release(handle);
  }

  /** Puts an unacked message back to its place. */
  requeue(handle: number, position: number, deliveryCount: number): void {
    if (this.isDeleted) {
      this.drop(handle);
      return;
    }
    const bytes = messageBytes(this.store, handle);
    this.unackedCount -= 1;
    this.unackedBytes -= bytes;
    this.readyBytes += bytes;
    this.ready.putBack(handle, position, deliveryCount);
    this.wake();
  }

  /** Drops all ready messages and returns how many there were. */
  purge(): number {
    const ready = this.ready;
    const count = ready.length;
    while (!ready.isEmpty) {
      ready.take();
      this.store.release(ready.handle);
    }
    this.memory.bytes -= this.readyBytes;
    this.readyBytes = 0;
    return count;
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

function messageBytes(store: MessageStore, handle: number): number {
  return store.exrkBytes(handle) + store.propsBytes(handle) + store.bodyBytes(handle);
}
