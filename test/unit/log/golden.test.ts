// The bytes that a log has on disk, in full: every implementation writes these, and reads them.
// Nothing random is left in them: the log goes on from a first segment with a fixed store id, and
// the time in the header (with the checksum over it) is checked and then cleared.
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as log from '../../../src/log/log.ts';
import { CHECKPOINT_BYTES, FIRST_SEGMENT_BYTES, SECOND_SEGMENT_BYTES } from './golden-bytes.ts';
import { readInline } from './reading.ts';
import {
  ack,
  checkpoint,
  everyKind,
  joined,
  message,
  packed,
  queue,
  type Sample,
} from './samples.ts';
import {
  begunLog,
  expected,
  freshDirectory,
  implementations,
  lookAt,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

const TWO_MESSAGES = [
  ...message({ targets: [[7, 1]], body: Buffer.from('first '.repeat(9)) }),
  ...message({ targets: [[7, 2]], body: Buffer.from('second') }),
];

/** A BLOCK with these packed bytes. */
function block(raw: Uint8Array, bytes: Uint8Array, flags: number): Sample {
  const record = Buffer.alloc(Math.ceil((24 + bytes.byteLength) / 8) * 8);
  record.writeUInt32LE(record.byteLength, 4);
  record[8] = log.BLOCK;
  record[9] = flags;
  record.writeUInt16LE(2, 10);
  record.writeUInt32LE(raw.byteLength, 16);
  record.writeUInt32LE(bytes.byteLength, 20);
  record.set(bytes, 24);
  return packed(record);
}

/** As LZ4 has it, without any match: a token, the length, the literals. */
function uncompressedLz4(raw: Uint8Array): Uint8Array {
  const left = raw.byteLength - 15;
  const lengths = [...Array.from({ length: Math.floor(left / 255) }, () => 255), left % 255];
  return Buffer.concat([Buffer.of(0xf0), Buffer.from(lengths), raw]);
}

const RAW = joined(TWO_MESSAGES);
const SAMPLES = [...everyKind(), block(RAW, RAW, 0), block(RAW, uncompressedLz4(RAW), 1)];

/** Clears the time and the checksum of both headers; they are looked at before. */
function masked(bytes: Buffer, from: number): Buffer {
  for (const at of [0, 64]) {
    const made = Number(bytes.readBigUInt64LE(at + 48));
    expect(made).toBeGreaterThanOrEqual(from);
    expect(made).toBeLessThanOrEqual(Date.now());
    bytes.fill(0, at, at + 4);
    bytes.fill(0, at + 48, at + 56);
  }
  return bytes;
}

function rows(bytes: Buffer): string[] {
  return bytes.toString('hex').match(/.{1,64}/gu) ?? [];
}

function name(number: number, ending: string): string {
  return `${String(number).padStart(16, '0')}.${ending}`;
}

describe.each(implementations)('%s', (kind) => {
  test('writes these bytes, and reads them', async () => {
    const directory = freshDirectory();
    const began = Date.now();
    mkdirSync(directory, { recursive: true });
    const first = path.join(directory, name(1, 'seg'));
    writeFileSync(first, Buffer.from(FIRST_SEGMENT_BYTES.join(''), 'hex'));
    truncateSync(first, SEGMENT_BYTES);
    const looking = new TestLog(kind, { directory, readOnly: true });
    expect(looking.log.inventory()).toMatchObject({
      storeId: '000102030405060708090a0b0c0d0e0f',
      epoch: 41,
      segments: [1],
    });
    const found = await looking.recover();
    const before = [ack(1, 2, 3)];
    expect(found.entries).toEqual(expected(before, [SEGMENT_BYTES + 128]));
    await looking.log.close();

    const opened = await begunLog(kind, { directory });
    const places = opened.append(SAMPLES);
    await opened.untilSynced();
    await opened.log.writeCheckpoint(
      joined([checkpoint(opened.end, 1, true), queue(5, 6, [[1, 2]], [[1, 3]])]),
    );
    await opened.log.close();
    const end = opened.end % SEGMENT_BYTES;
    const segment = readFileSync(path.join(directory, name(2, 'seg')));
    expect(segment.byteLength).toBe(SEGMENT_BYTES);
    expect(rows(masked(segment.subarray(0, end + 16), began))).toEqual(SECOND_SEGMENT_BYTES);
    expect(segment.subarray(end).every((byte) => byte === 0)).toBe(true);
    const checkpointFile = readFileSync(path.join(directory, name(1, 'ckpt')));
    expect(rows(masked(checkpointFile, began))).toEqual(CHECKPOINT_BYTES);

    const all = await lookAt(kind, directory);
    const plain = all.entries.filter((entry) => entry.inner < 0);
    expect(plain).toEqual(expected([...before, ...SAMPLES], [SEGMENT_BYTES + 128, ...places]));
    expect(all.entries.filter((entry) => entry.inner >= 0).map(({ extra }) => extra)).toEqual([
      [7, 1],
      [7, 2],
      [7, 1],
      [7, 2],
    ]);
  });

  test('reads the messages of both BLOCKs', async () => {
    const opened = await begunLog(kind, { directory: freshDirectory() });
    const places = opened.append(SAMPLES).slice(-2);
    await opened.untilSynced();
    const inner = [0, TWO_MESSAGES[0].bytes.byteLength];
    const read = await readInline(
      opened,
      places.flatMap((position) =>
        inner.map((at, index) => {
          return { position, inner: at, dataBytes: TWO_MESSAGES[index].dataBytes };
        }),
      ),
    );
    const bodies = read.map((one) => one?.stream.toString('latin1').slice(23));
    expect(bodies).toEqual(['first '.repeat(9), 'second', 'first '.repeat(9), 'second']);
    await opened.log.close();
  });
});
