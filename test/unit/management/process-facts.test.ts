// Facts about this process: real ones, so only their nature is tested.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openFilesMaxFrom, processFacts } from '../../../src/management/process-facts.ts';

it('knows memory everywhere, and files where there is a /proc', async () => {
  const facts = await processFacts();
  expect(facts.residentBytes).toBeGreaterThan(1024 * 1024);
  const isLinux = existsSync('/proc/self/fd');
  expect(typeof facts.openFiles).toBe(isLinux ? 'number' : 'undefined');
});

it('reads the soft limit of open files', () => {
  const limits =
    'Max processes  63 63 processes\nMax open files            1024     524288   files\n';
  expect(openFilesMaxFrom(limits)).toBe(1024);
  expect(openFilesMaxFrom('Max open files    unlimited  unlimited  files\n')).toBeUndefined();
});
