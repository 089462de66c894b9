// The time between warm-up and drain, by the one clock that stamps and measures. Generator's
// process.
// Invariant: a latency belongs to the window in which its message was *intended* to be sent, not to
// the one in which it arrived; otherwise messages stuck at the end would never be counted.

/** CLOCK_MONOTONIC in milliseconds, the same in every thread of the process. */
export function monotonicMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class MeasuringWindow {
  startMillis: number;
  endMillis: number;

  constructor() {
    this.startMillis = Number.POSITIVE_INFINITY;
    this.endMillis = Number.POSITIVE_INFINITY;
  }

  includes(millis: number): boolean {
    return millis >= this.startMillis && millis < this.endMillis;
  }
}
