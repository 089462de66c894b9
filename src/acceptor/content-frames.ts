// Builds basic.get-ok, basic.return and, for bodies in a slab, basic.deliver with their content,
// straight into a connection's output. Acceptor thread. (Inline messages for consumers come framed:
// src/protocol/deliver-frames.ts.)
import { copyFromSlab } from '../../shards/mailbox/slab-copying.ts';
import { NO_PAGE, type Slab, SlabCursor } from '../../shards/mailbox/slab.ts';
import { copyBytes } from '../base/copy.ts';
import {
  contentHeaderBytes,
  writeBodyFrameHead,
  writeBodyFrames,
  writeContentHeader,
  writeContentHeaderHead,
} from '../protocol/content-frames.ts';
import {
  FRAME_END,
  FRAME_HEADER_BYTES,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from '../protocol/constants.ts';
import type { Output } from './output.ts';

const UINT32 = 0x1_0000_0000;

/**
 * Smaller bodies are copied out of the slab: cheaper than pieces of their own in a writev. Measured
 * with bodies of 4 KiB: 236 k/s copied, 191 k/s not; of 8 KiB: 116 and 128 k/s.
 */
const SHARED_BODY_BYTES_MIN = 8 * 1024;

/** A message to be framed; one reused instance per acceptor. */
export class OutgoingContent {
  /** Holds exrk, props unless they lie in the slab and, without a slab, the body. */
  source: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  exrkAt = 0;
  exrkBytes = 0;
  propsAt = 0;
  propsBytes = 0;
  bodyAt = 0;
  bodyBytes = 0;
  /** Where the body lies instead, and props before it unless the message has its own. */
  slab: Slab | null = null;
  slabPage = NO_PAGE;
  slabSkip = 0;
  hasOwnProps = false;
}

/** Starts a method frame of `payloadBytes` in `output`: returns where its arguments begin. */
function startMethod(output: Output, channel: number, payloadBytes: number, id: number): number {
  const at = output.reserve(payloadBytes + FRAME_OVERHEAD_BYTES);
  const { view } = output;
  view.setUint8(at, FRAME_METHOD);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, payloadBytes);
  view.setUint32(at + 7, id);
  view.setUint8(at + FRAME_HEADER_BYTES + payloadBytes, FRAME_END);
  return at + FRAME_HEADER_BYTES + 4;
}

function writeLonglong(view: DataView, at: number, value: number): void {
  if (value < UINT32) {
    view.setUint32(at, 0);
    view.setUint32(at + 4, value);
    return;
  }
  view.setUint32(at, Math.floor(value / UINT32));
  view.setUint32(at + 4, value % UINT32);
}

/**
 * A method whose arguments are `head` (already encoded), `exrk` and `tail`, in this order:
 * basic.return (head, exrk) and basic.get-ok (head, exrk, tail).
 */
export function writeContentMethod(
  output: Output,
  channel: number,
  id: number,
  head: Uint8Array,
  content: OutgoingContent,
  tail: Uint8Array,
): void {
  const payloadBytes = 4 + head.length + content.exrkBytes + tail.length;
  const at = startMethod(output, channel, payloadBytes, id);
  output.bytes.set(head, at);
  const exrkTo = at + head.length;
  copyBytes(content.source, content.exrkAt, output.bytes, exrkTo, content.exrkBytes);
  output.bytes.set(tail, exrkTo + content.exrkBytes);
}

/**
 * basic.deliver: consumer-tag (`tag`, a short string with its length), delivery-tag, redelivered.
 */
export function writeDeliverMethod(
  output: Output,
  channel: number,
  id: number,
  tag: Buffer,
  deliveryTag: number,
  isRedelivered: boolean,
  content: OutgoingContent,
): void {
  const tagBytes = tag.length;
  const payloadBytes = 4 + tagBytes + 9 + content.exrkBytes;
  const at = startMethod(output, channel, payloadBytes, id);
  const { bytes, view } = output;
  for (let i = 0; i < tagBytes; i += 1) bytes[at + i] = tag[i];
  writeLonglong(view, at + tagBytes, deliveryTag);
  view.setUint8(at + tagBytes + 8, isRedelivered ? 1 : 0);
  copyBytes(content.source, content.exrkAt, bytes, at + tagBytes + 9, content.exrkBytes);
}

/**
 * The content header and the body frames. True when the body is sent from its slab, which then has
 * to keep it until the socket has taken everything; else all is copied.
 */
export function writeContent(
  output: Output,
  channel: number,
  content: OutgoingContent,
  frameMax: number,
): boolean {
  const { slab, propsBytes, bodyBytes } = content;
  if (slab !== null) return writeSlabContent(output, channel, content, slab, frameMax);
  const at = output.reserve(contentHeaderBytes(propsBytes));
  const { source, propsAt, bodyAt } = content;
  writeContentHeader(output.target, at, channel, source, propsAt, propsBytes, bodyBytes);
  const pieceMax = frameMax - FRAME_OVERHEAD_BYTES;
  for (let done = 0; done < bodyBytes; done += pieceMax) {
    const piece = bodyBytes - done < pieceMax ? bodyBytes - done : pieceMax;
    const to = output.reserve(piece + FRAME_OVERHEAD_BYTES);
    writeBodyFrames(output.target, to, channel, source, bodyAt + done, piece, frameMax);
  }
  return false;
}

const cursor = new SlabCursor();

function writeSlabContent(
  output: Output,
  channel: number,
  content: OutgoingContent,
  slab: Slab,
  frameMax: number,
): boolean {
  const { propsBytes, bodyBytes } = content;
  cursor.open(slab, content.slabPage);
  cursor.skip(content.slabSkip);
  const at = output.reserve(contentHeaderBytes(propsBytes));
  const propsTo = writeContentHeaderHead(output.view, at, channel, propsBytes, bodyBytes);
  if (content.hasOwnProps) {
    copyBytes(content.source, content.propsAt, output.bytes, propsTo, propsBytes);
  } else {
    copyFromSlab(slab, cursor, output.bytes, propsTo, propsBytes);
  }
  output.view.setUint8(propsTo + propsBytes, FRAME_END);
  const isShared = bodyBytes >= SHARED_BODY_BYTES_MIN;
  const pieceMax = frameMax - FRAME_OVERHEAD_BYTES;
  for (let done = 0; done < bodyBytes; done += pieceMax) {
    const piece = bodyBytes - done < pieceMax ? bodyBytes - done : pieceMax;
    if (isShared) shareBody(output, channel, slab, piece);
    else copyBody(output, channel, slab, piece);
  }
  return isShared;
}

function copyBody(output: Output, channel: number, slab: Slab, piece: number): void {
  const at = output.reserve(piece + FRAME_OVERHEAD_BYTES);
  writeBodyFrameHead(output.view, at, channel, piece);
  copyFromSlab(slab, cursor, output.bytes, at + FRAME_HEADER_BYTES, piece);
  output.view.setUint8(at + FRAME_HEADER_BYTES + piece, FRAME_END);
}

/** A body frame around bytes that stay where they are. */
function shareBody(output: Output, channel: number, slab: Slab, piece: number): void {
  const at = output.reserve(FRAME_HEADER_BYTES);
  writeBodyFrameHead(output.view, at, channel, piece);
  let left = piece;
  while (left > 0) {
    const count = cursor.next(left);
    output.appendShared(slab.bytes.subarray(cursor.at, cursor.at + count));
    left -= count;
  }
  const endAt = output.reserve(1);
  output.view.setUint8(endAt, FRAME_END);
}
