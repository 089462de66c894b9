// Test thread. A list that is filled by events and emptied by awaiting: the test client keeps one
// per channel. `next` waits for the next item; a wait that never ends fails after a generous
// deadline and says what it was waiting for, so that a broken broker gives a readable failure, not
// a hanging run.

const WAIT_MILLIS_MAX = 10_000;

interface Waiter<Item> {
  readonly resolve: (item: Item) => void;
  readonly reject: (error: Error) => void;
}

export class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #waiters: Waiter<Item>[] = [];
  #failure: Error | undefined;

  /** How many items have arrived and were not taken. */
  get size(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter.resolve(item);
  }

  /**
   * No item will come any more: waits fail with `error`, once the items that did come are taken.
   */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
  }

  next(what: string): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return withDeadline(
      what,
      new Promise<Item>((resolve, reject) => {
        this.#waiters.push({ resolve, reject });
      }),
    );
  }
}

/** `promise`, or a failure that names `what` was awaited when it does not settle in time. */
export function withDeadline<Value>(
  what: string,
  promise: Promise<Value>,
  millis: number = WAIT_MILLIS_MAX,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${millis} ms for ${what}`)), millis);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}
