// The depot of a queue that holds back what its exchange delays: where messages wait that are not
// due soon, on disk alone (docs/delayed-messages.md, docs/delayed-format.md). Shard thread.
//
//   log -> stowing -> periods -> cascading -> shorter periods -> loading -> lending -> the queue
//
// One step after the other, so nothing here has to think of another one that is under way: first
// what is due soon, then questions, then everything else. Steps wait for the disk and the shard
// goes on; a disk that fails ends the shard's thread, as with the log.
import path from 'node:path';
import type { DelayedReady } from '../queue/delayed-ready.ts';
import type { Queue } from '../queue/queue.ts';
import { DONE_LOG } from '../../src/log/depot/file-names.ts';
import { Deadline } from '../time/deadlines.ts';
import { Cascading } from './cascading.ts';
import { isFull } from './depot-directory.ts';
import { DepotRecovery } from './depot-recovery.ts';
import { DepotState, LENT_MAX } from './depot-state.ts';
import type { DepotSurroundings } from './depot-surroundings.ts';
import { lendSoon, lendsAt } from './lending.ts';
import { loadPeriod, removeFinished } from './near-loading.ts';
import type { Period } from './period.ts';
import { Stowing } from './stowing.ts';

/** What has gone on is noted within this time. */
const NOTE_MILLIS = 20;
/** When what the disk had no room for is tried again. */
const FULL_MILLIS = 5000;
/** A period with more messages is divided, if it can be; otherwise each is looked at. */
const LOADED_MAX = 64 * 1024;
/** So many messages of near periods are known one by one, and those of one period more. */
const ROWS_MAX = 4 * LOADED_MAX;
/** So many messages are stowed at once; fewer wait a while for more. */
const GATHERED_MAX = 4096;
const NEVER = Number.POSITIVE_INFINITY;

export class Depot {
  readonly state: DepotState;
  private readonly stowing: Stowing;
  private readonly deadline: Deadline;
  private readonly questions: (() => Promise<void>)[];
  private running: Promise<void> | undefined;
  /** The log has not synced yet that it is rid of what was stowed. */
  private settling: Promise<void> | undefined;
  private isWoken: boolean;
  private isStopping: boolean;
  /** Files of messages that were dropped are there. */
  private hasDropped: boolean;
  /** When to look for messages to stow, and when to note what has gone on. */
  private stowAt: number;
  private noteAt: number;
  private isFull: boolean;
  /** Messages that have left memory since the last look. */
  private pagedCount: number;
  /** Periods that are looked at as they are: the disk has no room for dividing them. */
  private readonly undivided: WeakSet<Period>;
  /** Periods that are being divided, a shorter one within a longer one. */
  private readonly dividing: Set<Period>;
  /** Told when there may be something to lend. */
  private nudged: () => void;

  constructor(queue: Queue, delayed: DelayedReady, around: DepotSurroundings) {
    const directory = path.join(around.directory, String(queue.id));
    this.state = new DepotState(queue, delayed, directory, around);
    this.stowing = new Stowing(this.state);
    this.deadline = new Deadline(() => this.wake());
    this.questions = [];
    this.running = undefined;
    this.settling = undefined;
    this.isWoken = false;
    this.isStopping = false;
    this.hasDropped = false;
    this.stowAt = NEVER;
    this.noteAt = NEVER;
    this.isFull = false;
    this.pagedCount = 0;
    this.undivided = new WeakSet();
    this.dividing = new Set();
    this.nudged = () => {};
    delayed.onPagedOut = () => this.pagedOut();
  }

  /** Messages that wait here; those that the queue has already are not among them. */
  get count(): number {
    return this.state.count;
  }

  get bytes(): number {
    return this.state.bytes;
  }

  /** What is due within this time is the queue's. */
  get soonMillis(): number {
    return this.state.lengths.soonMillis;
  }

  /** At start: what earlier lives left. Returns what cannot be read. */
  async recover(isClean: boolean): Promise<readonly string[]> {
    const recovery = new DepotRecovery(this.state, isClean);
    await recovery.run();
    this.stowAt = 0;
    this.rest();
    return recovery.damage.map((text) => `delayed/${this.state.queue.id}/${text}`);
  }

