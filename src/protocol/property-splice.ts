// Properties with other headers, everything else byte for byte as it came: what dead-lettering and
// the like do to a message. Any thread, cold. Specification 4.2.6.1.
import { copyBytes } from '../base/copy.ts';
import { encodeTable, type FieldTable } from './field-table.ts';
import {
  FLAG_CONTENT_ENCODING,
  FLAG_CONTENT_TYPE,
  FLAG_EXPIRATION,
  FLAG_HEADERS,
} from './property-flags.ts';
import type { PropertyScan } from './property-scan.ts';
import { valueEnd } from './table-scan.ts';

/**
 * The properties at [at, at + byteCount) of `bytes`, which `scan` has just scanned, with the fields
 * `added` to their headers in place of any of these names, and without those in `dropped`. All
 * other fields keep their bytes, so also the types of their integers, which a decoded table has
 * not. `dropsExpiration`: without an expiration.
 */
export function withHeaders(
  bytes: Buffer,
  at: number,
  byteCount: number,
  scan: PropertyScan,
  added: FieldTable,
  dropped: readonly string[],
  dropsExpiration: boolean,
): Buffer<ArrayBuffer> {
  const gone = [...Object.keys(added), ...dropped];
  const table = Buffer.concat([keptFields(bytes, scan, gone), encodeTable(added)]);
  const end = at + byteCount;
  const headersAt = headersStart(bytes, at, scan.flags);
  const hasHeaders = (scan.flags & FLAG_HEADERS) !== 0;
  const restAt = hasHeaders ? headersAt + 4 + scan.headersBytes : headersAt;
  const drops = dropsExpiration && (scan.flags & FLAG_EXPIRATION) !== 0;
  const droppedAt = drops ? scan.expirationOffset - 1 : end;
  const keptAt = drops ? scan.expirationOffset + scan.expirationBytes : end;
  const beforeBytes = headersAt - at;
  const result = Buffer.alloc(beforeBytes + 4 + table.length + (droppedAt - restAt) + end - keptAt);
  copyBytes(bytes, at, result, 0, beforeBytes);
  result.writeUInt16BE((scan.flags | FLAG_HEADERS) & (drops ? ~FLAG_EXPIRATION : ~0), 0);
  result.writeUInt32BE(table.length, beforeBytes);
  result.set(table, beforeBytes + 4);
  const restTo = beforeBytes + 4 + table.length;
  copyBytes(bytes, restAt, result, restTo, droppedAt - restAt);
  copyBytes(bytes, keptAt, result, restTo + droppedAt - restAt, end - keptAt);
  return result;
}

/** Where the table of headers (its length) stands, or would. */
function headersStart(bytes: Uint8Array, propsAt: number, flags: number): number {
  let at = propsAt + 2;
  if ((flags & FLAG_CONTENT_TYPE) !== 0) at += 1 + bytes[at];
  if ((flags & FLAG_CONTENT_ENCODING) !== 0) at += 1 + bytes[at];
  return at;
}

/** The headers as they stand there, without those of some names. */
function keptFields(bytes: Buffer, scan: PropertyScan, gone: readonly string[]): Buffer {
  const { headersOffset, headersBytes } = scan;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = headersOffset + headersBytes;
  const kept: Buffer[] = [];
  for (let at = headersOffset; at < end; ) {
    const nameEnd = at + 1 + bytes[at];
    const next = valueEnd(bytes, view, nameEnd, end, 1);
    if (next < 0) throw new RangeError('headers of a message that has been taken are malformed');
    if (!gone.includes(bytes.toString('utf8', at + 1, nameEnd)))
      kept.push(bytes.subarray(at, next));
    at = next;
  }
  return Buffer.concat(kept);
}
