// Torn ends and corruption: what is found around them, how it is told apart, and what is kept of
// it. Every implementation passes the same cases (docs/log-format.md, "Torn or corrupt").
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ack, bodyOf, everyKind, message, type Sample } from './samples.ts';
import {
  begunLog,
  expected,
  freshDirectory,
  implementations,
  type Implementation,
  lookAt,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

interface Built {
  readonly directory: string;
  /** The newest segment's file. */
  readonly file: string;
  readonly samples: readonly Sample[];
  readonly places: readonly number[];
  /** Where its records end. */
  readonly end: number;
}

/** A log of one opening per list of records, each in its own segment. */
async function built(kind: Implementation, ...lists: (readonly Sample[])[]): Promise<Built> {
  const directory = freshDirectory();
  const places: number[] = [];
  let end = 0;
  for (const samples of lists) {
    const opened = await begunLog(kind, { directory });
    places.push(...opened.append(samples));
    await opened.log.close();
    end = opened.end % SEGMENT_BYTES;
  }
  return {
    directory,
    file: segmentFile(directory, lists.length),
    samples: lists.flat(),
    places,
    end,
  };
}

function segmentFile(directory: string, segment: number): string {
  return path.join(directory, `${String(segment).padStart(16, '0')}.seg`);
}

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.byteLength, offset);
  closeSync(descriptor);
}

