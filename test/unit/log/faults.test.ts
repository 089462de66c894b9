// Faults of the disk, made by LogOptions.faults: a sync that fails, a disk that is full, and a power
// cut. Every implementation passes the same cases.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PUBLISH } from '../../../src/log/log.ts';
import { ack, bodyOf, message } from './samples.ts';
import {
  begunLog,
  freshDirectory,
  implementations,
  lookAt,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

const CHILD = fileURLToPath(new URL('./power-cut-writer.ts', import.meta.url));

describe.each(implementations)('%s', (kind) => {
  test('unknown faults are refused', async () => {
    await expect(begunLog(kind, { directory: freshDirectory(), faults: 'x:1' })).rejects.toThrow(
      'fault',
    );
  });

  test('after a sync that failed nothing is reported or written any more', async () => {
    let failures = 0;
    for (let failing = 1; failing <= 8; failing += 1) {
      const directory = freshDirectory();
      const faults = `sync-error:${failing}`;
      const opened = new TestLog(kind, { directory, faults });
      try {
        await opened.begin();
      } catch (error) {
        expect((error as Error).message).toContain('EIO');
        await opened.log.close();
        continue;
      }
      for (let batch = 0; batch < 12 && opened.failures.length === 0; batch += 1) {
        opened.append(message({ targets: [[1, batch]] }));
        await opened.untilSynced();
      }
      expect(opened.failures).toEqual([expect.stringContaining('EIO')]);
      failures += 1;
      opened.append([ack(1, 1, 1)]);
      await opened.log.close();
      expect(opened.progress).toHaveLength(opened.callsBeforeFailure);
      expect(opened.failures).toHaveLength(1);
      const found = await lookAt(kind, directory);
      const messages = found.entries.filter((entry) => entry.kind === PUBLISH);
      expect(messages.length).toBeGreaterThanOrEqual(opened.synced);
    }
    expect(failures).toBeGreaterThan(2);
  });

  test('a full disk is told of, stops nothing for good, and is over when space is there', async () => {
    const directory = freshDirectory();
    const faults = `write-full:${SEGMENT_BYTES * 4}`;
    const opened = await begunLog(kind, { directory, faults, spareSegments: 2 });
    // 300 KiB each: three go into a segment.
    let fill = 0;
    const appendOne = () => {
      fill += 1;
      opened.append(message({ targets: [[1, fill]], body: bodyOf(200_000, fill) }));
    };
    while (opened.space.length === 0) {
      appendOne();
      await opened.until(() => opened.synced === opened.batches || opened.space.length > 0);
      expect(fill).toBeLessThan(20);
    }
    expect(opened.space).toEqual([true]);
    // What there is room for still goes in, and then they wait.
    const before = fill;
    for (let more = 0; more < 15; more += 1) appendOne();
    await opened.until(() => opened.written > before || opened.synced >= before);
    opened.log.recycle(1);
    opened.log.recycle(2);
    opened.log.recycle(3);
    await opened.until(() => opened.synced === opened.batches || opened.failures.length > 0);
    expect(opened.failures).toEqual([]);
    opened.log.recycle(4);
    await opened.until(() => opened.space.length > 1);
    expect(opened.space.slice(0, 2)).toEqual([true, false]);
    await opened.log.close();
    const found = await lookAt(kind, directory);
    expect(found.corrupt).toEqual([]);
    const sequences = found.entries.map((entry) => entry.extra[1]);
    expect(sequences.at(-1)).toBe(fill);
  });

  test('a full disk fails a log that is closed while it waits', async () => {
    const directory = freshDirectory();
    const faults = `write-full:${SEGMENT_BYTES}`;
    const opened = await begunLog(kind, { directory, faults });
    await opened.until(() => opened.space.length > 0);
    for (let at = 0; at < 8; at += 1) {
      opened.append(message({ targets: [[1, at]], body: bodyOf(200_000, at) }));
    }
    await opened.log.close();
    expect(opened.failures).toEqual([expect.stringContaining('space')]);
    const found = await lookAt(kind, directory);
    expect(found.entries.length).toBeGreaterThanOrEqual(opened.synced);
    await expect(begunLog(kind, { directory, faults })).rejects.toThrow('space');
  });

  test('a power cut loses what was not synced, and nothing that was', async () => {
    const directory = freshDirectory();
    const safe: number[] = [];
    let submitted = 0;
    let lost = 0;
    for (let seed = 1; seed <= 4; seed += 1) {
      const args = [CHILD, kind, directory, String(seed), String(submitted)];
      const { stdout, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
      const told = lastNumber(stdout, 'synced');
      for (let sequence = submitted + 1; sequence <= told; sequence += 1) safe.push(sequence);
      submitted = lastNumber(stdout, 'submitted');
      const found = await lookAt(kind, directory);
      const left = new Set(found.entries.map((entry) => entry.extra[1]));
      expect(safe.filter((sequence) => !left.has(sequence))).toEqual([]);
      expect(Math.max(...left)).toBeLessThanOrEqual(submitted);
      for (let sequence = told + 1; sequence <= submitted; sequence += 1) {
        if (left.has(sequence)) safe.push(sequence);
        else lost += 1;
      }
    }
    expect(safe.length).toBeGreaterThan(4000);
    expect(lost).toBeGreaterThan(0);
  });
});

/** The number in the last line of an output that begins so. */
function lastNumber(output: string, word: string): number {
  const lines = output.split('\n').filter((line) => line.startsWith(`${word} `));
  return Number(lines.at(-1)!.slice(word.length));
}
