// Test runner settings: which files are tests, and the closing line CI reads.
import { defineConfig } from 'vitest/config';

/** Whether the broker keeps messages over a restart: until then its crash tests cannot pass. */
const isDurable = process.env['CRASH_TESTS'] === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: isDurable ? [] : ['test/crash/tiny/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
});
