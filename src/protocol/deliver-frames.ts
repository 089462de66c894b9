// A complete basic.deliver: method, header and body frames, written by the shard that has the
// message, so that the acceptor has only bytes to pass on. Shard thread writes, acceptor thread
// puts the delivery tag in. Hot path: no allocation.
//
//   1 channel size | 60 60 consumer-tag delivery-tag(8) redelivered exrk | CE    specification
//   2 ...          header                                                        1.8.3.13
//   3 ...          body
//
// `exrk` is exchange and routing key as two short strings, as the publisher sent them. The delivery
// tag is written as 0: only the channel's acceptor counts over all shards.
import { copyBytes } from '../base/copy.ts';
import {
  bodyFramesBytes,
  contentHeaderBytes,
  type FrameTarget,
  writeBodyFrames,
  writeContentHeader,
} from './content-frames.ts';
import {
  CLASS_BASIC,
  FRAME_END,
  FRAME_HEADER_BYTES,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from './constants.ts';

const NOWHERE = Buffer.alloc(0);
const METHOD_DELIVER = 60;
const SIZE_AT = 3;
const ID_BYTES = 4;
const TAG_AT = FRAME_HEADER_BYTES + ID_BYTES;
/** delivery-tag and redelivered. */
const FIXED_BYTES = 9;
/** Where the low half of the body's size stands in a content header frame. */
const BODY_SIZE_AT = 15;

/**
 * The beginning of every basic.deliver for one consumer, its tag (a short string, length octet
 * included) being the last; the size is still 0.
 */
export function deliverHead(channel: number, consumerTag: Uint8Array): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(TAG_AT + consumerTag.length);
  head.writeUInt8(FRAME_METHOD, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt16BE(CLASS_BASIC, FRAME_HEADER_BYTES);
  head.writeUInt16BE(METHOD_DELIVER, FRAME_HEADER_BYTES + 2);
  head.set(consumerTag, TAG_AT);
  return head;
}

/** An inline message: exrk, props and body one behind the other from `dataAt` of `source`. */
export class MessageData {
  source: Buffer<ArrayBufferLike> = NOWHERE;
  dataAt = 0;
  exrkBytes = 0;
  propsBytes = 0;
  bodyBytes = 0;
}

export function deliverFramesBytes(
  head: Uint8Array,
  message: MessageData,
  frameMax: number,
): number {
  const methodBytes = head.length + FIXED_BYTES + message.exrkBytes + 1;
  const headerBytes = contentHeaderBytes(message.propsBytes);
  return methodBytes + headerBytes + bodyFramesBytes(message.bodyBytes, frameMax);
}

/** Writes a delivery at `at`, where `deliverFramesBytes` are free. */
export function writeDeliverFrames(
  target: FrameTarget,
  at: number,
  head: Uint8Array,
  message: MessageData,
  isRedelivered: boolean,
  channel: number,
  frameMax: number,
): void {
  const { bytes, view } = target;
  const { source, dataAt, exrkBytes, propsBytes, bodyBytes } = message;
  const headBytes = head.length;
  for (let i = 0; i < headBytes; i += 1) bytes[at + i] = head[i];
  view.setUint32(at + SIZE_AT, headBytes - FRAME_HEADER_BYTES + FIXED_BYTES + exrkBytes);
  let to = at + headBytes;
  view.setUint32(to, 0);
  view.setUint32(to + 4, 0);
  view.setUint8(to + 8, isRedelivered ? 1 : 0);
  to += FIXED_BYTES;
  copyBytes(source, dataAt, bytes, to, exrkBytes);
  to += exrkBytes;
  view.setUint8(to, FRAME_END);
  const propsAt = dataAt + exrkBytes;
  to = writeContentHeader(target, to + 1, channel, source, propsAt, propsBytes, bodyBytes);
  writeBodyFrames(target, to, channel, source, propsAt + propsBytes, bodyBytes, frameMax);
}

const UINT32 = 0x1_0000_0000;

/** Puts the delivery tag into the delivery at `at` and returns where the delivery ends. */
export function tagDelivery(
  view: DataView<ArrayBufferLike>,
  at: number,
  deliveryTag: number,
): number {
  const tagAt = at + TAG_AT + 1 + view.getUint8(at + TAG_AT);
  if (deliveryTag >= UINT32) view.setUint32(tagAt, Math.floor(deliveryTag / UINT32));
  view.setUint32(tagAt + 4, deliveryTag >>> 0);
  const headerAt = at + FRAME_OVERHEAD_BYTES + view.getUint32(at + SIZE_AT);
  let bodyMissing = view.getUint32(headerAt + BODY_SIZE_AT);
  let to = headerAt + FRAME_OVERHEAD_BYTES + view.getUint32(headerAt + SIZE_AT);
  while (bodyMissing > 0) {
    const piece = view.getUint32(to + SIZE_AT);
    bodyMissing -= piece;
    to += FRAME_OVERHEAD_BYTES + piece;
  }
  return to;
}
