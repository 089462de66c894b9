// Reads deliveries back from the frames that a shard has made of them, for tracing. Acceptor
// thread, cold. The frames are our own, so nothing is checked (deliver-frames.ts writes them).
import { FRAME_HEADER_BYTES } from '../protocol/constants.ts';

export interface DeliveredFrames {
  readonly exchange: string;
  readonly routingKey: string;
  readonly isRedelivered: boolean;
  /** Flags and list. */
  readonly properties: Buffer;
  readonly body: Buffer;
  /** Where the next delivery begins. */
  readonly end: number;
}

const METHOD_ID_BYTES = 4;
const DELIVERY_TAG_BYTES = 8;
/** class, weight and body size of a content header. */
const HEADER_FIXED_BYTES = 12;
/** Of the body size: class, weight and the high half, which is 0. */
const BODY_BYTES_AT = 8;

/** The delivery whose basic.deliver frame begins at `start`; its bytes are copied. */
export function readDelivered(bytes: Buffer<ArrayBufferLike>, start: number): DeliveredFrames {
  const tagAt = start + FRAME_HEADER_BYTES + METHOD_ID_BYTES;
  const redeliveredAt = tagAt + 1 + bytes[tagAt] + DELIVERY_TAG_BYTES;
  const exchangeAt = redeliveredAt + 1;
  const keyAt = exchangeAt + 1 + bytes[exchangeAt];
  const header = frameEnd(bytes, start);
  const headerAt = header + FRAME_HEADER_BYTES;
  let at = frameEnd(bytes, header);
  const bodyBytes = bytes.readUInt32BE(headerAt + BODY_BYTES_AT);
  const body = Buffer.allocUnsafe(bodyBytes);
  for (let done = 0; done < bodyBytes; at = frameEnd(bytes, at)) {
    const from = at + FRAME_HEADER_BYTES;
    done += bytes.copy(body, done, from, frameEnd(bytes, at) - 1);
  }
  return {
    exchange: shortString(bytes, exchangeAt),
    routingKey: shortString(bytes, keyAt),
    isRedelivered: bytes[redeliveredAt] !== 0,
    properties: Buffer.from(
      bytes.subarray(headerAt + HEADER_FIXED_BYTES, frameEnd(bytes, header) - 1),
    ),
    body,
    end: at,
  };
}

function frameEnd(bytes: Buffer<ArrayBufferLike>, at: number): number {
  return at + FRAME_HEADER_BYTES + bytes.readUInt32BE(at + 3) + 1;
}

function shortString(bytes: Buffer<ArrayBufferLike>, at: number): string {
  return bytes.toString('utf8', at + 1, at + 1 + bytes[at]);
}
