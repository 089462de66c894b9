// The raw relay passes every byte on, in order, also when its consumer is slow; and the command
// that measures it. Test process; children for the command.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COPY_SIZES } from '../../../bench/ceilings/copies.ts';
import type { DiskResult } from '../../../bench/ceilings/disk.ts';
import type { CeilingResult } from '../../../bench/ceilings/raw-load.ts';
import { startRelay } from '../../../bench/rivals/raw-relay.ts';

describe('the raw relay', () => {
  it('keeps every byte and their order with few small buffers and a slow consumer', async () => {
    const relay = await startRelay(['--buffer-bytes', '1000', '--buffers', '2']);
    try {
      const { port, pathname } = new URL(relay.url);
      const consumer = connect(Number(pathname.slice(1)), '127.0.0.1');
      const producer = connect(Number(port), '127.0.0.1');
      const bytes = randomBytes(3_000_000);
      const hash = createHash('sha256');
      let received = 0;
      const all = Promise.withResolvers<void>();
      consumer.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        received += chunk.length;
        if (received === bytes.length) all.resolve();
      });
      consumer.pause();
      producer.write(bytes);
      await sleep(20);
      consumer.resume();
      await all.promise;
      expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
      // The end of one side is the end of the other.
      producer.destroy();
      await once(consumer, 'close');
    } finally {
      await relay.stop();
    }
  });
});

describe('bench/ceilings/main.ts', () => {
  const main = new URL('../../../bench/ceilings/main.ts', import.meta.url).pathname;
  const run = promisify(execFile);

  it('measures the relay and the copies', async () => {
    const args = '--sizes 16384,300000 --repeats 1 --warmup 0.05 --duration 0.1 --json'.split(' ');
    const { stdout } = await run(process.execPath, [main, ...args]);
    const { turns, copies } = JSON.parse(stdout) as { turns: CeilingResult[]; copies: object[] };
    expect(turns.map(({ ceilingSize }) => ceilingSize)).toEqual([16_384, 300_000]);
    for (const { bytes, seconds, bytesPerSecond } of turns) {
      expect(bytes).toBeGreaterThan(0);
      expect(bytesPerSecond).toBeCloseTo(bytes / seconds);
    }
    expect(copies).toHaveLength(3 * COPY_SIZES.length);
  });

  it('measures the disk alone', async () => {
    const { stdout } = await run(process.execPath, [main, 'disk', '--duration', '0.1']);
    const { bytesPerSecond, syncMicros } = JSON.parse(stdout) as DiskResult;
    expect(bytesPerSecond).toBeGreaterThan(0);
    expect(syncMicros).toBeGreaterThan(0);
  });

  it('refuses a relay with a single buffer', async () => {
    await expect(run(process.execPath, [main, '--buffers', '1'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('2 or more') as string,
    });
  });
});
