// The generator's further modes as a process against a broker: each runs for a blink and does what
// it says. Test process; a broker and one child per test.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ChurnResult, ConnectResult, LoadResult } from '../../../bench/load/result.ts';
import { useBroker } from '../../support/broker.ts';

const MAIN = new URL('../../../bench/load/main.ts', import.meta.url).pathname;
const broker = useBroker();

function argumentsOf(text: string): string[] {
  return ['--url', broker.url, '--json', '--warmup', '0.05', ...text.split(' ')];
}

async function load<Result>(text: string): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...argumentsOf(text)]);
  return JSON.parse(stdout) as Result;
}

describe('--connect-rate', () => {
  it('opens, holds and closes connections by the clock', async () => {
    const result = await load<ConnectResult>('--connect-rate 40 --hold 0.01 --duration 1');
    expect(result.attempted).toBeGreaterThanOrEqual(38);
    expect(result.attempted).toBeLessThanOrEqual(42);
    expect(result.opened).toBeGreaterThan(0);
    expect(result.failures).toEqual({});
    // Whatever was due in the window was opened in the end.
    expect(result.handshakeMicros.count).toBe(result.attempted);
  });

  it('fails with the reason when nobody may log in', async () => {
    const url = broker.url.replace('guest:guest', 'guest:wrong');
    const args = [MAIN, ...argumentsOf('--connect-rate 10'), '--url', url];
    await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ACCESS_REFUSED') as string,
    });
  });
});

describe('--churn', () => {
  it('does every kind of operation and leaves no queue behind', async () => {
    const result = await load<ChurnResult>('--churn --duration 0.3');
    expect(Object.keys(result.operations)).toHaveLength(6);
    for (const [kind, { count }] of Object.entries(result.operations)) {
      expect(count, kind).toBeGreaterThan(0);
    }
    expect(result.failures).toEqual({});
    const channel = await broker.channel();
    const passive = { queue: 'warren-bench-churn-publish-0', passive: true };
    expect(await channel.refused('queue.declare', passive)).toMatchObject({ code: 404 });
  });
});

describe('--stuck-consumers', () => {
  it('measures the others and says how the stuck ones stand', async () => {
    const result = await load<LoadResult>('--rate 1000 --stuck-consumers 2 --duration 0.2');
    expect(result.undelivered).toBe(0);
    expect(result.latencyMicros!.count).toBeGreaterThan(0);
    expect(result.stuck).toMatchObject({ consumers: 2, consumersLeft: 2 });
    expect(result.stuck!.publishedBytes).toBeGreaterThan(0);
    expect(result.stuck!.publishedBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
  });
});

describe('--pipeline-stages', () => {
  const small = '--pipeline-stages 3 --prefetch 5 --max-backlog 20 --duration 0.2';

  it.each([
    ['bodies of several frames', '--size 300000 --workers 2'],
    ['confirmed persistent bodies', '--size 5000 --confirm-window 10 --persistent --durable'],
    ['small bodies from and to several', '--size 16 --publishers 2 --consumers 2'],
  ])('brings every message through: %s', async (_name, more) => {
    const { pipeline, delivered, deliveredBytes, ...rest } = await load<LoadResult>(
      `${small} ${more}`,
    );
    expect(pipeline).toMatchObject({ correct: true, stages: 3, corrupt: 0, lost: 0 });
    expect(pipeline!.sent).toBeGreaterThanOrEqual(delivered);
    expect(delivered).toBeGreaterThan(0);
    const bodies = deliveredBytes / rest.options.size;
    // A body that is cut by the window's edges counts in part.
    expect(Math.abs(bodies - delivered)).toBeLessThan(3);
  });

  it('fails when a body comes out that nobody put in', async () => {
    const args = argumentsOf(`${small} --size 1000`);
    const child = fork(MAIN, args, { silent: true, execArgv: [] });
    let output = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const closed = once(child, 'close');
    await once(child, 'message');
    const channel = await broker.channel();
    channel.publish({ routingKey: 'warren-bench-2' }, Buffer.alloc(1000, 'x'));
    expect((await closed)[0]).toBe(1);
    const { pipeline } = JSON.parse(output) as LoadResult;
    expect(pipeline).toMatchObject({ correct: false, corrupt: 1, duplicated: 0, lost: 0 });
  });
});
