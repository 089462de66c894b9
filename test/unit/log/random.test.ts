// Random records and random damage: whatever happens to a log, what is found in it was put into it,
// and no more is lost than was hit. Every implementation passes the same cases.
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packAll, type Place, readInline } from './reading.ts';
import { ack, bodyOf, change, count, message, packed, type Sample, streamOf } from './samples.ts';
import {
  begunLog,
  entriesOf,
  type Entry,
  expected,
  freshDirectory,
  implementations,
  type Implementation,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

const FIRST = '0000000000000001.seg';

const anySequence = fc.tuple(fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1));
const anyMessage = fc
  .record({
    targets: fc.array(anySequence, { maxLength: 5 }),
    exrk: fc.uint8Array({ maxLength: 40 }),
    props: fc.uint8Array({ maxLength: 40 }),
    body: fc.uint8Array({ maxLength: 400 }),
    flags: fc.constantFrom(1, 2, 3),
  })
  .map((spec) => message(spec));
const anyRecord = fc.oneof(
  { weight: 4, arbitrary: anyMessage },
  fc.nat(1000).map((seed) => message({ body: bodyOf(seed * 300, seed) })),
  fc
    .array(fc.nat(2 ** 32 - 1), { minLength: 1, maxLength: 3 })
    .map(([a, b = 1, c = 1]) => [ack(a, b, c)]),
  fc.nat(99).map((n) => [count(1, 2, n, 4, 5, n)]),
  fc.json().map((json) => [change(0, { json })]),
);
/** Batches of records, each with or without a sync. */
const anyHistory = fc.array(fc.tuple(fc.array(anyRecord, { maxLength: 6 }), fc.boolean()), {
  minLength: 1,
  maxLength: 12,
});

interface Hit {
  readonly offset: number;
  readonly bit: number;
}

/** Turns over one bit, and back when called again. */
function flip(file: string, whole: Buffer, { offset, bit }: Hit): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.of(whole[offset] ^ (1 << bit)), 0, 1, offset);
  closeSync(descriptor);
}

function restore(file: string, whole: Buffer, offset: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, whole, offset, 1, offset);
  closeSync(descriptor);
}

/** A log whose first segment holds a few records and a BLOCK, cut short behind them. */
async function smallLog(kind: Implementation): Promise<{
  directory: string;
  samples: Sample[];
  places: number[];
  messages: { place: Place; stream: Buffer }[];
}> {
  const directory = freshDirectory();
  const opened = await begunLog(kind, { directory });
  const specs = [1, 2, 3].map((n) => ({ targets: [[n, n]] as const, body: bodyOf(n * 9, n) }));
  const plain = specs.map((spec) => message(spec)[0]);
  const plainPlaces = opened.append(plain);
  await opened.untilSynced();
  const rows = specs.map((spec, at) => {
    return { position: plainPlaces[at], inner: -1, dataBytes: streamOf(spec).byteLength };
  });
  const { records, results } = await packAll(opened, rows, 4096);
  const rest = [packed(records[0]), ack(1, 1, 1)];
  const restPlaces = opened.append(rest);
  await opened.log.close();
  const again = await begunLog(kind, { directory });
  await again.log.close();
  truncateSync(path.join(directory, FIRST), (opened.end % SEGMENT_BYTES) + 16);
  return {
    directory,
    samples: [...plain, ...rest],
    places: [...plainPlaces, ...restPlaces],
    messages: specs.flatMap((spec, at) => {
      const stream = streamOf(spec);
      const inner = { ...rows[at], position: restPlaces[0], inner: results[at][2] };
      return [
        { place: rows[at], stream },
        { place: inner, stream },
      ];
    }),
  };
}

function damaged(whole: Buffer, end: number, cut: number, flips: readonly Hit[]): Buffer {
  const wreck = Buffer.from(whole);
  for (const { offset, bit } of flips) wreck[128 + (offset % (end - 128))] ^= 1 << bit;
  return wreck.subarray(0, 128 + (cut % (end - 64)));
}

