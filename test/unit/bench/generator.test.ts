// The generator as a process against the null broker: it logs in, loads, counts, reports and ends.
// Test process; two children.
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { promisify } from 'node:util';
import type { IdleResult, LoadResult } from '../../../bench/load/result.ts';

const FOLDER = new URL('../../../bench/load/', import.meta.url);
let nullBroker: ChildProcess;
let url: string;

async function load(...args: string[]): Promise<string> {
  const main = new URL('main.ts', FOLDER).pathname;
  const times = ['--warmup', '0.1', '--duration', '0.2'];
  const { stdout } = await promisify(execFile)(process.execPath, [
    main,
    '--url',
    url,
    ...times,
    ...args,
  ]);
  return stdout;
}

beforeAll(async () => {
  nullBroker = fork(new URL('null-broker.ts', FOLDER), ['0'], { silent: true, execArgv: [] });
  const [line] = (await once(nullBroker.stdout!, 'data')) as [Buffer];
  url = line.toString().trim();
});

afterAll(async () => {
  if (nullBroker.exitCode === null && nullBroker.kill()) await once(nullBroker, 'exit');
});

describe('the load generator', () => {
  it('publishes and consumes at once and counts both', async () => {
    const withPassword = url.replace('//', '//guest:secret@');
    const text = await load('--json', '--url', withPassword);
    const result = JSON.parse(text) as LoadResult;
    expect(result.published).toBeGreaterThan(0);
    expect(result.delivered).toBeGreaterThan(0);
    expect(result.deliveredPerSecond).toBeCloseTo(result.delivered / result.seconds);
    expect(result.generatorCpuSeconds).toBeGreaterThan(0);
    expect(text).not.toContain('secret');
  });

  it('keeps to the rate of an open loop and reports its own lag', async () => {
    const args = ['--json', '--rate', '2000', '--publishers', '3', '--consumers', '0'];
    const result = JSON.parse(await load(...args)) as LoadResult;
    // Every slice of the window is sent, however late, so the count is exact to a slice's worth.
    expect(result.sendLagMicros!.count).toBeGreaterThanOrEqual(396);
    expect(result.sendLagMicros!.count).toBeLessThanOrEqual(404);
  });

  it('prints a table', async () => {
    expect(await load('--consumers', '0')).toMatch(/^\| published\/s +\| +[\d,]+ \|$/m);
  });

  it('opens idle connections', async () => {
    const result = JSON.parse(await load('--json', '--idle-connections', '40')) as IdleResult;
    expect(result.idleConnections).toBe(40);
  });

  it('fails with the reason when nobody listens', async () => {
    await expect(load('--url', 'amqp://127.0.0.1:1')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});
