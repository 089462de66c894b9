// What a log is to the process it is in: it keeps the process alive until what was submitted is
// synced, and when it is closed nothing of it is left. Every implementation, in a process of its own.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { freshDirectory, implementations } from './test-log.ts';

const CYCLES = fileURLToPath(new URL('./log-cycles.ts', import.meta.url));
const WAITING = fileURLToPath(new URL('./log-waiting.ts', import.meta.url));

describe.skipIf(!existsSync('/proc/self/task'))('where /proc tells of threads', () => {
  test.each(implementations)('a closed log leaves nothing behind: %s', async (kind) => {
    const args = ['--expose-gc', CYCLES, kind, freshDirectory()];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ isMore: false });
  });
});

test('a batch that waits for space keeps the process alive, a missing spare does not', async () => {
  const args = [WAITING, freshDirectory()];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual({ atRest: false, waiting: true });
});
