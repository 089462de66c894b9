// Verification: are the sequence numbers that one consumer sees what the publishers sent?
// Generator's process, once per message, only with --verify.
// Invariants: a sole consumer of a queue must see each publisher's numbers one by one from 0; one
// of several sees them rising (4.7: a queue hands out in order), and the totals are compared at the
// end.

export class OrderCheck {
  received: number;
  missing: number;
  /** Numbers at or below one already seen: out of order, or delivered twice. */
  repeated: number;
  /** Publishers that cannot publish to this queue: a body that was damaged or misrouted. */
  unknown: number;
  readonly #sole: boolean;
  #expected: Float64Array;

  constructor(publishers: number, sole: boolean) {
    this.received = 0;
    this.missing = 0;
    this.repeated = 0;
    this.unknown = 0;
    this.#sole = sole;
    this.#expected = new Float64Array(publishers);
  }

  see(publisher: number, sequence: number): void {
    this.received += 1;
    const expected = this.#expected[publisher];
    if (expected === undefined) {
      this.unknown += 1;
    } else if (sequence < expected) {
      this.repeated += 1;
    } else {
      if (this.#sole) this.missing += sequence - expected;
      this.#expected[publisher] = sequence + 1;
    }
  }
}
