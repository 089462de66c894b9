// Test thread. Frames (specification 4.2.3) to bytes and back for the test client, drawn:
//
//   0      1         3        7              size+7
//   +------+---------+--------+-- payload ---+------+
//   | type | channel |  size  |              | 0xCE |
//   +------+---------+--------+--------------+------+
//
// `FrameSplitter` takes bytes as the socket gives them and yields whole frames. It trusts nothing:
// a frame of the broker with a wrong end octet or of an unknown type throws.
import type { ByteReader } from './field-values.ts';
import {
  encodeLongString,
  encodeShortString,
  encodeTable,
  type FieldTable,
  uint32,
} from './field-values.ts';
import { type Domain, grammarOf, METHODS, type MethodFields, type MethodName } from './methods.ts';

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;
const FRAME_END = 0xce;
const FRAME_OVERHEAD_BYTES = 8;

export const PROTOCOL_HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(payload.length + FRAME_OVERHEAD_BYTES);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  payload.copy(bytes, 7);
  bytes.writeUInt8(FRAME_END, payload.length + 7);
  return bytes;
}

export const HEARTBEAT = frame(FRAME_HEARTBEAT, 0, Buffer.alloc(0));

export function methodFrame<Name extends MethodName>(
  channel: number,
  name: Name,
  fields: Partial<MethodFields<Name>>,
): Buffer {
  return frame(FRAME_METHOD, channel, methodPayload(name, fields));
}

/** Class id, method id and arguments; arguments left out are zero, empty or false. */
export function methodPayload<Name extends MethodName>(
  name: Name,
  fields: Partial<MethodFields<Name>>,
): Buffer {
  const [classId, methodId] = METHODS[name];
  const values = fields as Readonly<Record<string, unknown>>;
  const parts = [uint16(classId), uint16(methodId)];
  let bits = 0;
  let bitCount = 0;
  for (const [argument, domain] of grammarOf(name)) {
    if (domain === 'bit') {
      if (values[argument] === true) bits |= 1 << bitCount;
      bitCount += 1;
      continue;
    }
    // Consecutive bits share an octet, lowest first (4.2.5.2).
    if (bitCount > 0) parts.push(Buffer.from([bits]));
    bits = 0;
    bitCount = 0;
    parts.push(encodeArgument(domain, values[argument]));
  }
  if (bitCount > 0) parts.push(Buffer.from([bits]));
  return Buffer.concat(parts);
}

function encodeArgument(domain: Domain, value: unknown): Buffer {
  switch (domain) {
    case 'octet':
      return Buffer.from([Number(value ?? 0)]);
    case 'short':
      return uint16(Number(value ?? 0));
    case 'long':
      return uint32(Number(value ?? 0));
    case 'longlong':
      return uint64(Number(value ?? 0));
    case 'shortstr':
      return encodeShortString((value ?? '') as string);
    case 'longstr':
    case 'bytes':
      return encodeLongString((value ?? '') as string);
    case 'table':
      return encodeTable((value ?? {}) as FieldTable);
    case 'bit':
      throw new Error('bits are packed by the caller');
  }
}

export function decodeFields(name: MethodName, reader: ByteReader): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  let bits = 0;
  let bitCount = 0;
  for (const [argument, domain] of grammarOf(name)) {
    if (domain === 'bit') {
      if (bitCount === 0) bits = reader.octet();
      fields[argument] = ((bits >> bitCount) & 1) === 1;
      bitCount += 1;
      continue;
    }
    bitCount = 0;
    fields[argument] = decodeArgument(domain, reader);
  }
  return fields;
}

function decodeArgument(domain: Domain, reader: ByteReader): unknown {
  switch (domain) {
    case 'octet':
      return reader.octet();
    case 'short':
      return reader.short();
    case 'long':
      return reader.long();
    case 'longlong':
      return reader.longlong();
    case 'shortstr':
      return reader.shortString();
    case 'longstr':
      return reader.longString().toString('utf8');
    case 'bytes':
      return reader.longString();
    case 'table':
      return reader.table();
    case 'bit':
      throw new Error('bits are unpacked by the caller');
  }
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Collects socket bytes and yields every frame that is complete. */
export class FrameSplitter {
  #kept: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): Frame[] {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const frames: Frame[] = [];
    while (rest.length >= FRAME_OVERHEAD_BYTES) {
      const size = rest.readUInt32BE(3);
      const end = size + FRAME_OVERHEAD_BYTES;
      if (rest.length < end) break;
      if (rest[end - 1] !== FRAME_END) throw new Error('a frame of the broker has no end octet');
      frames.push({
        type: rest.readUInt8(0),
        channel: rest.readUInt16BE(1),
        payload: rest.subarray(7, end - 1),
      });
      rest = rest.subarray(end);
    }
    this.#kept = rest;
    return frames;
  }
}
