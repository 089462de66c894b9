// Checks a field table without decoding it. Hot path of the acceptor threads (any thread may use
// it): nothing is allocated. Every message with headers is checked on its way in, because what is
// passed on must not break the consumers' decoders. The same types and bounds as
// field-table-decode.ts, which says in words what is wrong with a table that fails here (a name
// that is not UTF-8 passes: RabbitMQ does not look, either).
import { NESTING_DEPTH_MAX } from './field-table-decode.ts';

/** Type octet -> bytes of a fixed-size value; VARIABLE and UNKNOWN are not sizes. */
const VALUE_BYTES = new Int8Array(256).fill(-1);
const UNKNOWN = -1;
const VARIABLE = -2;

for (const [types, bytes] of [
  ['V', 0],
  ['tbB', 1],
  ['su', 2],
  ['Iif', 4],
  ['D', 5],
  ['lLdT', 8],
  ['SxAF', VARIABLE],
] as const) {
  for (const type of types) VALUE_BYTES[type.charCodeAt(0)] = bytes;
}

const TABLE = 0x46;
const ARRAY = 0x41;

/** True when the fields at [offset, end), a table without its length, are well-formed. */
export function isWellFormedTable(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
): boolean {
  return areFields(bytes, view, offset, end, true, 1);
}

/** Named fields of a table, or the bare values of an array. */
function areFields(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  isTable: boolean,
  depth: number,
): boolean {
  let at = offset;
  while (at < end) {
    if (isTable) at += 1 + bytes[at];
    if (at >= end) return false;
    const type = bytes[at];
    at += 1;
    const fixed = VALUE_BYTES[type];
    if (fixed === UNKNOWN) return false;
    if (fixed !== VARIABLE) {
      at += fixed;
      continue;
    }
    if (at + 4 > end) return false;
    const length = view.getUint32(at);
    at += 4;
    if (length > end - at) return false;
    if (type === TABLE || type === ARRAY) {
      if (depth === NESTING_DEPTH_MAX) return false;
      if (!areFields(bytes, view, at, at + length, type === TABLE, depth + 1)) return false;
    }
    at += length;
  }
  return at === end;
}
