// Test thread. What is particular to the native log: its binding's care with memory, and its end
// when a worker is terminated in the midst of its work. What every log does is in the case table.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { missingAddonReason } from '../../../src/base/addon.ts';
import * as log from '../../../src/log/log.ts';
import { nativeLog } from '../../../src/log/native/native-log.ts';

const SEGMENT_BYTES = 1024 * 1024;
const PUBLISH_BYTES = 1064;

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'warrenmq-native-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

interface OpenLog {
  readonly log: log.Log;
  readonly progress: { written: number; synced: number };
  readonly failures: string[];
  readonly done: number[];
  /** Resolves when batches up to this number are synced. */
  synced(batch: number): Promise<void>;
}

function open(options: Partial<log.LogOptions> = {}): OpenLog {
  const progress = { written: 0, synced: 0 };
  const failures: string[] = [];
  const done: number[] = [];
  const waiting: { batch: number; resolve: () => void }[] = [];
  const callbacks: log.LogCallbacks = {
    onProgress(written, synced) {
      Object.assign(progress, { written, synced });
      for (const { batch, resolve } of waiting) if (batch <= synced) resolve();
    },
    onRead: (number) => done.push(number),
    onPacked: (number) => done.push(number),
    onSpace: () => undefined,
    onFailure: (reason) => failures.push(reason),
  };
  const defaults = { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 1, memories: [] };
  const opened = nativeLog({ ...defaults, ...options }, callbacks);
  if (opened === undefined) throw new Error(missingAddonReason());
  const synced = (batch: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (batch <= progress.synced) resolve();
    else waiting.push({ batch, resolve });
    return promise;
  };
  return { log: opened, progress, failures, done, synced };
}

/** PUBLISH records of 1064 bytes with one target each: queue 1, sequence numbers from `first` on. */
function publishes(count: number, first: number): Uint8Array {
  const bytes = new Uint8Array(count * PUBLISH_BYTES);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    const at = index * PUBLISH_BYTES;
    view.setUint32(at + 4, PUBLISH_BYTES, true);
    view.setUint8(at + 8, log.PUBLISH);
    view.setUint8(at + 9, log.PERSISTENT);
    view.setUint16(at + 10, 1, true);
    view.setUint32(at + 16, 4, true);
    view.setUint32(at + 24, 1020, true);
    view.setUint32(at + 32, 1, true);
    view.setUint32(at + 36, first + index, true);
    bytes.fill((first + index) & 0xff, at + 40, at + PUBLISH_BYTES);
  }
  return bytes;
}

function batchOf(number: number, bytes: Uint8Array, position: number, sync = true): log.LogBatch {
  return {
    number,
    bytes,
    parts: Float64Array.of(0, 0, bytes.length),
    partCount: 1,
    firstPosition: position,
    endPosition: position + bytes.length,
    sync,
  };
}

