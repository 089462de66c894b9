// Placement of queues on shards: stable, in range, and even also for names that look alike.
import { describe, expect, it } from 'vitest';
import { hostOf, placeQueue } from '../../../src/topology/placement.ts';

describe('placeQueue', () => {
  it.each([
    ['numbered', (n: number) => `orders.eu.${n}`],
    ['generated', (n: number) => `amq.gen-${Buffer.from(`${n * 7919}`).toString('base64url')}`],
    ['long with a short difference', (n: number) => `${'q'.repeat(200)}${n}`],
  ])('spreads %s names evenly', (_, nameOf) => {
    const perShard = 500;
    for (const shardCount of [2, 3, 4, 12]) {
      const counts = Array.from({ length: shardCount }, () => 0);
      for (let n = 0; n < perShard * shardCount; n += 1) {
        counts[placeQueue('/', nameOf(n), shardCount)] += 1;
      }
      // Five standard deviations of a fair spread are about 112.
      for (const count of counts) expect(Math.abs(count - perShard)).toBeLessThan(120);
    }
  });

  it('looks at the vhost too', () => {
    const places = new Set(['v1', 'v2', 'v3', 'v4'].map((v) => placeQueue(v, 'q', 1_000_000)));
    expect(places.size).toBe(4);
  });

  it('has one place when there is one shard', () => {
    expect(placeQueue('/', 'q', 1)).toBe(0);
  });
});

describe('the thread of a shard', () => {
  it('is its own where there are enough, and shared where there are fewer', () => {
    expect([0, 1, 2, 3, 4].map((shard) => hostOf(shard, 5))).toEqual([0, 1, 2, 3, 4]);
    expect([0, 1, 2, 3, 4].map((shard) => hostOf(shard, 2))).toEqual([0, 1, 0, 1, 0]);
  });
});
