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

/** What `scanTable` says: MALFORMED, or which of these fields stand at the top of the table. */
export const MALFORMED = -1;
export const HAS_CC = 1;
export const HAS_BCC = 2;

const UPPER_B = 0x42;
const UPPER_C = 0x43;

/**
 * Checks the fields at [offset, end), a table without its length, and tells which of the fields are
 * there that change how a message is routed (https://www.rabbitmq.com/docs/sender-selected).
 */
export function scanTable(bytes: Uint8Array, view: DataView, offset: number, end: number): number {
  let at = offset;
  let found = 0;
  while (at < end) {
    const nameBytes = bytes[at];
    if (nameBytes === 2 || nameBytes === 3) found |= routingField(bytes, at + 1, nameBytes);
    at = valueEnd(bytes, view, at + 1 + nameBytes, end, 1);
    if (at < 0) return MALFORMED;
  }
  return at === end ? found : MALFORMED;
}

/**
 * Where the value of the first field named `name` begins, with its type, in a well-formed table; -1
 * without such a field.
 */
export function findField(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  name: Uint8Array,
): number {
  let at = offset;
  while (at < end) {
    const nameBytes = bytes[at];
    const valueAt = at + 1 + nameBytes;
    if (nameBytes === name.length && isSame(bytes, at + 1, name)) return valueAt;
    at = valueEnd(bytes, view, valueAt, end, 1);
  }
  return -1;
}

/** Where the value ends that begins at `at`; -1 when it is malformed or overruns `end`. */
export function valueEnd(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  depth: number,
): number {
  if (at >= end) return -1;
  const type = bytes[at];
  const fixed = VALUE_BYTES[type];
  if (fixed === UNKNOWN) return -1;
  if (fixed !== VARIABLE) return at + 1 + fixed;
  const from = at + 5;
  if (from > end) return -1;
  const length = view.getUint32(at + 1);
  if (length > end - from) return -1;
  if (type === TABLE || type === ARRAY) {
    if (depth === NESTING_DEPTH_MAX) return -1;
    if (!areFields(bytes, view, from, from + length, type === TABLE, depth + 1)) return -1;
  }
  return from + length;
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
    at = valueEnd(bytes, view, at, end, depth);
    if (at < 0) return false;
  }
  return at === end;
}

function routingField(bytes: Uint8Array, at: number, nameBytes: number): number {
  if (bytes[at + nameBytes - 1] !== UPPER_C || bytes[at + nameBytes - 2] !== UPPER_C) return 0;
  if (nameBytes === 2) return HAS_CC;
  return bytes[at] === UPPER_B ? HAS_BCC : 0;
}

function isSame(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i += 1) if (bytes[at + i] !== name[i]) return false;
  return true;
}