describe.skipIf(missingAddonReason() !== '')('the native log (skipped: needs cargo)', () => {
  test('keeps what it reported as synced', async () => {
    const first = open();
    expect(first.log.inventory()).toMatchObject({ storeId: '', segments: [], epoch: 0 });
    const position = await first.log.begin(0);
    expect(position).toBe(SEGMENT_BYTES + log.SEGMENT_HEADER_BYTES);
    const memory = publishes(3, 7);
    first.log.submit(batchOf(1, memory, position));
    await first.synced(1);
    await first.log.writeCheckpoint(new Uint8Array());
    await first.log.close();
    expect(first.log.stats()).toMatchObject({ batches: 1, bytesWritten: 3 * PUBLISH_BYTES });

    const second = open();
    expect(second.log.inventory()).toMatchObject({ segments: [1], checkpoints: [1], epoch: 1 });
    const scan = await second.log.scan(1);
    const end = log.SEGMENT_HEADER_BYTES + 3 * PUBLISH_BYTES;
    expect(scan).toMatchObject({ end, tornAt: -1, corrupt: [] });
    expect(scan.entries.length).toBe(3 * (log.ENTRY_WORDS + 2));
    const head = log.PUBLISH | (log.PERSISTENT << 8) | (1 << 16);
    expect([...scan.entries.slice(8, 16)]).toEqual([head, 1192, -1, 1024, PUBLISH_BYTES, 2, 1, 8]);
    expect(await second.log.begin(scan.end)).toBe(2 * SEGMENT_BYTES + log.SEGMENT_HEADER_BYTES);
    await expect(second.log.begin(scan.end)).rejects.toThrow('has begun already');
    await second.log.close();
  });

  test('reads into shared memory and refuses what lies outside', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4096));
    const opened = open({ memories: [shared] });
    const position = await opened.log.begin(0);
    opened.log.submit(batchOf(1, publishes(1, 7), position));
    const target = new Uint8Array(20);
    const read = {
      number: 1,
      count: 1,
      rows: Float64Array.of(position, -1, 1024, 0, 0, 1),
      parts: Float64Array.of(1, 100, 1020),
      target,
      status: Int32Array.of(9),
    };
    opened.log.read(read);
    await expect.poll(() => opened.done).toEqual([1]);
    expect(read.status[0]).toBe(log.STATUS_OK);
    expect([...target]).toEqual([1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 252, 3, 0, 0, 7, 7, 7, 7]);
    expect(shared.indexOf(7)).toBe(100);
    expect(shared.lastIndexOf(7)).toBe(1119);

    const outside = { ...read, number: 2, parts: Float64Array.of(1, 4000, 1020) };
    expect(() => opened.log.read(outside)).toThrow('do not lie within memory 1');
    const unknown = { ...batchOf(2, new Uint8Array(8), 0), parts: Float64Array.of(2, 0, 8) };
    expect(() => opened.log.submit(unknown)).toThrow('do not lie within memory 2');
    const fraction = { ...batchOf(2, new Uint8Array(8), 0), parts: Float64Array.of(0, 0.5, 8) };
    expect(() => opened.log.submit(fraction)).toThrow('whole number');
    expect(() => opened.log.submit({ ...unknown, partCount: 2 })).toThrow('too short');
    await opened.log.close();
  });

  test('stops at a batch that lies elsewhere than its sender thinks', async () => {
    const opened = open();
    const position = await opened.log.begin(0);
    opened.log.submit(batchOf(1, publishes(1, 1), position + 8));
    await expect.poll(() => opened.failures).toHaveLength(1);
    expect(opened.failures[0]).toMatch(/first record lies/u);
    opened.log.submit(batchOf(2, publishes(1, 1), position));
    await opened.log.close();
    expect(opened.failures).toHaveLength(1);
    expect(opened.progress).toEqual({ written: 0, synced: 0 });
  });

  test('uses the file of a recycled segment again', async () => {
    const opened = open();
    let position = await opened.log.begin(0);
    for (let number = 1; number <= 4; number++) {
      const bytes = publishes(900, number * 900);
      if ((position % SEGMENT_BYTES) + bytes.length > SEGMENT_BYTES) {
        const rest = Math.floor((SEGMENT_BYTES - (position % SEGMENT_BYTES)) / PUBLISH_BYTES);
        const next = (Math.floor(position / SEGMENT_BYTES) + 1) * SEGMENT_BYTES + 128;
        const endPosition = next + (900 - rest) * PUBLISH_BYTES;
        opened.log.submit({ ...batchOf(number, bytes, position), endPosition });
        position = endPosition;
      } else {
        opened.log.submit(batchOf(number, bytes, position));
        position += bytes.length;
      }
    }
    await opened.synced(4);
    opened.log.recycle(1);
    opened.log.recycle(2);
    await opened.log.close();
    expect(opened.failures).toEqual([]);
    const names = readdirSync(directory).toSorted();
    expect(names.filter((name) => name.endsWith('.seg'))).toEqual([
      '0000000000000003.seg',
      '0000000000000004.seg',
    ]);
    expect(names.some((name) => name.endsWith('.spare'))).toBe(true);
  });

  test('ends with its worker, whatever it is doing', async () => {
    for (let round = 0; round < 20; round++) {
      const folder = path.join(directory, `${round}`);
      const worker = new Worker(new URL('./native-worker.ts', import.meta.url), {
        workerData: { directory: folder },
      });
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      worker.once('message', resolve).once('error', reject);
      await promise;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, round % 7);
      await worker.terminate();
      const reopened = open({ directory: folder });
      const inventory = reopened.log.inventory();
      expect(inventory.segments.length).toBeGreaterThan(0);
      await reopened.log.close();
    }
  });
});
