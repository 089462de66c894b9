// Thousands of random operations of many clients on one shard: every message is delivered in order, to
// one holder at a time, and settled once; slab pages are freed once; in the end nothing is left.
import { describe, expect, it } from 'vitest';
import { Random } from '../../fuzz/session-bytes.ts';
import { RandomWalk } from './random-walk.ts';
import { ShardDriver } from './shard-driver.ts';

const STEPS = Number(process.env['WALK_STEPS'] ?? 6000);

describe.each([
  ['with room', { ringBytes: 256 * 1024, windowBytes: 256 * 1024 }],
  ['with small windows', { ringBytes: 64 * 1024, windowBytes: 4096 }],
  ['with small rings', { ringBytes: 16 * 1024, windowBytes: 64 * 1024 }],
])('a shard %s', (_name, options) => {
  it.each([1, 2, 3, 4, 5])('keeps its promises (seed %i)', (seed) => {
    const random = new Random(seed * 7919);
    const walk = new RandomWalk(new ShardDriver(options), random);
    for (let i = 0; i < STEPS; i += 1) walk.step();
    walk.finish();
    expect(walk.publishedCount).toBeGreaterThan(STEPS / 5);
  });
});
