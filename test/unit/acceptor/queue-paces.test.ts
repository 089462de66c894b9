// Token buckets of paced queues, with a clock moved by hand.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QueuePace } from '../../../src/acceptor/queue-pace.ts';
import { QueuePaces } from '../../../src/acceptor/queue-paces.ts';

let now = 10_000;

beforeEach(() => {
  now = 10_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => vi.restoreAllMocks());

/** Publishes as fast as it may for `millis`, asking every millisecond. */
function publishFor(pace: QueuePace, millis: number, refill: () => void): number {
  let count = 0;
  for (let i = 0; i < millis; i += 1) {
    now += 1;
    refill();
    while (pace.hasToken()) {
      pace.take();
      count += 1;
    }
  }
  return count;
}

describe('QueuePace', () => {
  it('is free until a rate is set, and again when it is 0', () => {
    const pace = new QueuePace(5);
    expect([pace.isFree, pace.hasToken()]).toEqual([true, true]);
    pace.setRate(1000, now);
    expect([pace.isFree, pace.hasToken()]).toEqual([false, false]);
    pace.setRate(0, now);
    expect([pace.isFree, pace.hasToken()]).toEqual([true, true]);
  });

  it.each([100_000, 5000, 1000, 300, 200, 100, 10, 1])('lets %i a second through', (rate) => {
    const pace = new QueuePace(5);
    pace.setRate(rate, now);
    const seconds = rate < 100 ? 10 : 2;
    const count = publishFor(pace, seconds * 1000, () => pace.refill(now));
    expect(count).toBeGreaterThanOrEqual(rate * seconds * 0.9 - 1);
    expect(count).toBeLessThanOrEqual(rate * seconds * 1.01 + 1);
  });

  it('does not save up for long', () => {
    const pace = new QueuePace(5);
    pace.setRate(10_000, now);
    now += 60_000;
    pace.refill(now);
    let count = 0;
    while (pace.hasToken()) {
      pace.take();
      count += 1;
    }
    expect(count).toBeLessThanOrEqual(100);
  });
});

describe('QueuePaces', () => {
  it('are one per queue, refilled only while limited, and forgotten', () => {
    const paces = new QueuePaces();
    const pace = paces.of(5);
    expect(paces.of(5)).toBe(pace);
    expect(paces.refill()).toBe(false);
    // A rate may come before the first client publishes to the queue: it is kept for that one.
    paces.setRate(5, 2000);
    expect(publishFor(pace, 1000, () => expect(paces.refill()).toBe(true))).toBeGreaterThan(1800);
    paces.setRate(5, 0);
    expect([pace.hasToken(), paces.refill()]).toEqual([true, false]);
    paces.setRate(5, 1000);
    paces.forget(5);
    paces.forget(5);
    // Routes that are still cached hold the old object: it must not stay shut.
    expect([pace.hasToken(), paces.refill(), paces.of(5) === pace]).toEqual([true, false, false]);
  });

  it('bind a publisher that comes later', () => {
    const paces = new QueuePaces();
    paces.setRate(5, 1000);
    expect(paces.of(5).isFree).toBe(false);
  });

  // The shard frees the publishers of a queue that it has deleted, and main tells us of that first.
  it('are not made for queues that are gone', () => {
    const paces = new QueuePaces();
    for (let queue = 1; queue <= 100; queue += 1) {
      paces.of(queue);
      paces.setRate(queue, 1000);
      paces.forget(queue);
      paces.setRate(queue, 0);
    }
    expect((paces as unknown as { paces: Map<number, unknown> }).paces.size).toBe(0);
  });
});
