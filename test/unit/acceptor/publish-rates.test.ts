// Token buckets of publishers, with a clock moved by hand: long-run rates, debts, and who shares what.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublishAllowance } from '../../../src/acceptor/publish-allowance.ts';
import { PublishRates } from '../../../src/acceptor/publish-rates.ts';
import { TokenBucket } from '../../../src/acceptor/token-bucket.ts';

let now = 10_000;

beforeEach(() => {
  now = 10_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => vi.restoreAllMocks());

describe('TokenBucket', () => {
  it.each([100_000, 1000, 333, 10, 1])('lets %i a second through', (rate) => {
    const bucket = new TokenBucket(rate, now);
    let count = 0;
    for (let millis = 0; millis < 20_000; millis += 1) {
      for (; bucket.isOpen(); count += 1) bucket.take(1);
      now += 1;
    }
    expect(count).toBeGreaterThanOrEqual(rate * 20 - 1);
    // What it held at first comes on top.
    expect(count).toBeLessThanOrEqual(rate * 20.5 + 1);
  });

  it('lets who was idle go at most a second ahead', () => {
    const bucket = new TokenBucket(100, now);
    now += 3_600_000;
    let count = 0;
    for (; bucket.isOpen(); count += 1) bucket.take(1);
    expect(count).toBe(100);
  });

  it('lets something larger than itself through and then waits for as long as that is worth', () => {
    const bucket = new TokenBucket(1000, now);
    bucket.take(10_500);
    expect([bucket.isOpen(), bucket.waitMillis()]).toEqual([false, 10_000]);
    now += 9999;
    expect(bucket.isOpen()).toBe(false);
    now += 2;
    expect([bucket.isOpen(), bucket.waitMillis()]).toEqual([true, 0]);
  });
});

const NONE = {
  acceptors: 1,
  connectionPublishBytesPerSecond: 0,
  connectionPublishMessagesPerSecond: 0,
  userPublishBytesPerSecond: 0,
  userPublishMessagesPerSecond: 0,
};

/** Messages of `bytes` that go at once. */
function burst(allowance: PublishAllowance, bytes: number): number {
  let count = 0;
  for (; allowance.mayPublish(); count += 1) allowance.spend(bytes);
  return count;
}

describe('PublishRates', () => {
  it('have nothing to say without limits', () => {
    expect(new PublishRates(NONE).open('u')).toBeUndefined();
  });

  it('bound each connection for itself, in messages and in bytes', () => {
    const rates = new PublishRates({
      ...NONE,
      connectionPublishMessagesPerSecond: 100,
      connectionPublishBytesPerSecond: 1000,
    });
    expect(burst(rates.open('u')!, 1)).toBe(50);
    expect(burst(rates.open('u')!, 100)).toBe(5);
  });

  it('bound the connections of a user together, and share a node rate among acceptors', () => {
    const rates = new PublishRates({ ...NONE, acceptors: 4, userPublishMessagesPerSecond: 400 });
    const [first, second, other] = [rates.open('u')!, rates.open('u')!, rates.open('w')!];
    expect([burst(first, 1), burst(second, 1), burst(other, 1)]).toEqual([50, 0, 50]);
    now += 100;
    expect([burst(second, 1), burst(first, 1)]).toEqual([10, 0]);
  });

  it('count who waits, and forget who leaves', () => {
    const rates = new PublishRates({ ...NONE, userPublishMessagesPerSecond: 10 });
    const [first, second] = [rates.open('u')!, rates.open('u')!];
    burst(first, 1);
    expect([first.isUsedUp, second.isUsedUp, rates.waitingCount]).toEqual([true, false, 1]);
    expect([first.mayPublish(), second.mayPublish(), rates.waitingCount]).toEqual([
      false,
      false,
      2,
    ]);
    now += 1000;
    expect([first.mayPublish(), rates.waitingCount]).toEqual([true, 1]);
    rates.close('u', first);
    rates.close('u', second);
    expect(rates.waitingCount).toBe(0);
  });

  it('keep the debt of a user who leaves and comes back, and no longer', () => {
    const rates = new PublishRates({ ...NONE, userPublishBytesPerSecond: 100 });
    const users = (rates as unknown as { users: Map<string, unknown> }).users;
    const first = rates.open('u')!;
    first.spend(1050);
    rates.close('u', first);
    rates.sweep();
    const second = rates.open('u')!;
    expect(second.mayPublish()).toBe(false);
    now += 10_001;
    rates.sweep();
    expect([second.mayPublish(), users.size]).toEqual([true, 1]);
    rates.close('u', second);
    rates.sweep();
    expect(users.size).toBe(0);
  });
});
