// Failures by their text, for modes in which a failed connection is a result, not the end of the
// run. Generator's process, cold.
// Invariant: every failure is counted; of different texts only so many are kept, because a broken
// broker could say something else each time.

const TEXTS_MAX = 20;

export class FailureCount {
  count: number;
  readonly #texts: Map<string, number>;

  constructor() {
    this.count = 0;
    this.#texts = new Map();
  }

  note(error: unknown): void {
    this.count += 1;
    const said = error instanceof Error ? error.message : String(error);
    const text = this.#texts.has(said) || this.#texts.size < TEXTS_MAX ? said : 'other failures';
    this.#texts.set(text, (this.#texts.get(text) ?? 0) + 1);
  }

  /** How often each text was said. */
  texts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#texts);
  }
}
