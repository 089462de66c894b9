// Where each property of a message lies, for those few messages whose properties are rewritten.
// Any thread. The list has been scanned (property-scan.ts): nothing is checked here.
// Source: specification 4.2.6.1.
import {
  FLAG_CONTENT_TYPE,
  FLAG_DELIVERY_MODE,
  FLAG_HEADERS,
  FLAG_PRIORITY,
  FLAG_TIMESTAMP,
} from './property-flags.ts';

/** Class basic has 14 properties; the first has the highest flag. */
export const PROPERTY_COUNT = 14;
/** Their numbers, where one is rewritten. */
export const HEADERS_PROPERTY = 2;
export const REPLY_TO_PROPERTY = 6;
export const EXPIRATION_PROPERTY = 7;
export const TIMESTAMP_PROPERTY = 9;

const TABLE_LENGTH_BYTES = 4;
const TIMESTAMP_BYTES = 8;

/**
 * Fills `places` with the start of each property, present or not, and the end of the last; returns
 * the flags.
 */
export function findProperties(
  bytes: Uint8Array,
  view: DataView,
  flagsAt: number,
  places: Int32Array,
): number {
  const flags = view.getUint16(flagsAt);
  let at = flagsAt + 2;
  for (let i = 0; i < PROPERTY_COUNT; i += 1) {
    places[i] = at;
    const flag = FLAG_CONTENT_TYPE >>> i;
    if ((flags & flag) === 0) continue;
    if (flag === FLAG_HEADERS) at += TABLE_LENGTH_BYTES + view.getUint32(at);
    else if (flag === FLAG_DELIVERY_MODE || flag === FLAG_PRIORITY) at += 1;
    else if (flag === FLAG_TIMESTAMP) at += TIMESTAMP_BYTES;
    else at += 1 + bytes[at];
  }
  places[PROPERTY_COUNT] = at;
  return flags;
}
