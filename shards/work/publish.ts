// PUBLISH records: take over the message once, link it into each target queue that still exists.
// Shard thread, hot path: no allocation per message.
import {
  PUBLISH_BODY_BYTES,
  PUBLISH_EXRK_BYTES,
  PUBLISH_FLAGS,
  PUBLISH_PROPS_BYTES,
  PUBLISH_SLAB_PAGE,
  PUBLISH_TARGET_COUNT,
  PUBLISH_TARGETS,
  publishDataWord,
  SLAB_FLAG,
} from '../mailbox/to-shard-layout.ts';
import type { Port } from '../port.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import { IncomingMessage } from '../store/message-store.ts';

export class PublishWork {
  private readonly state: ShardState;
  private readonly message: IncomingMessage;
  /** The queue of the last publish: most publishes go where the one before went. */
  private lastQueue: Queue | undefined;

  constructor(state: ShardState) {
    this.state = state;
    this.message = new IncomingMessage();
    this.lastQueue = undefined;
  }

  handle(port: Port, at: number): void {
    const words = port.work.words;
    const targetCount = words[at + PUBLISH_TARGET_COUNT];
    this.read(port, words, at, targetCount);
    if (targetCount === 1) this.toOne(words[at + PUBLISH_TARGETS]);
    else this.toMany(words, at + PUBLISH_TARGETS, targetCount);
    port.confirms.add();
  }

  private read(port: Port, words: Int32Array, at: number, targetCount: number): void {
    const message = this.message;
    message.source = port.work.bytes;
    message.dataAt = (at + publishDataWord(targetCount)) * 4;
    message.flags = words[at + PUBLISH_FLAGS];
    message.exrkBytes = words[at + PUBLISH_EXRK_BYTES];
    message.propsBytes = words[at + PUBLISH_PROPS_BYTES];
    message.bodyBytes = words[at + PUBLISH_BODY_BYTES];
    message.slabOwner = port.acceptor;
    message.slabPage = words[at + PUBLISH_SLAB_PAGE];
  }

  private toOne(queueId: number): void {
    const queue = this.find(queueId);
    if (queue === undefined) {
      this.drop();
      return;
    }
    if (queue.passOn(this.message)) return;
    queue.publish(this.state.store.add(this.message, 1));
    this.state.governor.consider(queue);
  }

  private toMany(words: Int32Array, targetsAt: number, targetCount: number): void {
    // The queues that still exist are few or many, but known only by looking: count them first.
    let references = 0;
    for (let i = 0; i < targetCount; i += 1) {
      if (this.state.queues.has(words[targetsAt + i])) references += 1;
    }
    if (references === 0) {
      this.drop();
      return;
    }
    const handle = this.state.store.add(this.message, references);
    for (let i = 0; i < targetCount; i += 1) {
      const queue = this.state.queues.get(words[targetsAt + i]);
      if (queue === undefined) continue;
      queue.publish(handle);
      this.state.governor.consider(queue);
    }
  }

  /** All target queues were deleted while the message was on its way: as if it had come before. */
  private drop(): void {
    const { message } = this;
    if ((message.flags & SLAB_FLAG) === 0) return;
    this.state.ports[message.slabOwner].outlet.slabFree(message.slabPage);
  }

  private find(queueId: number): Queue | undefined {
    const last = this.lastQueue;
    if (last !== undefined && last.id === queueId && !last.isDeleted) return last;
    this.lastQueue = this.state.queues.get(queueId);
    return this.lastQueue;
  }
}
