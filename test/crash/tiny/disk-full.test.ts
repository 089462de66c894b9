// Test thread. Two cycles of a full disk: the short form of `npm run crash:disk-full`, as a process,
// because the small disk is mounted in a namespace of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ROOT } from '../broker-process.ts';
import { canMount } from '../disk-full.ts';
import { TINY_MILLIS_MAX } from './run-directory.ts';

test.skipIf(!canMount())(
  'a full disk blocks publishers until it is emptied',
  {
    timeout: TINY_MILLIS_MAX,
  },
  async () => {
    const env = { ...process.env, CRASH_CYCLES: '2' };
    const args = ['test/crash/main.ts', 'disk-full'];
    const child = spawn(process.execPath, args, { cwd: ROOT, env });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const [code] = await once(child, 'close');
    expect(output).toContain('cycle 2: blocked after');
    expect(code, output).toBe(0);
  },
);