  /** A message of the queue is on disk only: it may be one to stow. */
  private pagedOut(): void {
    const { deadlines } = this.state.around;
    this.pagedCount += 1;
    const isMany = this.pagedCount === GATHERED_MAX && !this.isFull;
    if (this.stowAt !== NEVER && !isMany) return;
    const waitMillis = this.isFull ? FULL_MILLIS : this.state.lengths.gatherMillis;
    this.stowAt = deadlines.now + (isMany ? 0 : waitMillis);
    this.arm(this.stowAt);
  }

  /** The queue is done with a message of its. */
  settled(position: number): void {
    const { lent, done, around } = this.state;
    if (!lent.has(position)) return;
    const one = lent.get(position);
    lent.delete(position);
    one?.near.finish(one.row);
    done.settle(position, one === undefined);
    if (lent.size === LENT_MAX / 2) this.wake();
    if (this.noteAt !== NEVER) return;
    this.noteAt = around.deadlines.now + NOTE_MILLIS;
    this.arm(this.noteAt);
  }

  /** While it runs it looks by itself when it is done. */
  private arm(at: number): void {
    if (this.running !== undefined || this.isStopping) return;
    this.state.around.deadlines.armAt(this.deadline, at);
  }

  /** Drops all messages and returns how many there were. They are gone for good when asked next. */
  clear(): number {
    const { count } = this.state;
    this.state.clear();
    this.hasDropped = true;
    this.wake();
    return count;
  }

