// PUBLISH records: take over the message once, link it into each target queue that still exists.
// Shard thread, hot path: no allocation per message.
import type { ShardLog } from '../log/shard-log.ts';
import { LANE_MEMORY } from '../mailbox/confirm-counter.ts';
import {
  LANE_MASK,
  LANE_SHIFT,
  PERSISTENT_FLAG,
  PRIORITY_MASK,
  PUBLISH_BODY_BYTES,
  PUBLISH_EXRK_BYTES,
  PUBLISH_FLAGS,
  PUBLISH_PROPS_BYTES,
  PUBLISH_SLAB_PAGE,
  PUBLISH_TARGET_COUNT,
  PUBLISH_TARGETS,
  publishDataWord,
  SLAB_FLAG,
  SPILLED_FLAG,
} from '../mailbox/to-shard-layout.ts';
import type { Port } from '../port.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import { IncomingMessage } from '../store/message-store.ts';

/** Of the flags in the record, those that are the message's own. */
const KEPT_FLAGS = PERSISTENT_FLAG | SLAB_FLAG | PRIORITY_MASK;

export class PublishWork {
  private readonly state: ShardState;
  private readonly log: ShardLog | undefined;
  private readonly message: IncomingMessage;
  /** The queue of the last publish: most publishes go where the one before went. */
  private lastQueue: Queue | undefined;

  constructor(state: ShardState) {
    this.state = state;
    this.log = state.storage?.shardLog;
    this.message = new IncomingMessage();
    this.lastQueue = undefined;
  }

  handle(port: Port, at: number): void {
    const words = port.work.words;
    const targetCount = words[at + PUBLISH_TARGET_COUNT];
    this.read(port, words, at, targetCount);
    const lane = (words[at + PUBLISH_FLAGS] >> LANE_SHIFT) & LANE_MASK;
    const isLogged = lane !== LANE_MEMORY && this.log !== undefined;
    if (isLogged) this.log.begin(port.acceptor, lane);
    if (targetCount === 1) this.toOne(words[at + PUBLISH_TARGETS], isLogged);
    else this.toMany(words, at + PUBLISH_TARGETS, targetCount, isLogged);
    if (!isLogged) port.confirms.add(lane, 1);
  }

  private read(port: Port, words: Int32Array, at: number, targetCount: number): void {
    const message = this.message;
    message.source = port.work.bytes;
    message.dataAt = (at + publishDataWord(targetCount)) * 4;
    message.flags = words[at + PUBLISH_FLAGS] & KEPT_FLAGS;
    message.exrkBytes = words[at + PUBLISH_EXRK_BYTES];
    message.propsBytes = words[at + PUBLISH_PROPS_BYTES];
    message.bodyBytes = words[at + PUBLISH_BODY_BYTES];
    message.slabOwner = port.acceptor;
    message.slabPage = words[at + PUBLISH_SLAB_PAGE];
  }

  private toOne(queueId: number, isLogged: boolean): void {
    const queue = this.find(queueId);
    if (queue === undefined) {
      this.drop();
      return;
    }
    if (queue.passOn(this.message)) return;
    if (!isLogged && queue.spills) this.spill(queue);
    else queue.publish(this.state.store.add(this.message, 1), isLogged);
    this.state.governor.consider(queue);
  }

  private toMany(
    words: Int32Array,
    targetsAt: number,
    targetCount: number,
    isLogged: boolean,
  ): void {
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
      queue.publish(handle, isLogged);
      this.state.governor.consider(queue);
    }
  }

  /** A transient message that memory has no room for. */
  private spill(queue: Queue): void {
    this.log!.beginSpill();
    this.message.flags |= SPILLED_FLAG;
    queue.publishSpilled(this.state.store.add(this.message, 1));
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