describe.each(implementations)('%s', (kind) => {
  test('every single bit of a small log loses one record at most, and makes no wrong one', async () => {
    const { directory, samples, places, messages } = await smallLog(kind);
    const file = path.join(directory, FIRST);
    const whole = readFileSync(file);
    const end = places.at(-1)! + samples.at(-1)!.bytes.byteLength - SEGMENT_BYTES;
    const offsets = places.map((place) => place % SEGMENT_BYTES);
    const intact = await scanOf(kind, directory);
    expect(intact.corrupt).toEqual([]);
    expect(intact.entries).toHaveLength(samples.length + 3);
    const wrong: string[] = [];
    for (let offset = 0; offset < end; offset += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        flip(file, whole, { offset, bit });
        const opened = new TestLog(kind, { directory, readOnly: true });
        const { entries, corrupt } = await scanIn(opened);
        const hit = offsets.findLast((at) => at <= offset) ?? 0;
        const left = intact.entries.filter((entry) => hit < 128 || entry.offset !== hit);
        const isRight = sameEntries(entries, left) && corrupt.length === 2;
        if (!isRight) wrong.push(`bit ${bit} at ${offset}: ${entries.length} entries, ${corrupt}`);
        if (bit === offset % 8) {
          const read = await readInline(
            opened,
            messages.map(({ place }) => place),
          );
          const isReadRight = messages.every(({ place, stream }, row) => {
            const isHit = hit >= 128 && place.position % SEGMENT_BYTES === hit;
            return isHit ? read[row] === undefined : read[row]?.stream.equals(stream) === true;
          });
          if (!isReadRight) wrong.push(`bit ${bit} at ${offset}: read`);
        }
        await opened.log.close();
      }
      restore(file, whole, offset);
    }
    expect(wrong).toEqual([]);
  });

  test('random records come back; behind random damage nothing is invented', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyHistory,
        fc.nat(2 ** 30),
        fc.array(fc.record({ offset: fc.nat(2 ** 30), bit: fc.nat(7) }), { maxLength: 4 }),
        async (history, cut, flips) => {
          const directory = freshDirectory();
          const opened = await begunLog(kind, { directory });
          const samples = history.flatMap(([records]) => records.flat());
          const places = history.flatMap(([records, sync]) => opened.append(records.flat(), sync));
          await opened.untilSynced();
          expect(opened.failures).toEqual([]);
          await opened.log.close();
          const looking = new TestLog(kind, { directory, readOnly: true });
          const all = expected(samples, places);
          if (all.length === 0) return;
          const found = await looking.recover();
          expect(found.entries).toEqual(all);
          expect(found).toMatchObject({ corrupt: [], tornAt: -1 });
          await looking.log.close();
          const segment = Math.floor(places.at(-1)! / SEGMENT_BYTES);
          const file = path.join(directory, `${String(segment).padStart(16, '0')}.seg`);
          const end = opened.end - segment * SEGMENT_BYTES;
          const wreck = damaged(readFileSync(file), end, cut, flips);
          writeFileSync(file, wreck);
          const hits = flips.map(({ offset }) => 128 + (offset % (end - 128)));
          const isWhole = (entry: Entry) => {
            const to = entry.offset + entry.recordBytes;
            const isHit = hits.some((hit) => hit >= entry.offset && hit < to);
            return entry.segment !== segment || (!isHit && to <= wreck.byteLength);
          };
          const again = new TestLog(kind, { directory, readOnly: true });
          const left = await again.recover();
          await again.log.close();
          // Two flips may undo each other: then there is one more than expected, and it is right.
          const kept = left.entries.filter((entry) => isWhole(entry));
          expect(kept).toEqual(all.filter((entry) => isWhole(entry)));
          expect(all).toEqual(expect.arrayContaining([...left.entries]));
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function scanOf(kind: Implementation, directory: string) {
  const opened = new TestLog(kind, { directory, readOnly: true });
  const found = await scanIn(opened);
  await opened.log.close();
  return found;
}

/** The first segment. */
async function scanIn(opened: TestLog): Promise<{ entries: Entry[]; corrupt: readonly number[] }> {
  opened.log.inventory();
  const scan = await opened.log.scan(1);
  return { entries: entriesOf(scan, 1), corrupt: scan.corrupt };
}

function sameEntries(some: readonly Entry[], others: readonly Entry[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
