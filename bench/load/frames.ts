// The AMQP 0-9-1 frames that the load generator sends, built by hand. Runs in the generator's
// process only, in cold code (connecting, declaring); publishes are built once and sent many times.
// Invariant: nothing of the broker's own code is used, so a mistake there cannot hide here.
// Source: specification 4.2.3 (frames), 1.4 to 1.8 (methods); method ids are class << 16 | method.

export const METHOD = {
  connectionStart: (10 << 16) | 10,
  connectionStartOk: (10 << 16) | 11,
  connectionTune: (10 << 16) | 30,
  connectionTuneOk: (10 << 16) | 31,
  connectionOpen: (10 << 16) | 40,
  connectionOpenOk: (10 << 16) | 41,
  connectionClose: (10 << 16) | 50,
  connectionCloseOk: (10 << 16) | 51,
  connectionBlocked: (10 << 16) | 60,
  connectionUnblocked: (10 << 16) | 61,
  channelOpen: (20 << 16) | 10,
  channelOpenOk: (20 << 16) | 11,
  channelClose: (20 << 16) | 40,
  channelCloseOk: (20 << 16) | 41,
  exchangeDeclare: (40 << 16) | 10,
  exchangeDeclareOk: (40 << 16) | 11,
  exchangeDelete: (40 << 16) | 20,
  exchangeDeleteOk: (40 << 16) | 21,
  queueDeclare: (50 << 16) | 10,
  queueDeclareOk: (50 << 16) | 11,
  queueBind: (50 << 16) | 20,
  queueBindOk: (50 << 16) | 21,
  queueUnbind: (50 << 16) | 50,
  queueUnbindOk: (50 << 16) | 51,
  queueDelete: (50 << 16) | 40,
  queueDeleteOk: (50 << 16) | 41,
  basicQos: (60 << 16) | 10,
  basicQosOk: (60 << 16) | 11,
  basicConsume: (60 << 16) | 20,
  basicConsumeOk: (60 << 16) | 21,
  basicCancel: (60 << 16) | 30,
  basicCancelOk: (60 << 16) | 31,
  basicPublish: (60 << 16) | 40,
  basicDeliver: (60 << 16) | 60,
  basicAck: (60 << 16) | 80,
  basicNack: (60 << 16) | 120,
  confirmSelect: (85 << 16) | 10,
  confirmSelectOk: (85 << 16) | 11,
} as const;

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;
export const FRAME_END = 0xce;
/** Type octet, channel, payload size before the payload, and the end octet after it. */
export const FRAME_OVERHEAD_BYTES = 8;
export const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  return Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
}

export function shortString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > 255) throw new RangeError(`longer than a short string: ${text}`);
  return Buffer.concat([u8(bytes.length), bytes]);
}

export function longString(bytes: Buffer): Buffer {
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** A field table of long strings, booleans and tables (4.2.5.5): all that a client announces. */
export function fieldTable(fields: Record<string, string | boolean | Buffer>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(shortString(name));
    if (typeof value === 'string') parts.push(Buffer.from('S'), longString(Buffer.from(value)));
    else if (typeof value === 'boolean') parts.push(Buffer.from('t'), u8(value ? 1 : 0));
    else parts.push(Buffer.from('F'), value);
  }
  return longString(Buffer.concat(parts));
}

/** The long string called `name` in an encoded table, found by its bytes; empty when absent. */
export function findTextField(bytes: Buffer, name: string): string {
  const key = Buffer.concat([shortString(name), Buffer.from('S')]);
  const at = bytes.indexOf(key);
  if (at < 0) return '';
  const start = at + key.length + 4;
  return bytes.toString('utf8', start, start + readU32(bytes, start - 4));
}

export const EMPTY_TABLE = fieldTable({});

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(FRAME_END)]);
}

export function methodFrame(channel: number, method: number, ...fields: Buffer[]): Buffer {
  return frame(FRAME_METHOD, channel, Buffer.concat([u32(method), ...fields]));
}

/** One whole publish, and where in it the first byte of the body is. */
export interface PublishFrames {
  readonly bytes: Buffer;
  readonly bodyStart: number;
}

/** basic.publish, content header and body frames; the body is filled with `x`. */
export function publishFrames(
  exchange: string,
  routingKey: string,
  bodyBytes: number,
  persistent: boolean,
  frameBytesMax: number,
): PublishFrames {
  const method = methodFrame(
    1,
    METHOD.basicPublish,
    u16(0),
    shortString(exchange),
    shortString(routingKey),
    u8(0),
  );
  // Property flags: bit 12 announces delivery-mode, 2 = persistent (1.8.1); otherwise none at all.
  const properties = persistent ? Buffer.concat([u16(1 << 12), u8(2)]) : u16(0);
  const header = frame(
    FRAME_HEADER,
    1,
    Buffer.concat([u16(60), u16(0), u64(bodyBytes), properties]),
  );
  const parts = [method, header];
  const pieceBytesMax = frameBytesMax - FRAME_OVERHEAD_BYTES;
  for (let left = bodyBytes; left > 0; left -= pieceBytesMax) {
    parts.push(frame(FRAME_BODY, 1, Buffer.alloc(Math.min(left, pieceBytesMax), 'x')));
  }
  return { bytes: Buffer.concat(parts), bodyStart: method.length + header.length + 7 };
}

/** Big-endian, unsigned; written out because it is read several times per message. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
