// When dead letters that nobody took are offered again. The clock is the test's.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Forward } from '../../../shards/deadletter/forwards.ts';
import { Retries, RETRY_MILLIS } from '../../../shards/deadletter/retries.ts';
import { Deadlines } from '../../../shards/time/deadlines.ts';

let deadlines: Deadlines;
let retries: Retries;
let offered: Forward[];

beforeEach(() => {
  vi.useFakeTimers();
  deadlines = new Deadlines();
  offered = [];
  retries = new Retries(deadlines, (forward) => offered.push(forward));
});

afterEach(() => {
  deadlines.stop();
  vi.useRealTimers();
});

function pass(millis: number): void {
  vi.advanceTimersByTime(millis);
  deadlines.turn();
}

const forward = (handle: number): Forward => ({ handle, failures: 0 }) as Forward;

describe('a dead letter that nobody took', () => {
  it('is offered after a second, and less and less often', () => {
    const one = forward(1);
    const waits = [...RETRY_MILLIS, RETRY_MILLIS.at(-1)!];
    for (const millis of waits) {
      retries.add(one);
      pass(millis - 1);
      expect(offered).toEqual([]);
      pass(1);
      expect(offered.splice(0)).toEqual([one]);
    }
    expect(waits.slice(-2)).toEqual([30_000, 30_000]);
  });

  it('is offered at once when the topology changes, but not more than once a second', () => {
    const [old, young] = [{ ...forward(1), failures: 5 }, forward(2)];
    retries.add(young);
    retries.add(old);
    expect([...retries.all()]).toEqual([young, old]);
    retries.topologyChanged();
    pass(0);
    expect(offered.splice(0)).toEqual([old, young]);
    expect([...retries.all()]).toEqual([]);
    retries.add(old);
    retries.topologyChanged();
    pass(999);
    expect(offered).toEqual([]);
    pass(1);
    expect(offered).toEqual([old]);
  });
});
