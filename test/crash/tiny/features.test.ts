// Test thread. A few lives of queues with all features, in two shapes of broker: the short form of
// `npm run crash:features`.
import { expect, test } from 'vitest';
import { featureCycles } from '../features/feature-cycles.ts';
import { proving, TINY_MILLIS_MAX } from './run-directory.ts';

test.each([
  ['one shard and one acceptor', 1, 1, 'auto', undefined],
  ['delays in the depot of two shards', 2, 1, 'auto', 6],
  ['three shards and two acceptors, with the portable log', 3, 2, 'portable', 6],
])(
  'dead letters, delays and transactions lose nothing with %s',
  { timeout: TINY_MILLIS_MAX },
  async (_name, shards, acceptors, backend, depotShift) => {
    await proving(
      async ({ seed, launch, options }) => {
        const cycles = { cycles: 2, drainEvery: 2, lifeMillisMax: 600, batchMax: 3 };
        const set = { ...options.set, 'storage.backend': backend };
        const settings = { seed, launch, options: { ...options, set, depotShift }, ...cycles };
        const { counts, violations } = await featureCycles(settings, () => undefined);
        expect(counts.confirmed).toBeGreaterThan(0);
        expect(violations.lost).toBe(0);
      },
      { shards, acceptors },
    );
  },
);
