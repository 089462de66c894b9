// PUBLISH records: take over the message once, link it into each target queue that still exists.
// Shard thread, hot path: no allocation per message.
import type { ShardLog } from '../log/shard-log.ts';
import { LANE_MEMORY } from '../mailbox/confirm-counter.ts';
import {
  CONFIRMED_FLAG,
  EXPIRES_FLAG,
  LANE_MASK,
  LANE_SHIFT,
  MESSAGE_FLAGS,
  OWN_PROPS_FLAG,
  PUBLISH_BODY_BYTES,
  PUBLISH_EXRK_BYTES,
  PUBLISH_FLAGS,
  PUBLISH_PROPS_BYTES,
  PUBLISH_SLAB_PAGE,
  PUBLISH_TARGET_COUNT,
  PUBLISH_TARGETS,
  publishDataWord,
  readTtl,
  SLAB_FLAG,
  SPILLED_FLAG,
  traitWords,
} from '../mailbox/to-shard-layout.ts';
import type { Port } from '../port.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import { spills } from '../queue/paging.ts';
import { IncomingMessage } from '../store/message-store.ts';
import { NO_TTL } from '../store/message-traits.ts';

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
    const flags = words[at + PUBLISH_FLAGS];
    const lane = (flags >> LANE_SHIFT) & LANE_MASK;
    const sequence = port.confirms.see(lane);
    const isLogged = lane !== LANE_MEMORY && this.log !== undefined;
    if (isLogged) this.log.begin(port.acceptor, lane);
    const isTaken =
      targetCount === 1
        ? this.toOne(words[at + PUBLISH_TARGETS], isLogged)
        : this.toMany(words, at + PUBLISH_TARGETS, targetCount, isLogged);
    if (!isTaken && (flags & CONFIRMED_FLAG) !== 0) port.outlet.refused(lane, sequence);
    if (!isLogged) port.confirms.add(lane, 1);
  }

  private read(port: Port, words: Int32Array, at: number, targetCount: number): void {
    const message = this.message;
    const flags = words[at + PUBLISH_FLAGS];
    message.source = port.work.bytes;
    message.dataAt = (at + publishDataWord(targetCount + traitWords(flags))) * 4;
    message.flags = flags & MESSAGE_FLAGS;
    if ((flags & (EXPIRES_FLAG | OWN_PROPS_FLAG)) !== 0) {
      this.readTraits(words, at + PUBLISH_TARGETS + targetCount, flags);
    }
    message.exrkBytes = words[at + PUBLISH_EXRK_BYTES];
    message.propsBytes = words[at + PUBLISH_PROPS_BYTES];
    message.bodyBytes = words[at + PUBLISH_BODY_BYTES];
    message.slabOwner = port.acceptor;
    message.slabPage = words[at + PUBLISH_SLAB_PAGE];
  }

  private readTraits(words: Int32Array, from: number, flags: number): void {
    const { message } = this;
    let at = from;
    if ((flags & EXPIRES_FLAG) !== 0) {
      message.ttlMillis = readTtl(words, at);
      at += 2;
    }
    if ((flags & OWN_PROPS_FLAG) !== 0) message.slabSkip = words[at];
  }

  /** False when the queue refuses it. */
  private toOne(queueId: number, isLogged: boolean): boolean {
    const queue = this.find(queueId);
    if (queue === undefined) {
      this.drop();
      return true;
    }
    if (queue.passOn(this.message)) return true;
    const { store } = this.state;
    const hasRules = queue.rules.isActive;
    if (hasRules && queue.rules.refuses(this.message.bodyBytes)) {
      if (queue.rules.settings.overflow !== 'reject-publish-dlx') this.drop();
      else queue.rules.forwardRefused(store.add(this.message, 1));
      return false;
    }
    const isSpilled = !isLogged && spills(queue);
    if (isSpilled) {
      this.log!.beginSpill();
      this.message.flags |= SPILLED_FLAG;
    }
    const handle = store.add(this.message, 1);
    if (hasRules || (this.message.flags & EXPIRES_FLAG) !== 0) {
      queue.rules.publish(handle, isLogged, isSpilled, this.ttlMillis);
    } else if (isSpilled) {
      queue.publishSpilled(handle);
    } else {
      queue.publish(handle, isLogged);
    }
    this.state.governor.consider(queue);
    return true;
  }

  /** The message's own time to live, or NO_TTL. */
  private get ttlMillis(): number {
    const { flags, ttlMillis } = this.message;
    return (flags & EXPIRES_FLAG) === 0 ? NO_TTL : ttlMillis;
  }

  private toMany(
    words: Int32Array,
    targetsAt: number,
    targetCount: number,
    isLogged: boolean,
  ): boolean {
    // The queues that still exist are few or many, but known only by looking: count them first.
    let references = 0;
    for (let i = 0; i < targetCount; i += 1) {
      if (this.state.queues.has(words[targetsAt + i])) references += 1;
    }
    if (references === 0) {
      this.drop();
      return true;
    }
    const { store } = this.state;
    const isExpiring = (this.message.flags & EXPIRES_FLAG) !== 0;
    // One more, so that it stays while queues that are full drop it.
    const handle = store.add(this.message, references + 1);
    let isTaken = true;
    for (let i = 0; i < targetCount; i += 1) {
      const queue = this.state.queues.get(words[targetsAt + i]);
      if (queue === undefined) continue;
      const hasRules = queue.rules.isActive;
      if (hasRules && queue.rules.refuses(this.message.bodyBytes)) {
        isTaken = false;
        if (queue.rules.settings.overflow !== 'reject-publish-dlx') store.release(handle);
        else queue.rules.forwardRefused(handle);
        continue;
      }
      if (hasRules || isExpiring) queue.rules.publish(handle, isLogged, false, this.ttlMillis);
      else queue.publish(handle, isLogged);
      this.state.governor.consider(queue);
    }
    store.release(handle);
    return isTaken;
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
