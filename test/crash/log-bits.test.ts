// Test thread. One bit of a log's files is wrong, whichever: scanning never fails, never shows a record
// that was not written, misses at most the record that the bit belongs to (with what is packed in it),
// and says so. For every implementation. Usually some of the bytes; CRASH_BITS=all takes every one,
// as `npm run crash:bits` does.
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as log from '../../src/log/log.ts';
import { ack, bodyOf, checkpoint, everyKind, message, queue } from '../unit/log/samples.ts';
import {
  begunLog,
  type Entry,
  entriesOf,
  freshDirectory,
  type Implementation,
  implementations,
  TestLog,
} from '../unit/log/test-log.ts';

const ALL = process.env['CRASH_BITS'] === 'all';
/** A prime, so that every place within a record has its turn. */
const STEP = ALL ? 1 : 13;
const MARK_BYTES = 16;
const TARGET_BYTES = 64 * 1024;

/** Two segments of all kinds of records, one of them with packed messages, and two checkpoints. */
async function makeLog(kind: Implementation, directory: string): Promise<void> {
  const first = await begunLog(kind, { directory });
  const places = first.append([...everyKind(), ...message({ body: bodyOf(900, 4, true) })]);
  await first.untilSynced();
  await appendPacked(first, [places[0], places[1]], [5, 300]);
  await first.log.writeCheckpoint(checkpointOf(places[5]));
  await first.log.close();
  const second = await begunLog(kind, { directory });
  const later = second.append([
    ...message({ targets: [[3, 1]], body: bodyOf(50, 5) }),
    ack(3, 1, 1),
  ]);
  await second.untilSynced();
  second.append([...everyKind(), ...message({ targets: [[3, 2]], body: bodyOf(2000, 6) })]);
  await second.untilSynced();
  await second.log.writeCheckpoint(checkpointOf(later[1]));
  await second.log.close();
}

function checkpointOf(position: number): Uint8Array {
  const ranges = queue(1, 9, [[7, 2]], [[8, 1]]);
  return Buffer.concat([checkpoint(position, 1, false).bytes, ranges.bytes]);
}

/** Appends a BLOCK with copies of the messages at `positions`. */
async function appendPacked(
  written: TestLog,
  positions: readonly number[],
  bodyBytes: readonly number[],
): Promise<void> {
  const target = new Uint8Array(TARGET_BYTES);
  const usedBytes = new Int32Array(1);
  const overhead = message({})[0].dataBytes;
  await written.pack({
    count: positions.length,
    rows: Float64Array.from(
      positions.flatMap((position, index) => [position, -1, overhead + bodyBytes[index]]),
    ),
    target,
    results: new Int32Array(positions.length * log.PACKED_COLUMNS),
    usedBytes,
  });
  const bytes = target.slice(0, usedBytes[0]);
  written.append([{ bytes, kind: log.BLOCK, flags: 0, dataBytes: 0, extra: [] }]);
  await written.untilSynced();
}

interface Found {
  readonly entries: readonly string[];
  readonly offsets: readonly number[];
  readonly scan: log.Scan;
}

/** What a scan of one file finds, by a log that looks only. */
async function scanned(kind: Implementation, directory: string, name: string): Promise<Found> {
  const opened = new TestLog(kind, { directory, readOnly: true });
  const number = Number(name.slice(0, 16));
  const scan = name.endsWith('.seg')
    ? await opened.log.scan(number)
    : await opened.log.scanCheckpoint(number);
  await opened.log.close();
  const entries = entriesOf(scan);
  return {
    entries: entries.map((entry) => JSON.stringify(entry)),
    offsets: entries.map(({ offset }) => offset),
    scan,
  };
}

/** Where the record that the byte belongs to begins; -1 for headers and what lies behind the end. */
function recordAt(entries: readonly Entry[], offset: number): number {
  const found = entries.find(
    (entry) =>
      entry.inner < 0 && offset >= entry.offset && offset < entry.offset + entry.recordBytes,
  );
  // What is packed has the offset of its BLOCK.
  return found?.offset ?? -1;
}

/** A header tells where the segment before it ends, and whose log it is: the others do, too. */
async function expectUnchanged(
  kind: Implementation,
  directory: string,
  wholes: ReadonlyMap<string, Found>,
): Promise<void> {
  for (const [name, whole] of wholes) {
    const found = await scanned(kind, directory, name);
    expect(found.entries).toEqual(whole.entries);
    expect(found.scan.corrupt).toEqual([]);
  }
}

function flip(file: string, offset: number, byte: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Uint8Array.of(byte), 0, 1, offset);
  closeSync(descriptor);
}

describe.each(implementations)('%s', (kind) => {
  test('a wrong bit costs one record at most and is always seen', {
    timeout: 3_600_000,
  }, async () => {
    const directory = freshDirectory();
    await makeLog(kind, directory);
    const names = readdirSync(directory).filter((name) => /\.(?:seg|ckpt)$/u.test(name));
    expect(names.toSorted()).toHaveLength(4);
    const wholes = new Map<string, Found>();
    for (const name of names) wholes.set(name, await scanned(kind, directory, name));
    let flips = 0;
    for (const [name, whole] of wholes) {
      const file = path.join(directory, name);
      const bytes = readFileSync(file);
      const others = new Map([...wholes].filter(([other]) => other !== name));
      expect(whole.scan.corrupt).toEqual([]);
      expect(whole.entries.length).toBeGreaterThan(1);
      const entries = entriesOf(whole.scan);
      const end = Math.min(whole.scan.end + MARK_BYTES, statSync(file).size);
      for (let offset = 0; offset < end; offset += STEP) {
        flip(file, offset, bytes[offset] ^ (1 << ((offset * 5) % 8)));
        const found = await scanned(kind, directory, name);
        if (offset < log.SEGMENT_HEADER_BYTES) await expectUnchanged(kind, directory, others);
        flip(file, offset, bytes[offset]);
        const hit = recordAt(entries, offset);
        const left = whole.entries.filter((_, index) => whole.offsets[index] !== hit);
        const where = `${name}, byte ${offset}`;
        expect(found.entries, where).toEqual(left);
        const isSeen = found.scan.corrupt.length > 0 || found.scan.tornAt >= 0;
        // Behind the end of the records nothing can be wrong but the mark of the newest segment.
        if (offset < whole.scan.end) expect(isSeen, where).toBe(true);
        flips += 1;
      }
    }
    expect(flips).toBeGreaterThan(100 / STEP);
  });

  test('a log with a wrong bit is begun, and holds the same afterwards', async () => {
    const directory = freshDirectory();
    await makeLog(kind, directory);
    const name = '0000000000000002.seg';
    const file = path.join(directory, name);
    const whole = await scanned(kind, directory, name);
    const offset = whole.offsets[0] + 20;
    flip(file, offset, readFileSync(file)[offset] ^ 1);
    const damaged = await scanned(kind, directory, name);
    const next = await begunLog(kind, { directory });
    next.append([ack(1, 1, 1)]);
    await next.untilSynced();
    await next.log.close();
    const later = await scanned(kind, directory, name);
    expect(later.entries).toEqual(whole.entries.slice(1));
    expect(later.scan.corrupt).toEqual(damaged.scan.corrupt);
    expect(readdirSync(path.join(directory, 'quarantine'))).not.toEqual([]);
  });
});
