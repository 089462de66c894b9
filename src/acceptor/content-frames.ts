// Builds basic.deliver, basic.get-ok and basic.return with their content, straight into a
// connection's output. Acceptor thread, hot path: no allocation per inline message.
//
//   method: 1 channel size | class method ... exrk ... | CE
//   header: 2 channel size | 60 0 bodySize(8) props | CE
//   body:   3 channel size | at most frame_max - 8 bytes | CE   (repeated; none for an empty body)
//
// Specification 2.3.5 and 4.2.6. `exrk` (exchange and routing key) and `props` (flags and list) are
// sent as the publisher sent them.
import { copyBytes } from '../base/copy.ts';
import {
  CLASS_BASIC,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_BYTES,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from '../protocol/constants.ts';
import type { Output } from './output.ts';

const HEADER_FIXED_BYTES = 12;
const UINT32 = 0x1_0000_0000;

/** A message to be framed; one reused instance per acceptor. */
export class OutgoingContent {
  source: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  exrkAt = 0;
  exrkBytes = 0;
  /** Where props and body lie: `source` too, or a slab. */
  contentSource: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  propsAt = 0;
  propsBytes = 0;
  bodyAt = 0;
  bodyBytes = 0;
  /** The body stays where it is until the socket has sent it; else it is copied. */
  isShared = false;
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

/** The content header and the body frames. */
export function writeContent(
  output: Output,
  channel: number,
  content: OutgoingContent,
  frameMax: number,
): void {
  const { contentSource, bodyAt, bodyBytes } = content;
  writeHeader(output, channel, contentSource, content.propsAt, content.propsBytes, bodyBytes);
  const pieceMax = frameMax - FRAME_OVERHEAD_BYTES;
  for (let done = 0; done < bodyBytes; done += pieceMax) {
    const piece = bodyBytes - done < pieceMax ? bodyBytes - done : pieceMax;
    const from = bodyAt + done;
    if (content.isShared) sendShared(output, channel, contentSource.subarray(from, from + piece));
    else writeBody(output, channel, contentSource, from, piece);
  }
}

function writeHeader(
  output: Output,
  channel: number,
  source: Buffer<ArrayBufferLike>,
  propsAt: number,
  propsBytes: number,
  bodyBytes: number,
): void {
  const payloadBytes = HEADER_FIXED_BYTES + propsBytes;
  const at = output.reserve(payloadBytes + FRAME_OVERHEAD_BYTES);
  const { view } = output;
  view.setUint8(at, FRAME_HEADER);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, payloadBytes);
  view.setUint32(at + 7, CLASS_BASIC << 16);
  view.setUint32(at + 11, 0);
  view.setUint32(at + 15, bodyBytes);
  copyBytes(
    source,
    propsAt,
    output.bytes,
    at + FRAME_HEADER_BYTES + HEADER_FIXED_BYTES,
    propsBytes,
  );
  view.setUint8(at + FRAME_HEADER_BYTES + payloadBytes, FRAME_END);
}

function writeBody(
  output: Output,
  channel: number,
  source: Buffer<ArrayBufferLike>,
  bodyAt: number,
  bodyBytes: number,
): void {
  const at = output.reserve(bodyBytes + FRAME_OVERHEAD_BYTES);
  const { view } = output;
  view.setUint8(at, FRAME_BODY);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, bodyBytes);
  copyBytes(source, bodyAt, output.bytes, at + FRAME_HEADER_BYTES, bodyBytes);
  view.setUint8(at + FRAME_HEADER_BYTES + bodyBytes, FRAME_END);
}

function sendShared(output: Output, channel: number, body: Uint8Array): void {
  const at = output.reserve(FRAME_HEADER_BYTES);
  const { view } = output;
  view.setUint8(at, FRAME_BODY);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, body.length);
  output.appendShared(body);
  const endAt = output.reserve(1);
  output.view.setUint8(endAt, FRAME_END);
}
