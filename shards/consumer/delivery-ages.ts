// How long ago the deliveries of a channel were made, roughly and for nothing: deliveries are
// numbered in order, so a few samples of (number, time) taken by a slow clock bound the age of each
// (https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout). Shard thread, cold.
//
//   samples:  41 at 10.0 s | 58 at 11.0 s | 58 at 12.0 s    delivery 50 was made before 11.0 s
//
// Invariant: a delivery is at least as old as it is said to be.

/** Beyond this every other sample goes: ages then are told later, never earlier. */
const SAMPLES_MAX = 256;

export class DeliveryAges {
  /** When to look at the channel again, in milliseconds. */
  dueAt: number;
  private ends: number[];
  private times: number[];

  constructor() {
    this.dueAt = 0;
    this.ends = [];
    this.times = [];
  }

  /** Nothing is unacked: what there was does not matter any more. */
  clear(): void {
    this.ends.length = 0;
    this.times.length = 0;
  }

  /** All deliveries numbered below `end` have been made by `now`. */
  note(end: number, now: number): void {
    this.ends.push(end);
    this.times.push(now);
    if (this.ends.length <= SAMPLES_MAX) return;
    this.ends = this.ends.filter((_end, i) => i % 2 === 0);
    this.times = this.times.filter((_time, i) => i % 2 === 0);
  }

  /** Deliveries numbered below this were made by `time`; 0 when that is not known of any. */
  endAt(time: number): number {
    for (let i = this.times.length - 1; i >= 0; i -= 1) {
      if (this.times[i] <= time) return this.ends[i];
    }
    return 0;
  }

  /** Nobody will ask for times before this one. */
  forgetBefore(time: number): void {
    let first = 0;
    while (first + 1 < this.times.length && this.times[first + 1] <= time) first += 1;
    if (first === 0) return;
    this.ends.splice(0, first);
    this.times.splice(0, first);
  }
}
