// Test thread. Four shards, then one, three and two: the short form of `npm run crash:shards`.
import { expect, test } from 'vitest';
import { fewerShards } from '../fewer-shards.ts';
import { proving, TINY_MILLIS_MAX } from './run-directory.ts';

test('another number of shards loses nothing', { timeout: TINY_MILLIS_MAX }, async () => {
  await proving(async (settings) => {
    const run = await fewerShards(settings, 200);
    expect(run.checker.counts.confirmed).toBeGreaterThan(0);
    expect(run.checker.violations.lost).toBe(0);
  });
});
