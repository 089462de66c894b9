// Messages that a queue is rid of and that go on somewhere else: dead letters. Shard thread.
//
//   queue -> waiting -> FORWARD record -> an acceptor routes and publishes it like a client would
//    |        ^   ^                        |
//    |        |   '- retries <- failed, ---+-> FORWARDED: the message is done with here
//    '-> held '       at-least-once
//
// The message stays this shard's, in its log too, until all targets have confirmed it, so a crash
// on the way costs nothing. Few are underway at once: an acceptor keeps those in its memory for
// which a target has no room. A queue has QUEUE_MAX that wait, are underway or are tried again,
// however many its consumers reject: the others are held on disk, in their order.
import { alignTo8 } from '../../src/base/round.ts';
import {
  FORWARD,
  FORWARD_ADDRESS_BYTES,
  FORWARD_BODY_BYTES,
  FORWARD_DATA,
  FORWARD_EXRK_BYTES,
  FORWARD_FLAGS,
  FORWARD_NUMBER,
  FORWARD_PROPS_BYTES,
  FORWARD_REASON,
  FORWARD_REASONS,
  FORWARD_SLAB_OWNER,
  FORWARD_SLAB_PAGE,
  FORWARD_SLAB_SKIP,
  type ForwardReason,
  forwardRecordBytes,
} from '../mailbox/from-shard-layout.ts';
import {
  FORWARDED_AGAIN,
  FORWARDED_FAILED,
  FORWARDED_LATER,
  SLAB_FLAG,
} from '../mailbox/to-shard-layout.ts';
import type { HeldReads } from '../log/held-reads.ts';
import type { Port } from '../port.ts';
import type { Deadlines } from '../time/deadlines.ts';
import type { Queue } from '../queue/queue.ts';
import type { MessageStore } from '../store/message-store.ts';
import { DeathCounter } from './death-counter.ts';
import { HeldLetters } from './held-letters.ts';
import { Retries } from './retries.ts';

/** Messages with acceptors at once. */
const UNDERWAY_MAX = 512;
/** How many may wait for that, and how many of one queue may be neither done with nor held. */
const WAITING_MAX = 1024;
const QUEUE_MAX = 1024;
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** Held ones come back from disk when there is room for so many. */
const LOAD_COUNT = 64;

/** A message on its way; a reference to it is ours. */
export interface Forward {
  readonly queue: Queue;
  readonly handle: number;
  readonly reason: ForwardReason;
  /** Where it was in the queue; undefined: it was never in it, or is there still. */
  readonly position: number | undefined;
  /** Where to, if not where the queue's dead letters go. */
  readonly address?: Uint8Array;
  /** Told when it is done with, instead of the queue. */
  readonly onDone?: () => void;
  /** How often nobody took it. */
  failures: number;
}

export class Forwards {
  private readonly store: MessageStore;
  private readonly ports: readonly Port[];
  private readonly retries: Retries;
  /** From `first` on. */
  private waiting: Forward[];
  private first: number;
  private readonly held: Map<Queue, HeldLetters>;
  /** Set where there is a log: what is held can be on disk only then. */
  reads: HeldReads | undefined;
  private readonly underway: Map<number, Forward>;
  private nextNumber: number;
  /** Queues that have more to hand over. */
  private readonly wanting: Set<Queue>;
  /** Of all queues of the shard, since the start. */
  readonly deaths: DeathCounter;

  constructor(store: MessageStore, ports: readonly Port[], deadlines: Deadlines) {
    this.store = store;
    this.ports = ports;
    this.retries = new Retries(deadlines, (forward) => this.waiting.push(forward));
    this.waiting = [];
    this.first = 0;
    this.held = new Map();
    this.reads = undefined;
    this.underway = new Map();
    this.nextNumber = 1;
    this.wanting = new Set();
    this.deaths = new DeathCounter();
  }

  /**
   * A queue that need not hand over a message now may do so only then. One whose dead letters fail
   * again and again thus keeps no other queue from handing over its own.
   */
  hasRoomFor(queue: Queue): boolean {
    return !this.held.has(queue) && this.roomFor(queue) > 0;
  }

  /** How many more of a queue can be underway. */
  private roomFor(queue: Queue): number {
    const held = this.held.get(queue);
    const bytes = queue.forwardingBytes - (held?.bytes ?? 0);
    if (!this.hasRoom || bytes >= QUEUE_BYTES_MAX) return 0;
    return QUEUE_MAX - (queue.forwardingCount - (held?.length ?? 0));
  }