  /** Asks something in the depot's turn. */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.questions.push(async () => question().then(resolve, reject));
      this.wake();
    });
  }

  /** Writes what is not yet written; nothing goes on any more. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.state.around.deadlines.disarm(this.deadline);
    await this.running;
    await this.settling;
    if (this.state.queue.isDeleted || this.hasDropped) await this.removeDropped();
    // Without room for it some messages go again after the start.
    else await this.note(true);
  }

  wake(): void {
    this.isWoken = true;
    this.nudged();
    if (this.running !== undefined || this.isStopping) return;
    this.running = this.run().catch((error: Error) => this.state.around.fail(error.message));
  }

  private async run(): Promise<void> {
    // Never within the call that woke it.
    await Promise.resolve();
    while (this.isWoken && !this.isStopping) {
      this.isWoken = false;
      while (!this.isStopping && (await this.step()));
    }
    this.running = undefined;
    this.rest();
    if (this.isWoken && !this.isStopping) this.wake();
  }

  /** Does what is most urgent; false: there is nothing to do now. */
  private async step(): Promise<boolean> {
    const { state } = this;
    if (this.hasDropped) {
      await this.removeDropped();
      return true;
    }
    const now = Date.now();
    if (await this.urgentStep(now)) return true;
    const question = this.questions.shift();
    if (question !== undefined) {
      await this.whileLending(question());
      return true;
    }
    if (this.noteAt <= now) {
      await this.note(false);
      return true;
    }
    if (this.settling === undefined && this.mayRemove) {
      await removeFinished(state);
      return true;
    }
    if (this.stowAt <= now && this.settling === undefined) {
      await this.stow(now);
      return true;
    }
    return false;
  }

  /** What is due soon, and looking into periods and dividing them, so that it is known. */
  private async urgentStep(now: number): Promise<boolean> {
    const { state } = this;
    if (lendsAt(state) <= now) {
      await lendSoon(state, now);
      return true;
    }
    const period = this.nextPeriod(NEVER);
    if (period === undefined || this.nearAt(period) > now) return false;
    await this.open(period);
    return true;
  }

  private async open(period: Period): Promise<void> {
    const { state } = this;
    const isDivided = state.lengths.shorter(period.shift) !== undefined;
    const isLarge = period.shift > state.lengths.finest || period.count > LOADED_MAX;
    if (!isDivided || !isLarge || this.undivided.has(period)) {
      await loadPeriod(state, period);
      return;
    }
    const cascading = new Cascading(state, period);
    this.dividing.add(period);
    const isDone = await cascading.run(async () => this.meanwhile(period));
    this.dividing.delete(period);
    if (isDone) return;
    this.undivided.add(period);
    this.full();
  }

  /** Waits for something that has nothing to do with what is due soon, and that may take long. */
  private async whileLending<T>(act: Promise<T>): Promise<T> {
    const { state } = this;
    const over = new AbortController();
    const end = (): void => over.abort();
    const ended = act.then(end, end);
    while (!over.signal.aborted && !this.isStopping) {
      const at = lendsAt(state);
      if (at <= Date.now()) {
        await lendSoon(state, Date.now());
        continue;
      }
      if (at !== NEVER) state.around.deadlines.armAt(this.deadline, at);
      const nudge = new Promise<void>((resolve) => {
        this.nudged = resolve;
      });
      await Promise.race([ended, nudge]);
    }
    return act;
  }

  /** What cannot wait until `outer` has been divided; false: the depot stops. */
  private async meanwhile(outer: Period): Promise<boolean> {
    while (!this.isStopping) {
      const now = Date.now();
      const period = this.nextPeriod(outer.shift);
      if (lendsAt(this.state) <= now) await lendSoon(this.state, now);
      else if (this.noteAt <= now) await this.note(false);
      else if (period !== undefined && this.nearAt(period) <= now) await this.open(period);
      else return true;
    }
    return false;
  }

  /**
   * The period, shorter than 2^`below`, to look into next, when that is due. After a long time
   * without the broker very many are: then rows are for what comes first, which nothing may pass.
   */
  private nextPeriod(below: number): Period | undefined {
    const { periods, nears, lengths } = this.state;
    let rows = 0;
    let first = NEVER;
    for (const near of nears) {
      rows += near.count;
      if (near.first >= 0) first = Math.min(first, near.at(near.first).due);
    }
    let next: Period | undefined;
    for (const period of periods.values()) {
      if (period.shift >= below) continue;
      const canWait = period.shift <= lengths.finest && period.firstDue > first;
      if ((rows > ROWS_MAX && canWait) || this.dividing.has(period)) continue;
      if (next === undefined || this.nearAt(period) < this.nearAt(next)) next = period;
    }
    return next;
  }

  /** One in which nothing waits any more goes at once. */
  private nearAt({ number, shift, count }: Period): number {
    return count === 0 ? 0 : this.state.lengths.nearAt(number, shift);
  }

  private get mayRemove(): boolean {
    for (const near of this.state.nears) if (near.isDone) return true;
    return false;
  }

  private async stow(now: number): Promise<void> {
    const { state } = this;
    const { heavy, shardLog } = state.around;
    this.stowAt = NEVER;
    this.pagedCount = 0;
    const stowed = await this.whileLending(heavy.take(async () => this.stowing.step(now)));
    // Voided entries: a crash much later must not bring these messages again.
    if (state.done.isBehind) this.noteAt = Math.min(this.noteAt, now);
    if (stowed === 'all') return;
    if (stowed === 'full') {
      this.full();
      this.stowAt = Date.now() + FULL_MILLIS;
      return;
    }
    this.isFull = false;
    this.stowAt = now;
    this.settling = shardLog.settle().then(() => {
      this.settling = undefined;
      this.wake();
    });
  }

  private async note(isSynced: boolean): Promise<void> {
    const { done } = this.state;
    this.noteAt = NEVER;
    try {
      await done.flush(isSynced);
      await done.shorten();
    } catch (error) {
      if (!isFull(error)) throw error;
      this.full();
      this.noteAt = Date.now() + FULL_MILLIS;
    }
  }

  /** Said once until there is room again. */
  private full(): void {
    const { around, queue } = this.state;
    if (!this.isFull) around.notify({ kind: 'depot-full', queueId: queue.id });
    this.isFull = true;
  }

  /** The files of what was dropped go, all that no period of now names. */
  private async removeDropped(): Promise<void> {
    const { state } = this;
    const { directory, queue } = state;
    this.hasDropped = false;
    if (queue.isDeleted) {
      await directory.removeAll();
      return;
    }
    const files = [...state.periods.values(), ...state.nears].flatMap((one) => one.files);
    const kept = new Set([DONE_LOG, ...files.map(({ name }) => name)]);
    const names = await directory.names();
    await directory.remove(names.filter((name) => !kept.has(name)));
    await directory.sync();
    // Positions in it of files that are gone do no harm.
    await state.done.rewrite().catch((error: unknown) => {
      if (!isFull(error)) throw error;
    });
  }

  /** Asks to be woken when there is something to do. */
  private rest(): void {
    if (this.isStopping) return;
    const { state } = this;
    let at = Math.min(lendsAt(state), this.noteAt);
    if (this.settling === undefined) at = Math.min(at, this.stowAt);
    const period = this.nextPeriod(NEVER);
    if (period !== undefined) at = Math.min(at, this.nearAt(period));
    if (at !== NEVER) state.around.deadlines.armAt(this.deadline, at);
  }
}
