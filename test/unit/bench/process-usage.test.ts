// Reading /proc: odd process names, a real process tree. Test process; the tree needs Linux.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  parseRssBytes,
  parseStat,
  readMachineCpuSeconds,
  readUsage,
} from '../../../bench/rivals/process-usage.ts';

describe('parseStat', () => {
  it('counts fields after the last bracket of the name', () => {
    const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 11 0 100 5 6';
    expect(parseStat(line)).toEqual({ parent: 7, cpuSeconds: 2 });
  });
});

describe('parseRssBytes', () => {
  it('reads kibibytes, and nothing from a zombie', () => {
    expect(parseRssBytes('Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n')).toBe(2048 * 1024);
    expect(parseRssBytes('Name:\tx\n')).toBe(0);
  });
});

describe.runIf(existsSync('/proc/self/stat'))('readUsage', () => {
  it('sums processor time over children and takes the memory of the largest', async () => {
    // The shell does nothing itself: what is counted must be the work of the Node below it.
    const script =
      'const e = process.cpuUsage().user + 300000;' +
      'while (process.cpuUsage().user < e); console.log("done"); setInterval(() => {}, 1000)';
    const child = spawn('sh', ['-c', '"$0" -e "$1"; true', process.execPath, script]);
    try {
      await once(child.stdout, 'data');
      const usage = readUsage(child.pid!);
      expect(usage.cpuSeconds).toBeGreaterThanOrEqual(0.25);
      expect(usage.rssBytes).toBeGreaterThan(20 * 1024 * 1024);
      expect(readMachineCpuSeconds()).toBeGreaterThanOrEqual(usage.cpuSeconds);
    } finally {
      child.stdout.destroy();
      const [inner] = await childrenOf(child.pid!);
      if (inner !== undefined) process.kill(inner);
      await once(child, 'exit');
    }
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const list = spawn('ps', ['-o', 'pid=', '--ppid', String(pid)]);
  let output = '';
  list.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(list, 'close');
  return output.trim().split(/\s+/).map(Number);
}
