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
  unackedCount: number;
  publishedCount: number;
  deliveredCount: number;
  ackedCount: number;
  redeliveredCount: number;

  constructor(spec: QueueSpec, store: MessageStore, runList: RunList) {
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
    this.unackedCount = 0;
    this.publishedCount = 0;
    this.deliveredCount = 0;
    this.ackedCount = 0;
    this.redeliveredCount = 0;
  }

  /** Takes over one reference of a published message. */
  publish(handle: number): void {
    this.publishedCount += 1;
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
    const { ready } = this;
    const isRedelivered = ready.peekDeliveryCount() > 0;
    if (!deliver(this.store, ready.peek(), consumer, isRedelivered)) return false;
    this.headDelivered(consumer, isRedelivered);
    return true;
  }

  /** Answers the basic.get `request` with the head, which must exist; false without room. */
  getHead(getter: Consumer, request: number): boolean {
    const { ready } = this;
    const isRedelivered = ready.peekDeliveryCount() > 0;
    const remaining = ready.length - 1;
    if (!answerGet(this.store, ready.peek(), getter, isRedelivered, request, remaining)) {
      return false;
    }
    this.headDelivered(getter, isRedelivered);
    return true;
  }

  private headDelivered(consumer: Consumer, isRedelivered: boolean): void {
    const { ready } = this;
    ready.take();
    if (!consumer.noAck) this.recordUnacked(consumer, ready.handle);
    if (isRedelivered) this.redeliveredCount += 1;
    this.deliveredCount += 1;
  }

  /** Puts an unacked message back to its place. */
  requeue(handle: number, position: number, deliveryCount: number): void {
    if (this.isDeleted) {
      this.store.release(handle);
      return;
    }
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
