// Which messages a walk over a log's entries tells of: whole ones, wherever their pieces lie.
import { beforeEach, describe, expect, it } from 'vitest';
import * as log from '../../../src/log/log.ts';
import { MessageWalk } from '../../../src/log/message-walk.ts';
import { entries, entry, type EntryOptions } from './scan-entries.ts';

const SEGMENT_BYTES = 1024 * 1024;
const PIECE = log.PIECE_BYTES;
const LONG = PIECE * 2 + 100;

let told: unknown[];
let walk: MessageWalk;

beforeEach(() => {
  told = [];
  walk = new MessageWalk({
    message: ({ targets, ...message }) => told.push({ ...message, targets: [...targets] }),
    acked: (...run) => told.push(['acked', ...run]),
    counted: (...count) => told.push(['counted', ...count]),
    imported: (storeId) => told.push(['imported', storeId]),
  });
});

function publish(targets: readonly number[], options: EntryOptions): number[] {
  return entry(log.PUBLISH, targets, { count: targets.length / 2, ...options });
}

function continued(offset: number): number[] {
  const flags = log.PERSISTENT | log.CONTINUED;
  return publish([7, 0], { flags, offset, dataBytes: LONG, recordBytes: PIECE + 40 });
}

function body(index: number, dataBytes: number, offset: number): number[] {
  return entry(log.BODY, [], { inner: index, dataBytes, offset, recordBytes: dataBytes + 28 });
}

it('tells of messages, acks, counts and take-overs', () => {
  walk.segment(
    entries(
      publish([7, 1, 8, 2], { flags: log.PERSISTENT, offset: 256, dataBytes: 10, recordBytes: 64 }),
      entry(log.ACK, [7, 0, 5, 8, 1, 1], { count: 2 }),
      entry(log.COUNT, [7, 6, 3], { count: 1 }),
      entry(log.IMPORT, [1, 2, 3, 4, 0, 0], { flags: 0 }),
      entry(log.IMPORT, [1, 2, 3, 4, 0, 0], { flags: log.IMPORT_END }),
    ),
    3 * SEGMENT_BYTES,
  );
  const position = 3 * SEGMENT_BYTES + 256;
  expect(told).toEqual([
    {
      position,
      inner: -1,
      flags: log.PERSISTENT,
      dataBytes: 10,
      recordBytes: 64,
      endPosition: position + 64,
      targets: [7, 1, 8, 2],
    },
    ['acked', 7, 0, 5],
    ['acked', 8, 1, 1],
    ['counted', 7, 6, 3],
    ['imported', '01000000020000000300000004000000'],
  ]);
});

it('leaves out what was only spilled', () => {
  walk.segment(entries(publish([7, 1], { flags: log.SPILLED, dataBytes: 1 })), SEGMENT_BYTES);
  expect(told).toEqual([]);
});

describe('a continued message', () => {
  it('is told of with its last piece, in a later segment too', () => {
    walk.segment(entries(continued(128), body(1, PIECE, 128 + PIECE + 40)), SEGMENT_BYTES);
    expect(told).toEqual([]);
    walk.segment(entries(body(2, 100, 128)), 2 * SEGMENT_BYTES);
    expect(told).toMatchObject([
      {
        position: SEGMENT_BYTES + 128,
        dataBytes: LONG,
        recordBytes: PIECE + 40 + PIECE + 28 + 128,
        endPosition: 2 * SEGMENT_BYTES + 128 + 128,
        targets: [7, 0],
      },
    ]);
  });

  it.each([
    ['a piece missing', [continued(128), body(2, 100, 512)]],
    ['its pieces in the wrong order', [continued(128), body(2, PIECE, 512), body(1, 100, 600)]],
    ['its last piece missing', [continued(128), body(1, PIECE, 512)]],
    ['its beginning missing', [body(1, PIECE, 128), body(2, 100, 512)]],
    [
      'another record between its pieces',
      [continued(128), body(1, PIECE, 512), entry(log.ACK, [], {}), body(2, 100, 900)],
    ],
  ])('with %s does not exist', (_what, records) => {
    walk.segment(entries(...records), SEGMENT_BYTES);
    expect(told).toEqual([]);
  });
});

it('shares the bytes of a BLOCK among its messages', () => {
  const inBlock = { offset: 128, flags: log.PERSISTENT, dataBytes: 5 };
  walk.segment(
    entries(
      entry(log.BLOCK, [], { count: 2, offset: 128, recordBytes: 100 }),
      publish([7, 1], { ...inBlock, inner: 0, recordBytes: 300 }),
      publish([7, 2], { ...inBlock, inner: 300, recordBytes: 100 }),
    ),
    SEGMENT_BYTES,
  );
  const endPosition = SEGMENT_BYTES + 228;
  expect(told).toMatchObject([
    { position: SEGMENT_BYTES + 128, inner: 0, recordBytes: 75, endPosition },
    { position: SEGMENT_BYTES + 128, inner: 300, recordBytes: 25, endPosition },
  ]);
});
