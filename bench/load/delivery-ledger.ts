// What became of each message of a pipeline: arrived once and whole, damaged, twice, or never.
// Generator's process, once per message that reaches the last stage.
// Invariants: order is not asked for, because several workers overtake each other; a number that
// was never sent counts as damage; a damaged message has not arrived.

export class DeliveryLedger {
  /** Wrong checksum, wrong length, or a number that nobody sent. */
  corrupt: number;
  duplicated: number;
  /** Different messages that arrived whole. */
  arrived: number;
  #seen: Uint8Array;

  constructor() {
    this.corrupt = 0;
    this.duplicated = 0;
    this.arrived = 0;
    this.#seen = new Uint8Array(1024);
  }

  /** A message is complete; `sent` is how many numbers have been given out. */
  note(sequence: number, intact: boolean, sent: number): void {
    if (!intact || sequence >= sent) {
      this.corrupt += 1;
      return;
    }
    if (sequence >= this.#seen.length) this.#grow(sequence + 1);
    if (this.#seen[sequence] === 1) {
      this.duplicated += 1;
      return;
    }
    this.#seen[sequence] = 1;
    this.arrived += 1;
  }

  lost(sent: number): number {
    return sent - this.arrived;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#seen.length * 2));
    larger.set(this.#seen);
    this.#seen = larger;
  }
}
