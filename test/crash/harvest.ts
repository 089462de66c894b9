// Test process. What a drain brings to light, kept as lists: which messages each queue held, in order,
// and how many bodies were wrong. Two harvests are compared when a store was damaged on purpose.
import type { Judge, OrderMark } from './checker.ts';

export class Harvest implements Judge {
  /** Per queue `publisher/number`, in the order of delivery. */
  readonly messages: string[][];
  wrongBodies = 0;

  constructor(queues: number) {
    this.messages = Array.from({ length: queues }, () => []);
  }

  newMark(queue: number, strict: boolean): OrderMark {
    return { queue, strict, last: new Int32Array(0) };
  }

  delivered(
    mark: OrderMark,
    publisher: number,
    number: number,
    _isRedelivered: boolean,
    isIntact: boolean,
  ): boolean {
    if (isIntact) this.messages[mark.queue].push(`${publisher}/${number}`);
    else this.wrongBodies += 1;
    return true;
  }

  foreign(): void {
    this.wrongBodies += 1;
  }

  acked(): void {}

  released(): void {}
}

export interface Difference {
  /** Distinct messages that a queue has no more. */
  readonly missing: number;
  /** Copies that a queue had not before: their acks are gone. */
  readonly extra: number;
  /** Copies that come twice, or behind what they came before. */
  readonly misplaced: number;
  readonly queuesMissing: number;
}

/** `found` against `expected`; of queues that are `gone` the messages are not counted. */
export function difference(
  expected: Harvest,
  found: Harvest,
  gone: ReadonlySet<number>,
): Difference {
  const missing = new Set<string>();
  let extra = 0;
  let misplaced = 0;
  for (const [queue, keys] of expected.messages.entries()) {
    if (gone.has(queue)) continue;
    const places = new Map(keys.map((key, place) => [key, place]));
    const seen = new Set<string>();
    let last = -1;
    for (const key of found.messages[queue]) {
      const place = places.get(key);
      if (seen.has(key) || (place !== undefined && place < last)) misplaced += 1;
      if (place === undefined) extra += 1;
      else last = Math.max(last, place);
      seen.add(key);
    }
    for (const key of keys) if (!seen.has(key)) missing.add(key);
  }
  return { missing: missing.size, extra, misplaced, queuesMissing: gone.size };
}
