// What is appended is found again: all kinds of records, rolls at segment ends, long messages,
// progress, reopening, recycling. Every implementation passes the same cases.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTINUED, PIECE_BYTES, PUBLISH } from '../../../src/log/log.ts';
import { ack, bodyOf, everyKind, filler, message, type Sample } from './samples.ts';
import {
  begunLog,
  expected,
  freshDirectory,
  implementations,
  lookAt,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

describe.each(implementations)('%s', (kind) => {
  test('an empty directory has no log, and looking at it makes none', async () => {
    const directory = freshDirectory();
    const opened = new TestLog(kind, { directory, readOnly: true });
    expect(opened.log.kind).toBe(kind);
    expect(opened.log.inventory()).toMatchObject({
      storeId: '',
      segmentBytes: SEGMENT_BYTES,
      segments: [],
      checkpoints: [],
      epoch: 0,
    });
    await opened.log.close();
    expect(existsSync(directory)).toBe(false);
  });

  test('a log to look at cannot be begun', async () => {
    const directory = freshDirectory();
    const opened = new TestLog(kind, { directory, readOnly: true });
    await expect(opened.begin()).rejects.toThrow('look');
    await opened.log.close();
    expect(existsSync(directory)).toBe(false);
  });

  test.each([0, 3000, 1024 * 1024 * 3, 512 * 1024, 512 * 1024 * 1024])(
    'segments of %d bytes are refused',
    async (segmentBytes) => {
      const opened = new TestLog(kind, { directory: freshDirectory(), segmentBytes });
      await expect(opened.begin()).rejects.toThrow('segmentBytes');
      await opened.log.close();
    },
  );

  test('a new log begins at segment 1', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory, spareSegments: 2 });
    expect(opened.end).toBe(SEGMENT_BYTES + 128);
    await opened.log.close();
    const looking = new TestLog(kind, { directory, readOnly: true });
    const inventory = looking.log.inventory();
    expect(inventory).toMatchObject({ segments: [1], checkpoints: [], epoch: 1 });
    expect(inventory.storeId).toMatch(/^[0-9a-f]{32}$/u);
    expect(await looking.recover()).toMatchObject({ entries: [], end: 128, tornAt: -1 });
    await looking.log.close();
  });

  test('records of all kinds come back, from all parts of a batch', async () => {
    const directory = freshDirectory();
    const memory = new Uint8Array(new SharedArrayBuffer(4096));
    const other = new Uint8Array(new SharedArrayBuffer(4096)).subarray(3);
    const opened = await begunLog(kind, { directory, memories: [memory, other] });
    const samples = everyKind();
    const stream = Buffer.concat(samples.map(({ bytes }) => bytes));
    // Cut everywhere, in the middle of headers too, and spread over three memories.
    const own = Buffer.alloc(stream.byteLength + 100);
    const memories = [own, memory, other];
    const parts: number[] = [];
    for (let at = 0, part = 0; at < stream.byteLength; part += 1) {
      const bytes = Math.min(1 + ((part * 7) % 61), stream.byteLength - at);
      memories[part % 3].set(stream.subarray(at, at + bytes), at + (part % 3));
      parts.push(part % 3, at + (part % 3), bytes, 0, 0, 0);
      at += bytes;
    }
    const gathered = { bytes: own, parts: Float64Array.from(parts), partCount: parts.length / 3 };
    const places = opened.appendParts(samples, gathered, true);
    await opened.untilSynced();
    await opened.log.close();
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places));
    expect(found).toMatchObject({ tornAt: -1, corrupt: [], end: opened.end % SEGMENT_BYTES });
  });

  test.each([
    ['that it fills to the last byte', 0],
    ['with 8 bytes to spare', 8],
    ['with 16 bytes to spare', 16],
    ['with 1000 bytes to spare', 1000],
  ])('records roll over the end of a segment %s', async (_what, spare) => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    const half = (SEGMENT_BYTES - 128) / 2;
    const samples = [filler(half), filler(half - spare), filler(2048), ack(1, 2, 3)];
    const places = opened.append(samples);
    expect(places[2]).toBe(2 * SEGMENT_BYTES + 128);
    await opened.untilSynced();
    await opened.log.close();
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places));
    expect(found.corrupt).toEqual([]);
    expect(found.scans.get(1)).toMatchObject({ end: SEGMENT_BYTES - spare, tornAt: -1 });
  });

  test('the largest record takes a whole segment; a larger one is a failure', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    const samples = [ack(1, 1, 1), filler(SEGMENT_BYTES - 128), ack(2, 2, 2)];
    const places = opened.append(samples);
    await opened.untilSynced();
    expect(opened.failures).toEqual([]);
    opened.append([filler(SEGMENT_BYTES - 120)]);
    await opened.untilSynced();
    expect(opened.failures).toHaveLength(1);
    await opened.log.close();
    expect((await lookAt(kind, directory)).entries).toEqual(expected(samples, places));
  });

  test('a long message continues across segments', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    const samples = [
      ...message({ body: bodyOf(500_000, 1) }),
      ...message({ body: bodyOf(PIECE_BYTES * 9, 2, true) }),
      ...message({ body: bodyOf(10, 3) }),
    ];
    expect(samples[0].flags & CONTINUED).toBe(CONTINUED);
    const places = opened.append(samples);
    await opened.untilSynced();
    await opened.log.close();
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places));
    expect(found.scans.size).toBeGreaterThan(2);
    expect(found.entries.filter((entry) => entry.kind === PUBLISH)).toHaveLength(3);
  });

  test('progress counts batches, and is synced soon when nobody asks', async () => {
    const opened = await begunLog(kind, { directory: freshDirectory() });
    for (let batch = 0; batch < 50; batch += 1) opened.append(everyKind(), batch % 7 === 6);
    expect(opened.progress).toEqual([]);
    await opened.untilSynced();
    expect(opened.progress.at(-1)).toEqual([50, 50]);
    for (const [index, [written, synced]] of opened.progress.entries()) {
      const [writtenBefore, syncedBefore] = opened.progress[index - 1] ?? [0, 0];
      expect(written).toBeGreaterThanOrEqual(writtenBefore);
      expect(synced).toBeGreaterThanOrEqual(syncedBefore);
      expect(synced).toBeLessThanOrEqual(written);
    }
    const stats = opened.log.stats();
    expect(stats.batches).toBe(50);
    // Batches of one turn share their syncs.
    expect(stats.syncs).toBeLessThan(10);
    await opened.log.close();
  });

  test('closing writes and syncs what was submitted', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    const samples = everyKind();
    const places = opened.append(samples, false);
    await opened.log.close();
    expect(opened.progress.at(-1)).toEqual([1, 1]);
    expect((await lookAt(kind, directory)).entries).toEqual(expected(samples, places));
  });

  test('every opening begins a segment and counts as an epoch', async () => {
    const directory = freshDirectory();
    let storeId = '';
    const samples: Sample[] = [];
    const places: number[] = [];
    for (let epoch = 1; epoch <= 4; epoch += 1) {
      const opened = await begunLog(kind, { directory, segmentBytes: SEGMENT_BYTES });
      expect(opened.end).toBe(epoch * SEGMENT_BYTES + 128);
      const added = message({ targets: [[epoch, 1]], body: bodyOf(epoch * 100, epoch) });
      places.push(...opened.append(added));
      samples.push(...added);
      await opened.log.close();
      const looking = new TestLog(kind, { directory, readOnly: true, segmentBytes: 2 ** 22 });
      const inventory = looking.log.inventory();
      expect(inventory).toMatchObject({ epoch, segmentBytes: SEGMENT_BYTES });
      if (epoch > 1) expect(inventory.storeId).toBe(storeId);
      storeId = inventory.storeId;
      await looking.log.close();
    }
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places));
    expect(found.corrupt).toEqual([]);
  });

  test('a recycled segment comes back as another one, and its old records do not', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    const places: number[] = [];
    const samples: Sample[] = [];
    for (let round = 0; round < 6; round += 1) {
      const added = [filler(SEGMENT_BYTES / 2), ...everyKind(), filler(SEGMENT_BYTES / 4)];
      places.push(...opened.append(added));
      samples.push(...added);
      await opened.untilSynced();
      if (round > 0) opened.log.recycle(round);
    }
    await opened.log.close();
    const names = readdirSync(directory).filter((name) => name.endsWith('.seg'));
    expect(names).toEqual(['0000000000000006.seg']);
    const left = expected(samples, places).filter(({ segment }) => segment === 6);
    expect(left.length).toBeGreaterThan(3);
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(left);
    expect(found).toMatchObject({ tornAt: -1, corrupt: [] });
    // The file held other records before: behind the end mark there may be some still.
    const file = readFileSync(path.join(directory, names[0]));
    expect(file.subarray(found.end, found.end + 16)).toEqual(Buffer.alloc(16));
  });

  test('segments recycled before the log is begun are used', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    opened.append(everyKind());
    await opened.log.close();
    const again = new TestLog(kind, { directory });
    const { end } = await again.recover();
    again.log.recycle(1);
    await again.begin(end);
    expect(again.end).toBe(2 * SEGMENT_BYTES + 128);
    await again.log.close();
    expect((await lookAt(kind, directory)).entries).toEqual([]);
    expect(readdirSync(directory)).not.toContain('0000000000000001.seg');
  });

  test.each([
    ['begins elsewhere', 8, 0],
    ['ends elsewhere', 0, 8],
  ])('a batch that %s than its user thinks is a failure', async (_what, first, end) => {
    const opened = await begunLog(kind, { directory: freshDirectory() });
    const { bytes } = ack(1, 2, 3);
    opened.log.submit({
      number: 1,
      bytes,
      parts: Float64Array.of(0, 0, bytes.byteLength),
      partCount: 1,
      firstPosition: opened.end + first,
      endPosition: opened.end + bytes.byteLength + end,
      sync: true,
    });
    await opened.until(() => opened.failures.length > 0);
    opened.append([ack(1, 2, 3)]);
    await opened.log.close();
    expect(opened.progress).toEqual([]);
    expect(opened.failures).toHaveLength(1);
  });
});
