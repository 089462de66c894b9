// The optional client-side throttle: publishers stop while more than `max` messages are published
// but not yet consumed. Generator's process; touched once per batch and once per chunk.
// Invariant: with fan-out a message counts as consumed when all of its copies are.

export class Backlog {
  readonly max: number;
  readonly #copies: number;
  #published: number;
  #delivered: number;
  readonly #wake: () => void;

  /** `max` 0 means no limit; `copies` is how many queues get each message. */
  constructor(max: number, copies: number, wake: () => void) {
    this.max = max;
    this.#copies = copies;
    this.#published = 0;
    this.#delivered = 0;
    this.#wake = wake;
  }

  get room(): number {
    if (this.max === 0) return Number.MAX_SAFE_INTEGER;
    return this.max - (this.#published - Math.floor(this.#delivered / this.#copies));
  }

  published(count: number): void {
    this.#published += count;
  }

  delivered(count: number): void {
    const wasFull = this.room <= 0;
    this.#delivered += count;
    if (wasFull && this.room > 0) this.#wake();
  }
}
