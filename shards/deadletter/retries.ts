// Dead letters that nobody took: when each is offered again. Shard thread, cold. First after a
// second, then after twice as long each time, up to half a minute; when an acceptor says that the
// topology has changed all go at once, but for that once a second at most.
import { Deadline, type Deadlines } from '../time/deadlines.ts';
import type { Forward } from './forwards.ts';

/** After the first failure, the second, and so on. */
export const RETRY_MILLIS = [1000, 2000, 4000, 8000, 16_000, 30_000] as const;
const TOPOLOGY_MILLIS = 1000;

export class Retries {
  private readonly deadlines: Deadlines;
  private readonly offer: (forward: Forward) => void;
  /** By how long they wait. */
  private readonly waiting: Forward[][];
  private readonly due: readonly Deadline[];
  private readonly changed: Deadline;
  private changedAt: number;

  constructor(deadlines: Deadlines, offer: (forward: Forward) => void) {
    this.deadlines = deadlines;
    this.offer = offer;
    this.waiting = RETRY_MILLIS.map(() => []);
    this.due = RETRY_MILLIS.map((_, level) => new Deadline(() => this.offerAll(level)));
    this.changed = new Deadline(() => this.offerAfterChange());
    this.changedAt = 0;
  }

  add(forward: Forward): void {
    const level = Math.min(forward.failures, RETRY_MILLIS.length - 1);
    forward.failures += 1;
    this.waiting[level].push(forward);
    this.deadlines.armAt(this.due[level], this.deadlines.now + RETRY_MILLIS[level]);
  }

  /** There may be a queue for them now. */
  topologyChanged(): void {
    const due = Math.max(this.deadlines.now, this.changedAt + TOPOLOGY_MILLIS);
    this.deadlines.armAt(this.changed, due);
  }

  *all(): Iterable<Forward> {
    for (const forwards of this.waiting) yield* forwards;
  }

  private offerAfterChange(): void {
    this.changedAt = this.deadlines.now;
    // The ones that have waited longest first.
    for (let level = this.waiting.length - 1; level >= 0; level -= 1) this.offerAll(level);
  }

  private offerAll(level: number): void {
    const forwards = this.waiting[level];
    this.waiting[level] = [];
    for (const forward of forwards) this.offer(forward);
  }
}
