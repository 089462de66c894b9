// The properties of a message: the content header of class basic (specification 4.2.6.1, 1.8).
// Decoder and encoder for cold code and clients; the broker's hot path uses property-scan.ts.
// Runs in any thread.
//
//   content header payload: class (short) | weight (short, 0) | body bytes (longlong)
//                           | flags (short) | the properties whose flag is set, in order
//
// Short strings here need not be UTF-8 (RabbitMQ does not check them); such bytes become U+FFFD.
import { malformedPropertyFlags } from '../errors/protocol-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { CLASS_BASIC, FRAME_HEADER } from './constants.ts';
import type { FieldTable } from './field-table.ts';
import {
  FLAG_APP_ID,
  FLAG_CLUSTER_ID,
  FLAG_CONTENT_ENCODING,
  FLAG_CONTENT_TYPE,
  FLAG_CONTINUATION,
  FLAG_CORRELATION_ID,
  FLAG_DELIVERY_MODE,
  FLAG_EXPIRATION,
  FLAG_HEADERS,
  FLAG_MESSAGE_ID,
  FLAG_PRIORITY,
  FLAG_REPLY_TO,
  FLAG_TIMESTAMP,
  FLAG_TYPE,
  FLAG_USER_ID,
} from './property-flags.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export { PropertyScan } from './property-scan.ts';

export interface BasicProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: FieldTable;
  /** 1: transient, 2: persistent. */
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** Milliseconds to live, as text. */
  readonly expiration?: string;
  readonly messageId?: string;
  /** Seconds since 1970; at most 2^53 - 1. */
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

type PropertyName = keyof BasicProperties;

/** In the order of the wire, which is that of the flags from the highest bit down. */
const PROPERTIES: readonly (readonly [PropertyName, number])[] = [
  ['contentType', FLAG_CONTENT_TYPE],
  ['contentEncoding', FLAG_CONTENT_ENCODING],
  ['headers', FLAG_HEADERS],
  ['deliveryMode', FLAG_DELIVERY_MODE],
  ['priority', FLAG_PRIORITY],
  ['correlationId', FLAG_CORRELATION_ID],
  ['replyTo', FLAG_REPLY_TO],
  ['expiration', FLAG_EXPIRATION],
  ['messageId', FLAG_MESSAGE_ID],
  ['timestamp', FLAG_TIMESTAMP],
  ['type', FLAG_TYPE],
  ['userId', FLAG_USER_ID],
  ['appId', FLAG_APP_ID],
  ['clusterId', FLAG_CLUSTER_ID],
];

/** Decodes the flags and properties from the reader's offset to its end; throws `AmqpError`. */
export function decodeProperties(reader: WireReader): BasicProperties {
  reader.subject = 'basic properties';
  const flags = reader.short();
  if ((flags & FLAG_CONTINUATION) !== 0) throw new AmqpError(malformedPropertyFlags(flags));
  const properties: { [name in PropertyName]?: string | number | FieldTable } = {};
  for (const [name, flag] of PROPERTIES) {
    if ((flags & flag) !== 0) properties[name] = readProperty(reader, name);
  }
  reader.finish();
  return properties as BasicProperties;
}

/** The flags and the properties as a content header has them. */
export function encodedProperties(properties: BasicProperties): Uint8Array {
  const writer = new WireWriter();
  encodeProperties(writer, properties);
  return writer.take();
}

/** Writes the flags and the properties that are there. */
function encodeProperties(writer: WireWriter, properties: BasicProperties): void {
  let flags = 0;
  for (const [name, flag] of PROPERTIES) {
    if (properties[name] !== undefined) flags |= flag;
  }
  writer.short(flags);
  for (const [name] of PROPERTIES) writeProperty(writer, name, properties[name]);
}

/** A content header frame for a body of `bodyBytes` bytes. */
export function contentHeaderFrame(
  channel: number,
  bodyBytes: number,
  properties: BasicProperties,
): Uint8Array {
  const writer = new WireWriter();
  writer.startFrame(FRAME_HEADER, channel);
  writer.short(CLASS_BASIC);
  writer.short(0);
  writer.longlong(bodyBytes);
  encodeProperties(writer, properties);
  writer.endFrame();
  return writer.take();
}

function readProperty(reader: WireReader, name: PropertyName): string | number | FieldTable {
  if (name === 'headers') return reader.table();
  if (name === 'deliveryMode' || name === 'priority') return reader.octet();
  if (name === 'timestamp') return reader.longlongNumber();
  return reader.shortStringLenient();
}

function writeProperty(
  writer: WireWriter,
  name: PropertyName,
  value: BasicProperties[PropertyName],
): void {
  if (typeof value === 'string') writer.shortString(value);
  else if (typeof value === 'object') writer.table(value);
  else if (value === undefined) return;
  else if (name === 'timestamp') writer.longlong(value);
  else writer.octet(value);
}
