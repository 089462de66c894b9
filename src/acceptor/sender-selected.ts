// The routing keys that a message names in its headers CC and BCC besides its own
// (https://www.rabbitmq.com/docs/sender-selected). Acceptor thread, cold: only messages that have
// such a header come here. Each is an array of long strings; what else is in the array is passed
// over, and any other type is refused (rabbit_basic:header_routes).
import { unacceptableHeaderType } from '../errors/channel-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { PropertyScan } from '../protocol/properties.ts';
import { findField, HAS_BCC, HAS_CC, valueEnd } from '../protocol/table-scan.ts';
import type { IncomingPublish } from './publisher.ts';

const CC = Buffer.from('CC');
export const BCC = Buffer.from('BCC');

const ARRAY = 0x41;
const LONG_STRING = 0x53;
/** The type, and the length of what follows. */
const HEAD_BYTES = 5;

/** What RabbitMQ calls the wire types. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  T: 'timestamp',
  S: 'longstr',
  x: 'binary',
  V: 'void',
  F: 'table',
};

/** `noticed` is what `scanTable` has said about the headers that `scan` has found. */
export function selectedKeys(
  message: IncomingPublish,
  scan: PropertyScan,
  noticed: number,
): string[] {
  const keys: string[] = [];
  if ((noticed & HAS_CC) !== 0) addKeys(message, scan, CC, keys);
  if ((noticed & HAS_BCC) !== 0) addKeys(message, scan, BCC, keys);
  return keys;
}

function addKeys(
  { bytes, view }: IncomingPublish,
  { headersOffset, headersBytes }: PropertyScan,
  name: Buffer,
  keys: string[],
): void {
  const end = headersOffset + headersBytes;
  const valueAt = findField(bytes, view, headersOffset, end, name);
  const type = bytes[valueAt];
  if (type !== ARRAY) {
    const typeName = TYPE_NAMES[String.fromCharCode(type)];
    throw new AmqpError(unacceptableHeaderType(name.toString(), typeName));
  }
  const arrayEnd = valueEnd(bytes, view, valueAt, end, 1);
  let at = valueAt + HEAD_BYTES;
  while (at < arrayEnd) {
    const next = valueEnd(bytes, view, at, arrayEnd, 1);
    if (bytes[at] === LONG_STRING) keys.push(bytes.toString('utf8', at + HEAD_BYTES, next));
    at = next;
  }
}
