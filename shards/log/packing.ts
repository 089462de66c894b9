// Asking a log to pack messages: those in some rows of a record table, in the order in which they
// lie. Shard thread, cold. Used to clean a log and to take over another one.
import {
  type LogPack,
  PACK_COLUMNS,
  PACKED_AT,
  PACKED_COLUMNS,
  PACKED_INNER,
  PACKED_STATUS,
  PUBLISH_HEADER_BYTES,
  RECORD_BYTES_MAX,
  STATUS_OK,
} from '../../src/log/log.ts';
import type { RecordTable } from './record-table.ts';

/** What a message takes in a record besides its data, by estimate: fan-out has many targets. */
const OVERHEAD_BYTES = PUBLISH_HEADER_BYTES + 32;

/** A message that is to be packed, and where it lies. */
export interface Packed {
  readonly row: number;
  readonly position: number;
  readonly inner: number;
}

/** What a message counts towards the size of a pack. */
export function packedBytes(dataBytes: number): number {
  return dataBytes + OVERHEAD_BYTES;
}

export function packOf(number: number, messages: readonly Packed[], records: RecordTable): LogPack {
  const rows = new Float64Array(messages.length * PACK_COLUMNS);
  let bytes = RECORD_BYTES_MAX;
  for (const [i, { row, position, inner }] of messages.entries()) {
    const dataBytes = records.dataBytes(row);
    rows.set([position, inner, dataBytes], i * PACK_COLUMNS);
    bytes += packedBytes(dataBytes);
  }
  return {
    number,
    count: messages.length,
    rows,
    target: new Uint8Array(bytes),
    results: new Int32Array(messages.length * PACKED_COLUMNS),
    usedBytes: new Int32Array(1),
  };
}

/** In the order in which they lie. */
export function byPlace(a: Packed, b: Packed): number {
  return a.position - b.position || a.inner - b.inner;
}

/** Where a packed message lies now. */
export interface NewPlace {
  readonly position: number;
  readonly inner: number;
}

/**
 * The new place of each message of a pack; undefined for one that could not be packed. `places`:
 * where the records of the target were appended (offset, position, ...).
 */
export function newPlaces(pack: LogPack, places: readonly number[]): (NewPlace | undefined)[] {
  const byOffset = new Map<number, number>();
  for (let i = 0; i < places.length; i += 2) byOffset.set(places[i], places[i + 1]);
  return Array.from({ length: pack.count }, (_value, i) => {
    const at = i * PACKED_COLUMNS;
    if (pack.results[at + PACKED_STATUS] !== STATUS_OK) return undefined;
    const position = byOffset.get(pack.results[at + PACKED_AT])!;
    return { position, inner: pack.results[at + PACKED_INNER] };
  });
}
