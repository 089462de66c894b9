// Reads and packs of messages, for the tests of the log: rows written, results taken apart.
import * as log from '../../../src/log/log.ts';
import type { TestLog } from './test-log.ts';

export interface Place {
  readonly position: number;
  readonly inner: number;
  readonly dataBytes: number;
}

/** What was read of a message; undefined: corrupt. */
export interface ReadMessage {
  readonly flags: number;
  readonly exrkBytes: number;
  readonly propsBytes: number;
  readonly bodyBytes: number;
  /** exrk, props and body. */
  readonly stream: Buffer;
}

/** Reads messages whole into the target. */
export async function readInline(
  opened: TestLog,
  places: readonly Place[],
  number = 1,
): Promise<(ReadMessage | undefined)[]> {
  const rows = new Float64Array(places.length * log.READ_COLUMNS);
  const ats: number[] = [];
  let at = 0;
  for (const [row, { position, inner, dataBytes }] of places.entries()) {
    rows.set([position, inner, dataBytes, at, 0, 0], row * log.READ_COLUMNS);
    ats.push(at);
    at += log.READ_HEAD_BYTES + dataBytes;
  }
  const target = Buffer.alloc(at, 0xee);
  const status = new Int32Array(places.length).fill(-1);
  const parts = new Float64Array(0);
  await opened.read({ count: places.length, rows, parts, target, status }, number);
  return places.map(({ dataBytes }, row) => {
    if (status[row] === log.STATUS_CORRUPT) return undefined;
    const from = ats[row];
    return {
      flags: target.readUInt32LE(from),
      exrkBytes: target.readUInt32LE(from + 4),
      propsBytes: target.readUInt32LE(from + 8),
      bodyBytes: target.readUInt32LE(from + 12),
      stream: target.subarray(from + 16, from + 16 + dataBytes),
    };
  });
}

export interface PackedMessages {
  /** The records, one behind the other. */
  readonly records: readonly Buffer[];
  /** Per message: status, which record, offset in it. */
  readonly results: readonly (readonly [status: number, record: number, inner: number])[];
}

export async function packAll(
  opened: TestLog,
  places: readonly Place[],
  targetBytes: number,
  number = 1,
): Promise<PackedMessages> {
  const rows = Float64Array.from(
    places.flatMap(({ position, inner, dataBytes }) => [position, inner, dataBytes]),
  );
  const target = Buffer.alloc(targetBytes, 0xee);
  const results = new Int32Array(places.length * log.PACKED_COLUMNS).fill(-7);
  const usedBytes = new Int32Array(1);
  await opened.pack({ count: places.length, rows, target, results, usedBytes }, number);
  const records: Buffer[] = [];
  const offsets: number[] = [];
  for (let at = 0; at < usedBytes[0]; at += records.at(-1)!.byteLength) {
    offsets.push(at);
    records.push(target.subarray(at, at + target.readUInt32LE(at + 4)));
  }
  return {
    records,
    results: places.map((_, row) => {
      const at = row * log.PACKED_COLUMNS;
      const [status, offset, inner] = results.subarray(at, at + log.PACKED_COLUMNS);
      return [status, offsets.indexOf(offset), inner];
    }),
  };
}