  private get hasRoom(): boolean {
    return this.waiting.length - this.first < WAITING_MAX;
  }

  /** `queue` is looked at again when there is room. */
  want(queue: Queue): void {
    this.wanting.add(queue);
  }

  /** A message that was never in its queue goes on. */
  add(queue: Queue, handle: number, reason: ForwardReason): void {
    count(queue, handle);
    this.waiting.push({ queue, handle, reason, position: undefined, failures: 0 });
  }

  /** A message that has left its queue goes on, when there is room for it. */
  retire(queue: Queue, handle: number, position: number, reason: ForwardReason): void {
    const hasRoom = this.hasRoomFor(queue);
    count(queue, handle);
    if (hasRoom) {
      this.waiting.push({ queue, handle, reason, position, failures: 0 });
      return;
    }
    let held = this.held.get(queue);
    if (held === undefined) {
      held = new HeldLetters(queue);
      this.held.set(queue, held);
    }
    held.push(handle, position, reason);
    // Not one by one, because what was published just now is not on disk yet.
    if ((held.length & (LOAD_COUNT - 1)) === 0) held.pageOut();
  }

  /** Sends copies of messages of a queue, all in memory; `onDone`: they have arrived. */
  copy(queue: Queue, handles: readonly number[], address: Uint8Array, onDone: () => void): void {
    let left = handles.length;
    if (left === 0) onDone();
    for (const handle of handles) {
      this.store.retain(handle);
      const arrived = (): void => {
        left -= 1;
        if (left === 0) onDone();
      };
      const reason = 'history';
      const position = undefined;
      this.waiting.push({ queue, handle, reason, position, address, onDone: arrived, failures: 0 });
    }
  }

  /** Sends what can be sent. Call once per turn; true when more can be sent right away. */
  turn(): boolean {
    for (const [queue, held] of this.held) this.refill(queue, held);
    let isBusy = false;
    while (this.first < this.waiting.length && this.underway.size < UNDERWAY_MAX) {
      const port = this.portOf(this.waiting[this.first]);
      if (!this.send(this.waiting[this.first], port)) {
        // Where the acceptor has made room meanwhile nobody else would wake this thread for it.
        isBusy = port.outlet.waitForSpace();
        break;
      }
      this.first += 1;
    }
    if (this.first === this.waiting.length) {
      this.waiting = [];
      this.first = 0;
    } else if (this.first > WAITING_MAX && this.first * 2 > this.waiting.length) {
      this.waiting.splice(0, this.first);
      this.first = 0;
    }
    if (this.wanting.size > 0 && this.hasRoom) this.askWanting();
    return isBusy;
  }

  /** Those that wanted to first come first; who still wants to is then the last. */
  private askWanting(): void {
    for (const queue of [...this.wanting]) {
      if (!this.hasRoom) return;
      if (!queue.isDeleted && !this.hasRoomFor(queue)) continue;
      this.wanting.delete(queue);
      if (queue.isDeleted) continue;
      queue.rules.apply();
      queue.wake();
    }
  }

  /** Held ones go on as far as there is room. */
  private refill(queue: Queue, held: HeldLetters): void {
    held.pageOut();
    if (held.isLoading) return;
    // Those of a deleted queue go on, once: nobody tries them again.
    if (queue.rules.address.length === 0) dropAll(queue, held);
    while (held.length > 0 && held.handleAt(0) >= 0 && this.roomFor(queue) > 0) {
      const [handle, position, reason] = [held.handleAt(0), held.positionAt(0), held.reasonAt(0)];
      held.shift();
      this.waiting.push({ queue, handle, reason, position, failures: 0 });
    }
    if (held.length === 0) this.held.delete(queue);
    else if (held.handleAt(0) < 0) this.load(queue, held);
  }

  private load(queue: Queue, held: HeldLetters): void {
    const room = this.roomFor(queue);
    // Not for each one that goes: few reads of many.
    if (room < Math.min(held.length, LOAD_COUNT)) return;
    this.reads!.load(queue, held, Math.min(room, LOAD_COUNT), (handle, position, reason) => {
      if (handle < 0) drop(queue, handle, position);
      else this.waiting.push({ queue, handle, reason, position, failures: 0 });
    });
  }

