// Test thread. A failing sync, early, later and much later: the short form of `npm run
// crash:sync-error`.
import { expect, test } from 'vitest';
import { hasStrace, syncErrorByHook, syncErrorByStrace } from '../sync-error.ts';
import { proving, TINY_MILLIS_MAX } from './run-directory.ts';

test.each([1, 4, 15])(
  'sync %i fails: the broker ends and has confirmed nothing of it',
  {
    timeout: TINY_MILLIS_MAX,
  },
  async (nth) => {
    await proving(async (settings) => {
      const run = await syncErrorByHook(settings, nth);
      expect(run.checker.isClean).toBe(true);
    });
  },
);

test.skipIf(!hasStrace())('the real fdatasync fails', { timeout: TINY_MILLIS_MAX }, async () => {
  await proving(async (settings) => {
    const run = await syncErrorByStrace(settings, 5);
    expect(run.checker.isClean).toBe(true);
  });
});
