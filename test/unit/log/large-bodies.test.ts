// Test thread. Large bodies, which the native log writes in whole blocks past the system's cache, among
// small messages: whichever implementation wrote them, each reads them and goes on behind them.
import { describe, expect, test } from 'vitest';
import { type Place, readInline } from './reading.ts';
import { bodyOf, message, type MessageSpec, PROPS, streamOf } from './samples.ts';
import { begunLog, freshDirectory, implementations, lookAt, TestLog } from './test-log.ts';

const MIB = 1024 * 1024;
const SEGMENT_BYTES = 8 * MIB;

/** Batches, each synced by itself, that end within blocks and on their borders. */
const BATCHES: readonly (readonly MessageSpec[])[] = [
  [{ body: bodyOf(MIB, 1, true) }],
  [{ body: bodyOf(10, 2) }],
  [{ body: bodyOf(600_000, 3) }, { body: bodyOf(20, 4) }, { body: bodyOf(2 * MIB, 5, true) }],
  [{ body: bodyOf(3000, 6) }, { body: bodyOf(100, 7) }],
  [{ body: bodyOf(300_000, 8) }, { body: bodyOf(300_000, 9, true) }],
  [{ body: bodyOf(5 * MIB, 10) }, { props: PROPS }],
  [{ body: bodyOf(200_000, 11) }, { body: bodyOf(200_000, 12) }, { body: bodyOf(200_000, 13) }],
  [{ body: bodyOf(1, 14) }],
];

const RECORDS = BATCHES.map((batch) => batch.map((spec) => message(spec)));

async function append(opened: TestLog, places: Place[]): Promise<void> {
  for (const [index, batch] of BATCHES.entries()) {
    const positions = opened.append(RECORDS[index].flat());
    let record = 0;
    for (const [at, spec] of batch.entries()) {
      const dataBytes = streamOf(spec).byteLength;
      places.push({ position: positions[record], inner: -1, dataBytes });
      record += RECORDS[index][at].length;
    }
    await opened.untilSynced();
  }
  expect(opened.failures).toEqual([]);
}

const pairs = implementations.flatMap((writer) => implementations.map((other) => [writer, other]));

describe.each(pairs)('written by %s, then by %s', (writer, other) => {
  test('large bodies among small ones are all there, and nothing is torn or corrupt', async () => {
    const directory = freshDirectory();
    const places: Place[] = [];
    const streams = [...BATCHES, ...BATCHES].flat().map((spec) => streamOf(spec));
    for (const kind of [writer, other]) {
      const opened = await begunLog(kind, { directory, segmentBytes: SEGMENT_BYTES });
      await append(opened, places);
      await opened.log.close();
      const found = await lookAt(kind === writer ? other : writer, directory);
      expect(found).toMatchObject({ tornAt: -1, corrupt: [] });
      expect(found.end).toBe(opened.end % SEGMENT_BYTES);
    }
    for (const kind of implementations) {
      const looking = new TestLog(kind, { directory, segmentBytes: SEGMENT_BYTES, readOnly: true });
      looking.log.inventory();
      const read = await readInline(looking, places);
      expect(read.map((one, at) => one?.stream.equals(streams[at]))).toEqual(
        streams.map(() => true),
      );
      await looking.log.close();
    }
  });
});
