// The arithmetic of a depot's wheel: into which period a due time falls, and when that draws near.
// Shard thread, pure.
//
// Periods are powers of two of milliseconds, each 64 times as long as the next shorter: 2^30 (12.4
// days), 2^24 (4.7 hours), 2^18 (4.4 minutes), and 2^12 (4.1 seconds) for those 4.4 minutes that
// hold very many. Ten years are 294 of the longest, so a depot seldom has more than some hundreds
// of files (a file per period and start of the broker), and a message is copied three times at most
// on its way, however far away it was.
//
// A period draws near a quarter of its length before it begins: then it is copied to shorter ones,
// or what is due in it becomes known one by one. Nothing is put into it any more from then on.
import { SOON_MILLIS } from '../queue/delayed-ready.ts';

const STEP = 6;
const USUAL_FINEST = 18;
const QUARTER = 2;
const GATHER_MILLIS = 10_000;

export class PeriodLengths {
  /** The shortest that messages are put into when they come. */
  readonly finest: number;
  /** Longest first. */
  private readonly shifts: readonly number[];

  constructor(finest = USUAL_FINEST) {
    this.finest = finest;
    this.shifts = [finest + 2 * STEP, finest + STEP, finest];
  }

  periodOf(due: number, shift: number): number {
    return Math.floor(due / 2 ** shift);
  }

  /** When the period draws near. */
  nearAt(period: number, shift: number): number {
    const shortest = 2 ** (this.finest - STEP);
    return period * 2 ** shift - Math.max(2 ** (shift - QUARTER), 4 * shortest);
  }

  /** The longest kind of period to put a message into; undefined: it is due too soon for any. */
  shiftFor(due: number, now: number): number | undefined {
    return this.shifts.find((shift) => this.nearAt(this.periodOf(due, shift), shift) > now);
  }

  /** What a period of this kind is divided into; undefined: it is divided no further. */
  shorter(shift: number): number | undefined {
    return shift >= this.finest ? shift - STEP : undefined;
  }

  get soonMillis(): number {
    return Math.min(SOON_MILLIS, 2 ** this.finest);
  }

  /** How long messages that could go to the depot wait for more of their kind. */
  get gatherMillis(): number {
    return Math.min(GATHER_MILLIS, 2 ** this.finest);
  }
}
