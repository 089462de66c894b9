// Too few file descriptors are named before anything is opened. Test process; one child.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseOpenFilesMax } from '../../../bench/load/file-limit.ts';

const MAIN = new URL('../../../bench/load/main.ts', import.meta.url).pathname;

describe('parseOpenFilesMax', () => {
  it('takes the soft limit, and knows no limit as one', () => {
    const line =
      'Max processes  5  5  processes\nMax open files            1024     4096    files\n';
    expect(parseOpenFilesMax(line)).toBe(1024);
    expect(parseOpenFilesMax('Max open files     unlimited    unlimited   files\n')).toBe(Infinity);
    expect(parseOpenFilesMax('')).toBe(Infinity);
  });
});

describe('the load generator', () => {
  it('says which limit is too low for so many connections', async () => {
    // The hard limit as well: Node raises the soft one to it by itself.
    const args = ['-c', 'ulimit -n 200 && exec "$0" "$@"', process.execPath, MAIN];
    args.push('--url', 'amqp://127.0.0.1:1', '--idle-connections', '1000');
    await expect(promisify(execFile)('sh', args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'need 1064 file descriptors, but this process may open only 200: raise the limit',
      ) as string,
    });
  });
});
