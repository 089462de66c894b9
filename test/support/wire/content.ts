// Test thread. Content headers (specification 4.2.6.1) and body frames for the test client: the 14
// properties of class basic to bytes and back, and a body cut into frames of at most frame-max.
import { ByteReader, encodeShortString, encodeTable, type FieldTable } from './field-values.ts';
import { FRAME_BODY, FRAME_HEADER, frame, uint64 } from './frames.ts';

const BASIC_CLASS_ID = 60;

/** The properties in wire order; the first one is the highest flag bit. */
export interface Properties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: FieldTable;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
  readonly messageId?: string;
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

const PROPERTY_NAMES: readonly (keyof Properties)[] = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
];

/** Flags and values, as they stand in a content header behind the body size. */
export function encodeProperties(properties: Properties): Buffer {
  let flags = 0;
  const parts: Buffer[] = [Buffer.alloc(2)];
  PROPERTY_NAMES.forEach((name, index) => {
    const value = properties[name];
    if (value === undefined) return;
    flags |= 1 << (15 - index);
    parts.push(encodeProperty(name, value));
  });
  parts[0].writeUInt16BE(flags);
  return Buffer.concat(parts);
}

function encodeProperty(name: keyof Properties, value: string | number | FieldTable): Buffer {
  if (name === 'headers') return encodeTable(value as FieldTable);
  if (name === 'timestamp') return uint64(value as number);
  if (typeof value === 'number') return Buffer.from([value]);
  return encodeShortString(value as string);
}

function decodeProperties(reader: ByteReader): Properties {
  const flags = reader.short();
  const properties: Record<string, unknown> = {};
  PROPERTY_NAMES.forEach((name, index) => {
    if ((flags & (1 << (15 - index))) === 0) return;
    if (name === 'headers') properties[name] = reader.table();
    else if (name === 'timestamp') properties[name] = reader.longlong();
    else if (name === 'deliveryMode' || name === 'priority') properties[name] = reader.octet();
    else properties[name] = reader.shortString();
  });
  return properties;
}

export interface ContentHeader {
  readonly bodyBytes: number;
  readonly properties: Properties;
  /** Flags and values byte for byte, to prove that a broker passes them on unchanged. */
  readonly propertyBytes: Buffer;
}

export function decodeContentHeader(payload: Buffer): ContentHeader {
  const reader = new ByteReader(payload);
  const classId = reader.short();
  if (classId !== BASIC_CLASS_ID) throw new Error(`the broker sent content of class ${classId}`);
  reader.short();
  const bodyBytes = reader.longlong();
  const propertyBytes = Buffer.from(payload.subarray(reader.at));
  return { bodyBytes, properties: decodeProperties(reader), propertyBytes };
}

export function headerFrame(
  channel: number,
  bodyBytes: number,
  properties: Properties | Buffer = {},
  classId = BASIC_CLASS_ID,
): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt16BE(classId);
  const flagsAndValues = Buffer.isBuffer(properties) ? properties : encodeProperties(properties);
  const payload = Buffer.concat([prefix, uint64(bodyBytes), flagsAndValues]);
  return frame(FRAME_HEADER, channel, payload);
}

export function bodyFrame(channel: number, body: Buffer): Buffer {
  return frame(FRAME_BODY, channel, body);
}

/**
 * The body as frames of at most `frameBytesMax` each, header and end octet included; none if empty.
 */
export function bodyFrames(channel: number, body: Buffer, frameBytesMax: number): Buffer[] {
  const pieceBytes = frameBytesMax - 8;
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; at += pieceBytes) {
    frames.push(bodyFrame(channel, body.subarray(at, at + pieceBytes)));
  }
  return frames;
}