/** Turns over all bits of a byte. */
function spoil(file: string, offset: number): void {
  const byte = Buffer.alloc(1);
  const descriptor = openSync(file, 'r+');
  readSync(descriptor, byte, 0, 1, offset);
  byte[0] ^= 255;
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

const GARBAGE = bodyOf(5000, 99, true);

describe.each(implementations)('%s', (kind) => {
  test('a write that was torn anywhere loses its own records only', async () => {
    const { directory, file, samples, places, end } = await built(kind, everyKind());
    const whole = readFileSync(file);
    for (let cut = 128; cut < end; cut += 8) {
      const wreck = Buffer.from(whole);
      wreck.set(GARBAGE, cut);
      overwrite(file, 0, wreck);
      const kept = places.filter((place, at) => {
        return (place % SEGMENT_BYTES) + samples[at].bytes.byteLength <= cut;
      });
      const found = await lookAt(kind, directory);
      expect(found.entries).toEqual(expected(samples.slice(0, kept.length), kept));
      expect(found.corrupt).toEqual([]);
      const last = found.entries.at(-1);
      expect(found.end).toBe(last === undefined ? 128 : last.offset + last.recordBytes);
      expect(found.tornAt).toBe(found.end);
    }
  });

  test('a file that was cut short is torn there', async () => {
    // None that ends in zeros: whether those were cut off makes no difference to some.
    const list = everyKind().filter((_, at) => at !== 2);
    const { directory, file, samples, places, end } = await built(kind, list);
    const offsets = places.map((place) => place % SEGMENT_BYTES);
    const whole = readFileSync(file);
    for (let cut = end + 40; cut > 100; cut -= 8) {
      truncateSync(file, cut);
      const kept = offsets.filter((offset, at) => offset + samples[at].bytes.byteLength <= cut);
      const found = await lookAt(kind, directory);
      expect(found.entries).toEqual(
        expected(samples.slice(0, kept.length), places.slice(0, kept.length)),
      );
      // With less than an end mark left, nobody can tell.
      if (cut >= end + 16) expect(found.tornAt).toBe(-1);
      else if (cut >= found.end + 16) expect(found.tornAt).toBe(found.end);
    }
    expect(whole.byteLength).toBe(SEGMENT_BYTES);
  });

  test('behind a torn end the log goes on, and the torn part is void for ever', async () => {
    const { directory, file, samples, places, end } = await built(kind, everyKind());
    overwrite(file, end, GARBAGE);
    const opened = new TestLog(kind, { directory });
    const torn = await opened.recover();
    expect(torn).toMatchObject({ end, tornAt: end, corrupt: [] });
    await opened.begin(torn.end);
    const more = [ack(3, 2, 1)];
    const morePlaces = opened.append(more);
    await opened.log.close();
    const all = expected([...samples, ...more], [...places, ...morePlaces]);
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(all);
    expect(found).toMatchObject({ tornAt: -1, corrupt: [] });
    expect(existsSync(path.join(directory, 'quarantine'))).toBe(false);
    // The segment that says where the torn one ends may go first.
    const later = await begunLog(kind, { directory });
    later.log.recycle(2);
    await later.log.close();
    const left = await lookAt(kind, directory);
    expect(left.entries).toEqual(expected(samples, places));
    expect(left.corrupt).toEqual([]);
  });

  test('good records in the void region are not taken back', async () => {
    const { directory, samples, places } = await built(kind, everyKind());
    const kept = places.length - 3;
    const opened = new TestLog(kind, { directory });
    await opened.begin(places[kept] % SEGMENT_BYTES);
    await opened.log.close();
    // The end mark stands on the first of them; the two others check out.
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples.slice(0, kept), places.slice(0, kept)));
    expect(found.corrupt).toEqual([]);
  });

  test('corruption in the middle is stepped over, reported and kept', async () => {
    const list = [...everyKind(), ...message({ body: bodyOf(20_000, 5) }), ack(8, 9, 1)];
    const { directory, file, samples, places } = await built(kind, list, [ack(1, 1, 1)]);
    const first = segmentFile(directory, 1);
    const offsets = places.map((place) => place % SEGMENT_BYTES);
    // Two neighbours and, further on, a third one.
    spoil(first, offsets[2] + 20);
    spoil(first, offsets[3] + 6);
    spoil(first, offsets[6]);
    const lost = new Set([2, 3, 6]);
    const kept = samples.map((_, at) => at).filter((at) => !lost.has(at));
    const opened = new TestLog(kind, { directory });
    const found = await opened.recover();
    expect(found.entries).toEqual(
      expected(
        kept.map((at) => samples[at]),
        kept.map((at) => places[at]),
      ),
    );
    expect(found.corrupt).toEqual([
      `1:${offsets[2]}-${offsets[4]}`,
      `1:${offsets[6]}-${offsets[7]}`,
    ]);
    await opened.log.close();
    const bytes = readFileSync(first);
    const folder = path.join(directory, 'quarantine');
    expect(readdirSync(folder)).toHaveLength(2);
    const copy = readFileSync(path.join(folder, `0000000000000001-${offsets[2]}.bad`));
    expect(copy).toEqual(bytes.subarray(offsets[2], offsets[4]));
    expect(statSync(file).size).toBe(SEGMENT_BYTES);
  });

  test('in the newest segment too, when good records follow', async () => {
    const { directory, file, samples, places } = await built(kind, everyKind());
    spoil(file, (places[4] % SEGMENT_BYTES) + 12);
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places).filter((_, at) => at !== 4));
    const [from, to] = [places[4] % SEGMENT_BYTES, places[5] % SEGMENT_BYTES];
    expect(found.corrupt).toEqual([`1:${from}-${to}`]);
    expect(found.tornAt).toBe(-1);
    // Looking leaves nothing behind.
    expect(existsSync(path.join(directory, 'quarantine'))).toBe(false);
  });

  test('the last record of an older segment is corrupt, not torn', async () => {
    const { directory, places, samples } = await built(kind, everyKind(), [ack(1, 1, 1)]);
    const last = everyKind().length - 1;
    spoil(segmentFile(directory, 1), (places[last] % SEGMENT_BYTES) + 30);
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places).filter((_, at) => at !== last));
    const from = places[last] % SEGMENT_BYTES;
    expect(found.corrupt).toEqual([`1:${from}-${from + samples[last].bytes.byteLength}`]);
  });

  test('records behind megabytes of garbage are found', async () => {
    const list = [
      ...message({ body: bodyOf(250_000, 1) }),
      ...message({ body: bodyOf(250_000, 2) }),
      ...message({ body: bodyOf(250_000, 3) }),
      ack(5, 6, 7),
    ];
    const { directory, file, samples, places } = await built(kind, list);
    for (let offset = places[0] % SEGMENT_BYTES; offset < 700_000; offset += 997) {
      spoil(file, offset);
    }
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples.slice(3), places.slice(3)));
    expect(found.corrupt).toEqual([`1:128-${places[3] % SEGMENT_BYTES}`]);
  });

  test.each([
    ['the first', [3], ['1:0-64']],
    ['the second', [70], ['1:64-128']],
    ['both', [20, 127], ['1:0-128']],
  ])('without %s of the two headers all records are read', async (_what, offsets, corrupt) => {
    const { directory, samples, places } = await built(kind, everyKind(), [ack(1, 1, 1)]);
    for (const offset of offsets) spoil(segmentFile(directory, 1), offset);
    const found = await lookAt(kind, directory);
    expect(found.entries).toEqual(expected(samples, places));
    expect(found.corrupt).toEqual(corrupt);
  });

  test('without the newest headers the log is read and goes on', async () => {
    const { directory, file, samples, places } = await built(kind, everyKind(), [ack(1, 1, 1)]);
    spoil(file, 1);
    spoil(file, 65);
    const opened = new TestLog(kind, { directory });
    const found = await opened.recover();
    expect(found.entries).toEqual(expected(samples, places));
    expect(found.corrupt).toEqual(['2:0-128']);
    await opened.begin(found.end);
    expect(opened.end).toBe(3 * SEGMENT_BYTES + 128);
    await opened.log.close();
  });

  test('segments without any readable header are no log', async () => {
    const { directory, file } = await built(kind, everyKind());
    spoil(file, 1);
    spoil(file, 65);
    const opened = new TestLog(kind, { directory });
    expect(() => opened.log.inventory()).toThrow('header');
    await opened.log.close();
  });

  test('a segment of another log is not taken for one of this', async () => {
    const { directory } = await built(kind, everyKind(), [ack(1, 1, 1)]);
    const other = await built(kind, everyKind());
    overwrite(segmentFile(directory, 1), 0, readFileSync(other.file));
    const found = await lookAt(kind, directory);
    expect(found.entries.map(({ segment }) => segment)).toEqual([2]);
    expect(found.corrupt.at(-1)).toMatch(/^1:128-/u);
  });
});
