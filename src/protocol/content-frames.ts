// Writes the frames of a content: header and body. Acceptor and shard threads, hot path: no
// allocation. Specification 2.3.5 and 4.2.6.
//
//   header: 2 channel size | 60 0 bodySize(8) props | CE
//   body:   3 channel size | at most frame_max - 8 bytes | CE   (repeated; none for an empty body)
//
// `props` (flags and list) stand as the publisher sent them.
import { copyBytes } from '../base/copy.ts';
import {
  CLASS_BASIC,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_BYTES,
  FRAME_OVERHEAD_BYTES,
} from './constants.ts';

const HEADER_FIXED_BYTES = 12;

/** Memory that frames are written to. */
export interface FrameTarget {
  readonly bytes: Buffer<ArrayBufferLike>;
  /** Of the same bytes, for big-endian fields. */
  readonly view: DataView<ArrayBufferLike>;
}

export function contentHeaderBytes(propsBytes: number): number {
  return FRAME_OVERHEAD_BYTES + HEADER_FIXED_BYTES + propsBytes;
}

export function bodyFramesBytes(bodyBytes: number, frameMax: number): number {
  const pieceMax = frameMax - FRAME_OVERHEAD_BYTES;
  // Nearly always one frame: no division then.
  const frames = bodyBytes <= pieceMax ? (bodyBytes > 0 ? 1 : 0) : Math.ceil(bodyBytes / pieceMax);
  return bodyBytes + frames * FRAME_OVERHEAD_BYTES;
}

/** Writes the content header at `at` as far as its props and returns where those go. */
export function writeContentHeaderHead(
  view: DataView<ArrayBufferLike>,
  at: number,
  channel: number,
  propsBytes: number,
  bodyBytes: number,
): number {
  view.setUint8(at, FRAME_HEADER);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, HEADER_FIXED_BYTES + propsBytes);
  view.setUint32(at + 7, CLASS_BASIC << 16);
  view.setUint32(at + 11, 0);
  view.setUint32(at + 15, bodyBytes);
  return at + FRAME_HEADER_BYTES + HEADER_FIXED_BYTES;
}

/** Writes the content header at `at` and returns where it ends. */
export function writeContentHeader(
  target: FrameTarget,
  at: number,
  channel: number,
  source: Buffer<ArrayBufferLike>,
  propsAt: number,
  propsBytes: number,
  bodyBytes: number,
): number {
  const { bytes, view } = target;
  const propsTo = writeContentHeaderHead(view, at, channel, propsBytes, bodyBytes);
  copyBytes(source, propsAt, bytes, propsTo, propsBytes);
  view.setUint8(propsTo + propsBytes, FRAME_END);
  return propsTo + propsBytes + 1;
}

export function writeBodyFrameHead(
  view: DataView<ArrayBufferLike>,
  at: number,
  channel: number,
  pieceBytes: number,
): void {
  view.setUint8(at, FRAME_BODY);
  view.setUint16(at + 1, channel);
  view.setUint32(at + 3, pieceBytes);
}

/** Writes all body frames with a copy of the body and returns where they end. */
export function writeBodyFrames(
  target: FrameTarget,
  at: number,
  channel: number,
  source: Buffer<ArrayBufferLike>,
  bodyAt: number,
  bodyBytes: number,
  frameMax: number,
): number {
  const { bytes, view } = target;
  const pieceMax = frameMax - FRAME_OVERHEAD_BYTES;
  let to = at;
  for (let done = 0; done < bodyBytes; done += pieceMax) {
    const piece = bodyBytes - done < pieceMax ? bodyBytes - done : pieceMax;
    writeBodyFrameHead(view, to, channel, piece);
    copyBytes(source, bodyAt + done, bytes, to + FRAME_HEADER_BYTES, piece);
    to += FRAME_OVERHEAD_BYTES + piece;
    view.setUint8(to - 1, FRAME_END);
  }
  return to;
}
