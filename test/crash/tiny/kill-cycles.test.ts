// Test thread. A few kill cycles, and a few power cuts: the short form of `npm run crash` and
// `npm run crash:power`.
import { expect, test } from 'vitest';
import { CrashRun } from '../crash-run.ts';
import { killCycles } from '../kill-cycles.ts';
import { proving, TINY_MILLIS_MAX } from './run-directory.ts';

const FEW = { cycles: 4, drainEvery: 2, lifeMillisMax: 800 };

test.each([
  ['killed', undefined],
  ['killed as by a power cut', 'drop-unsynced:SEED'],
])(
  'a broker that is %s keeps what it has confirmed',
  { timeout: TINY_MILLIS_MAX },
  async (_how, faults) => {
    await proving(
      async (settings) => {
        const run = await killCycles({ ...settings, ...FEW }, () => undefined);
        expect(run.checker.counts.confirmed).toBeGreaterThan(0);
        expect(run.checker.counts.redelivered).toBeGreaterThan(0);
        expect(run.checker.violations.lost).toBe(0);
      },
      { faults },
    );
  },
);

test('a clean stop after a crash forgets no redelivered flag', {
  timeout: TINY_MILLIS_MAX,
}, async () => {
  await proving(async (settings) => {
    const run = new CrashRun(settings);
    await run.loadedLife(500, 'kill');
    await run.filledLife(1, 'stop');
    await run.drainedLife('stop');
    expect(run.checker.report()).toBe('');
  });
});
