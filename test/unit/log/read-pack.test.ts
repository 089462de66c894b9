// Messages read back by position, whole and in parts, from the log and from BLOCKs; packed and read
// again. Every implementation passes the same cases.
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as log from '../../../src/log/log.ts';
import { packAll, type Place, readInline } from './reading.ts';
import {
  ack,
  bodyOf,
  EXRK,
  message,
  type MessageSpec,
  packed,
  PROPS,
  streamOf,
} from './samples.ts';
import {
  begunLog,
  freshDirectory,
  implementations,
  type Implementation,
  lookAt,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

const SPECS: readonly MessageSpec[] = [
  { body: bodyOf(10, 1) },
  { targets: [], exrk: Buffer.of(0, 0), props: Buffer.of(0, 0) },
  { body: bodyOf(3000, 2, true), flags: log.PERSISTENT | log.SPILLED },
  { targets: Array.from({ length: 300 }, (_, at) => [at, at * 2] as const), body: bodyOf(50, 3) },
  { body: bodyOf(100_000, 4, true) },
  { body: bodyOf(log.PIECE_BYTES, 5) },
  { body: bodyOf(log.PIECE_BYTES - EXRK.byteLength - PROPS.byteLength, 6) },
  { body: bodyOf(2_500_000, 7, true) },
  { body: bodyOf(1, 8) },
];

/** A log with these messages, and where each of them lies. */
async function filled(
  kind: Implementation,
  specs: readonly MessageSpec[],
  memories: readonly Uint8Array[] = [],
): Promise<{ opened: TestLog; places: Place[]; directory: string }> {
  const directory = freshDirectory();
  const opened = await begunLog(kind, { directory, memories });
  const places: Place[] = [];
  for (const spec of specs) {
    const [position] = opened.append([...message(spec), ack(1, 2, 3)], false);
    places.push({ position, inner: -1, dataBytes: streamOf(spec).byteLength });
  }
  await opened.untilSynced();
  return { opened, places, directory };
}

/** What reading a message whole comes to. */
function wholeOf(spec: MessageSpec): object {
  const stream = streamOf(spec);
  const flags = spec.flags ?? log.PERSISTENT;
  return {
    flags: stream.byteLength > log.PIECE_BYTES ? flags | log.CONTINUED : flags,
    exrkBytes: (spec.exrk ?? EXRK).byteLength,
    propsBytes: (spec.props ?? PROPS).byteLength,
    bodyBytes: spec.body?.byteLength ?? 0,
    stream,
  };
}

function spoil(directory: string, position: number): void {
  const segment = Math.floor(position / SEGMENT_BYTES);
  const file = path.join(directory, `${String(segment).padStart(16, '0')}.seg`);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.of(0xa5, 0x5a, 0xa5), 0, 3, position % SEGMENT_BYTES);
  closeSync(descriptor);
}

