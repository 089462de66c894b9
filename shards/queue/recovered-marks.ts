// What a queue still knows of the deliveries of an earlier life of the broker: which messages may
// have been delivered then, and how often some of them were. Shard thread, hot: read per delivery.
// Positions are 32-bit, compared by signed difference.

/** What was recovered is taken to have gone when so many messages have come after it. */
const SPAN = 2 ** 30;

export class RecoveredMarks {
  /** How often, where that was counted and is not 0. */
  readonly counts: Map<number, number>;
  /** Something of it may be left. */
  isAny: boolean;
  /** Messages before this position may have been delivered. */
  private until: number;

  constructor() {
    this.counts = new Map();
    this.isAny = false;
    this.until = 0;
  }

  /** Undefined when none may have been. */
  get end(): number | undefined {
    return this.isAny ? this.until : undefined;
  }

  restore(until: number, counts: ReadonlyMap<number, number>, isAny: boolean): void {
    for (const [position, deliveries] of counts) this.counts.set(position, deliveries);
    this.until = until;
    this.isAny = isAny;
  }

  /** Whether the message at `position` may have been delivered then. */
  has(position: number): boolean {
    return this.isAny && (((position - this.until) | 0) < 0 || this.counts.has(position));
  }

  countOf(position: number): number {
    return this.counts.get(position) ?? 0;
  }

  /** How often the message that has been taken was delivered then; from now on 0. */
  take(position: number): number {
    if (this.counts.size === 0) return 0;
    const count = this.counts.get(position);
    if (count === undefined) return 0;
    this.counts.delete(position);
    return count;
  }

  /** Messages have come, or gone, up to `position`: so much later nothing is left. */
  passed(position: number): void {
    if (!this.isAny || ((position - this.until) | 0) < SPAN) return;
    this.isAny = false;
    this.counts.clear();
  }
}
