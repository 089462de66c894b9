// Test thread. A handful of bits: the short form of `npm run crash:bits`.
import { expect, test } from 'vitest';
import { BITS_MIX, BitFlips, makeStore, randomFlips, STORE_FOLDERS } from '../bit-flips.ts';
import { proving, TINY_MILLIS_MAX } from './run-directory.ts';

const FLIPS = 16;

test('whichever bit is wrong, one message is lost at most, and the log says so', {
  timeout: TINY_MILLIS_MAX,
}, async () => {
  await proving(async (settings) => {
    const some = { ...settings, mix: BITS_MIX };
    await makeStore(some);
    const flips = randomFlips(some.options.dataDirectory, STORE_FOLDERS, some.seed, FLIPS);
    const flipping = new BitFlips(some);
    for (const [index, flip] of flips.entries()) {
      const outcome = await flipping.try(flip, `flip-${index}`);
      expect(outcome.missing).toBeLessThanOrEqual(1);
    }
  });
});