describe.each(implementations)('%s', (kind) => {
  test('messages of all sizes are read whole', async () => {
    const { opened, places } = await filled(kind, SPECS);
    expect(await readInline(opened, places)).toEqual(SPECS.map((spec) => wholeOf(spec)));
    const backwards = await readInline(opened, places.toReversed(), 2);
    expect(backwards).toEqual(SPECS.map((spec) => wholeOf(spec)).toReversed());
    expect(opened.log.stats().reads).toBe(places.length * 2);
    await opened.log.close();
  });

  test('many small messages are read together', async () => {
    const specs = Array.from({ length: 4000 }, (_, at) => ({ body: bodyOf(at % 700, at) }));
    const { opened, places } = await filled(kind, specs);
    const read = await readInline(opened, places);
    expect(read.map((one) => one?.stream)).toEqual(specs.map((spec) => streamOf(spec)));
    const some = places.filter((_, at) => at % 500 === 3);
    const readSome = await readInline(opened, some, 2);
    expect(readSome.map((one) => one?.stream)).toEqual(
      specs.filter((_, at) => at % 500 === 3).map((spec) => streamOf(spec)),
    );
    await opened.log.close();
  });

  test('a log that is only looked at can be read', async () => {
    const { opened, places, directory } = await filled(kind, SPECS);
    await opened.log.close();
    const looking = new TestLog(kind, { directory, readOnly: true });
    looking.log.inventory();
    expect(await readInline(looking, places)).toEqual(SPECS.map((spec) => wholeOf(spec)));
    await looking.log.close();
  });

  test('props and body go into parts', async () => {
    const memories = [1, 2].map(() => new Uint8Array(new SharedArrayBuffer(4_000_000)));
    const { opened, places } = await filled(kind, SPECS, memories);
    const rows = new Float64Array(places.length * log.READ_COLUMNS);
    const parts: number[] = [];
    const free = [5, 7];
    for (const [row, { position, inner, dataBytes }] of places.entries()) {
      const firstPart = parts.length / 3;
      const bytes = dataBytes - (SPECS[row].exrk ?? EXRK).byteLength;
      for (let at = 0, memory = 0; at < bytes; memory = 1 - memory) {
        const partBytes = Math.min(bytes - at, 1 + Math.floor(bytes / 3));
        parts.push(memory + 1, free[memory], partBytes);
        free[memory] += partBytes + 3;
        at += partBytes;
      }
      const partCount = parts.length / 3 - firstPart;
      rows.set([position, inner, dataBytes, row * 64, firstPart, partCount], row * 6);
    }
    const target = Buffer.alloc(places.length * 64);
    const status = new Int32Array(places.length).fill(-1);
    const count = places.length;
    await opened.read({ count, rows, parts: Float64Array.from(parts), target, status });
    expect([...status]).toEqual(places.map(() => log.STATUS_OK));
    for (const [row, spec] of SPECS.entries()) {
      const exrk = spec.exrk ?? EXRK;
      const from = row * 64 + log.READ_HEAD_BYTES;
      expect(target.subarray(from, from + exrk.byteLength)).toEqual(Buffer.from(exrk));
      expect(target.readUInt32LE(row * 64 + 12)).toBe(spec.body?.byteLength ?? 0);
      const [firstPart, partCount] = rows.subarray(row * 6 + 4, row * 6 + 6);
      const gathered = Array.from({ length: partCount }, (_, at) => {
        const [memory, offset, bytes] = parts.slice((firstPart + at) * 3, (firstPart + at + 1) * 3);
        return memories[memory - 1].slice(offset, offset + bytes);
      });
      expect(Buffer.concat(gathered)).toEqual(streamOf(spec).subarray(exrk.byteLength));
    }
    await opened.log.close();
  });

  test('what is not there, or not as long as thought, is corrupt', async () => {
    const { opened, places, directory } = await filled(kind, SPECS);
    const [first, , third] = places;
    const last = places.at(-1)!;
    const read = await readInline(opened, [
      { ...first, dataBytes: first.dataBytes + 1 },
      { ...first, dataBytes: first.dataBytes - 1 },
      { ...first, position: first.position + 8 },
      { ...first, inner: 0 },
      first,
      { ...last, position: opened.end },
      { ...last, position: 100 * SEGMENT_BYTES + 128 },
      // An ACK record lies there.
      { ...third, position: third.position - 32 },
      last,
    ]);
    const corrupt = undefined;
    expect(read).toEqual([
      ...[corrupt, corrupt, corrupt, corrupt, wholeOf(SPECS[0])],
      ...[corrupt, corrupt, corrupt, wholeOf(SPECS.at(-1)!)],
    ]);
    expect(opened.failures).toEqual([]);
    await opened.log.close();
    // In the head of one, in the data of another, and in the fourth piece of the long one.
    spoil(directory, places[1].position + 2);
    spoil(directory, places[4].position + 50_000);
    spoil(directory, places[7].position + log.PIECE_BYTES * 3 + 5000);
    const looking = new TestLog(kind, { directory, readOnly: true });
    looking.log.inventory();
    const spoilt = new Set([1, 4, 7]);
    expect(await readInline(looking, places)).toEqual(
      SPECS.map((spec, at) => (spoilt.has(at) ? corrupt : wholeOf(spec))),
    );
    await looking.log.close();
  });

  test('packed messages are found in the scan and read from their BLOCKs', async () => {
    const small = Array.from({ length: 2000 }, (_, at) => ({
      targets: [[at % 9, at]] as const,
      body: bodyOf(at % 900, at, at % 3 === 0),
    }));
    const specs = [...small.slice(0, 500), ...SPECS, ...small.slice(500)];
    const { opened, places, directory } = await filled(kind, specs);
    const { records, results } = await packAll(opened, places, 8 * 1024 * 1024);
    const blocks = records.filter((record) => record[8] === log.BLOCK);
    expect(blocks.length).toBeGreaterThan(2);
    expect(blocks.length).toBeLessThan(20);
    expect(blocks.some((block) => block[9] === log.COMPRESSED)).toBe(true);
    expect(records.filter((one) => one.readUInt32LE(0) + one.readUInt32LE(12) > 0)).toEqual([]);
    expect(results.every(([status]) => status === log.STATUS_OK)).toBe(true);
    const moved = opened.append(records.map((record) => packed(record)));
    await opened.untilSynced();
    const again = places.map(({ dataBytes }, row) => {
      const [, record, inner] = results[row];
      return { position: moved[record], inner, dataBytes };
    });
    const ascending = again
      .map((_, at) => at)
      .toSorted((one, other) => {
        return again[one].position - again[other].position || again[one].inner - again[other].inner;
      });
    const read = await readInline(
      opened,
      ascending.map((at) => again[at]),
    );
    expect(read).toEqual(ascending.map((at) => wholeOf(specs[at])));
    // A BLOCK packs as well as a plain record.
    const twice = await packAll(opened, again, 8 * 1024 * 1024, 2);
    expect(twice.results).toEqual(results);
    expect(twice.records).toEqual(records);
    await opened.log.close();
    const found = await lookAt(kind, directory);
    const inner = found.entries.filter((entry) => entry.kind === log.PUBLISH && entry.inner >= 0);
    expect(inner).toHaveLength(again.filter((place) => place.inner >= 0).length);
    for (const entry of inner) {
      const position = entry.segment * SEGMENT_BYTES + entry.offset;
      const row = again.findIndex(
        (place) => place.position === position && place.inner === entry.inner,
      );
      expect(entry.dataBytes).toBe(again[row].dataBytes);
      expect(entry.extra).toEqual((specs[row].targets ?? [[1, 1]]).flat());
    }
  });

  test('a pack ends where its target is full, and leaves out what is corrupt', async () => {
    const specs = Array.from({ length: 60 }, (_, at) => ({ body: bodyOf(3000, at, true) }));
    const { opened, places } = await filled(kind, specs);
    const wrong = places.map((place, at) => (at === 2 ? { ...place, dataBytes: 9 } : place));
    const { results, records } = await packAll(opened, wrong, 100_000);
    const statuses = results.map(([status]) => status);
    const full = statuses.indexOf(log.STATUS_NO_ROOM);
    expect(full).toBeGreaterThan(25);
    expect(full).toBeLessThan(35);
    expect(statuses).toEqual(
      statuses.map((_, at) => {
        if (at >= full) return log.STATUS_NO_ROOM;
        return at === 2 ? log.STATUS_CORRUPT : log.STATUS_OK;
      }),
    );
    expect(records.reduce((sum, record) => sum + record.byteLength, 0)).toBeLessThan(100_000);
    expect(records[0].readUInt16LE(10)).toBe(full - 1);
    await opened.log.close();
  });

  test('a corrupt BLOCK loses its messages and no others', async () => {
    const specs = Array.from({ length: 90 }, (_, at) => ({ body: bodyOf(5000, at, true) }));
    const { opened, places, directory } = await filled(kind, specs);
    const { results, records } = await packAll(opened, places, 4 * 1024 * 1024);
    expect(records.length).toBe(2);
    const moved = opened.append(records.map((record) => packed(record)));
    await opened.untilSynced();
    await opened.log.close();
    spoil(directory, moved[0] + 1000);
    const looking = new TestLog(kind, { directory, readOnly: true });
    const found = await looking.recover();
    const left = results.filter(([, record]) => record === 1).length;
    expect(left).toBeGreaterThan(10);
    const blocks = found.entries.filter((entry) => entry.kind === log.BLOCK);
    expect(blocks).toHaveLength(1);
    const inner = found.entries.filter((entry) => entry.inner >= 0);
    expect(inner).toHaveLength(left);
    expect(found.corrupt).toHaveLength(1);
    const read = await readInline(
      looking,
      places.map(({ dataBytes }, row) => {
        const [, record, at] = results[row];
        return { position: moved[record], inner: at, dataBytes };
      }),
    );
    expect(read.map((one) => one?.stream)).toEqual(
      specs.map((spec, row) => (results[row][1] === 0 ? undefined : streamOf(spec))),
    );
    await looking.log.close();
  });
});