  /** From an acceptor: what has become of a message. */
  settled(number: number, outcome: number): void {
    if (outcome === FORWARDED_AGAIN) return this.retries.topologyChanged();
    const forward = this.underway.get(number);
    if (forward === undefined) throw new Error(`shard: nothing was forwarded as ${number}`);
    this.underway.delete(number);
    const { queue } = forward;
    const { settings } = queue.rules;
    const isSafe = settings.deadLettering?.isAtLeastOnce === true;
    const isKept = isSafe && !queue.isDeleted;
    if (outcome === FORWARDED_LATER || (outcome === FORWARDED_FAILED && isKept)) {
      // What an acceptor has no memory for is no failure.
      if (outcome === FORWARDED_LATER) forward.failures = 0;
      this.retries.add(forward);
      return;
    }
    const isDead = forward.reason !== 'delayed' && forward.reason !== 'history';
    if (isSafe && isDead) this.deaths.count('confirmed', settings);
    this.finish(forward);
  }

  /** All that queues have handed over and that is not done with: their logs still count it. */
  *all(): Iterable<Forward> {
    for (let i = this.first; i < this.waiting.length; i += 1) yield this.waiting[i];
    yield* this.retries.all();
    yield* this.underway.values();
    for (const [queue, held] of this.held) {
      for (let i = 0; i < held.length; i += 1) {
        const [handle, position, reason] = [held.handleAt(i), held.positionAt(i), held.reasonAt(i)];
        yield { queue, handle, position, reason, failures: 0 };
      }
    }
  }

  private finish(forward: Forward): void {
    const { queue } = forward;
    if (forward.onDone !== undefined) {
      this.store.release(forward.handle);
      forward.onDone();
      return;
    }
    uncount(queue, forward.handle);
    queue.rules.forwarded(forward);
  }

  /** False when there is no room now. */
  private send(forward: Forward, { outlet }: Port): boolean {
    const { store } = this;
    const { queue, handle, reason } = forward;
    const address = forward.address ?? queue.rules.address;
    // What a deleted queue has handed over goes on all the same.
    if (address.length === 0) {
      this.finish(forward);
      return true;
    }
    const flags = store.flags(handle);
    const isSlab = (flags & SLAB_FLAG) !== 0;
    const dataBytes = store.inlineBytes(handle);
    const bytes = forwardRecordBytes(alignTo8(dataBytes), address.length);
    const at = outlet.claimRecord(bytes, FORWARD);
    if (at < 0) return false;
    const { words } = outlet.ring;
    words[at + FORWARD_NUMBER] = this.nextNumber;
    words[at + FORWARD_REASON] = FORWARD_REASONS.indexOf(reason);
    words[at + FORWARD_FLAGS] = flags;
    words[at + FORWARD_EXRK_BYTES] = store.exrkBytes(handle);
    words[at + FORWARD_PROPS_BYTES] = store.propsBytes(handle);
    words[at + FORWARD_BODY_BYTES] = store.bodyBytes(handle);
    words[at + FORWARD_SLAB_OWNER] = isSlab ? store.slabOwner(handle) : 0;
    words[at + FORWARD_SLAB_PAGE] = isSlab ? store.slabPage(handle) : 0;
    words[at + FORWARD_SLAB_SKIP] = store.slabSkip(handle);
    words[at + FORWARD_ADDRESS_BYTES] = address.length;
    const dataAt = (at + FORWARD_DATA) * 4;
    store.copyData(handle, outlet.ring.bytes, dataAt);
    outlet.ring.bytes.set(address, dataAt + alignTo8(dataBytes));
    this.underway.set(this.nextNumber, forward);
    this.nextNumber = (this.nextNumber + 1) & 0x3fff_ffff;
    return true;
  }

  /** The slab's owner can pass a body on without copying it; otherwise one acceptor per queue. */
  private portOf({ queue, handle }: Forward): Port {
    const { ports, store } = this;
    const isSlab = (store.flags(handle) & SLAB_FLAG) !== 0;
    const owner = isSlab ? store.slabOwner(handle) : ports.length;
    return owner < ports.length ? ports[owner] : ports[queue.id % ports.length];
  }
}

function count(queue: Queue, handle: number): void {
  queue.forwardingCount += 1;
  queue.forwardingBytes += queue.dataBytes(handle);
}

function uncount(queue: Queue, handle: number): void {
  queue.forwardingCount -= 1;
  queue.forwardingBytes -= queue.dataBytes(handle);
}

/** Their queue sends its dead letters nowhere any more. */
function dropAll(queue: Queue, held: HeldLetters): void {
  while (held.length > 0) {
    const [handle, position] = [held.handleAt(0), held.positionAt(0)];
    held.shift();
    drop(queue, handle, position);
  }
}

function drop(queue: Queue, handle: number, position: number): void {
  uncount(queue, handle);
  queue.discard(handle, position);
}
