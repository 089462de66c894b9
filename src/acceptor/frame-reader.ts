// Splits what a socket delivered into frames and hands them on. Acceptor thread, hot path.
// Specification 2.3.5 and 4.2.3: type, channel, size, payload, 0xCE.
//
// Three shortcuts carry the load. A publish whose method, header and single body frame lie one
// behind the other is taken in one go. A body frame that is cut off by the end of the read is
// consumed as far as it goes, so large bodies are never gathered twice. Everything else waits until
// it is whole.
import {
  CLASS_BASIC,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_BYTES,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from '../protocol/constants.ts';
import { wrongFrameEnd } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { ID_BASIC_PUBLISH } from '../protocol/methods.generated.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import { PROPS_IN_SLAB } from './publisher.ts';

const MANDATORY_BIT = 1;
const IMMEDIATE_BIT = 2;
/** class, weight and body size of a content header. */
const HEADER_FIXED_BYTES = 12;
/** class and method, ticket. */
const PUBLISH_FIXED_BYTES = 6;

const NOT_TAKEN = -1;
const NO_ROOM = -2;

export class FrameReader {
  private readonly connection: Connection;
  /** The channel whose body frame is half read, and what is missing of it (payload, then end). */
  private bodyChannel: Channel | undefined;
  private bodyMissing: number;

  constructor(connection: Connection) {
    this.connection = connection;
    this.bodyChannel = undefined;
    this.bodyMissing = 0;
  }

  /**
   * Handles frames in bytes[start, end) and returns how far it got: to the start of an incomplete
   * frame, or of one that the connection cannot take now (it is then stalled).
   */
  read(bytes: Buffer<ArrayBufferLike>, view: DataView, start: number, end: number): number {
    const { connection } = this;
    let at = start;
    if (this.bodyChannel !== undefined) at = this.continueBody(this.bodyChannel, bytes, at, end);
    while (end - at >= FRAME_HEADER_BYTES && !connection.flow.isStalled) {
      const type = bytes[at];
      const payloadBytes = view.getUint32(at + 3);
      const frameEnd = at + FRAME_HEADER_BYTES + payloadBytes;
      if (payloadBytes > connection.payloadBytesMax) connection.checkFrameSize(type, payloadBytes);
      if (frameEnd >= end) {
        if (type === FRAME_BODY) at = this.startPartialBody(bytes, view, at, end);
        break;
      }
      if (bytes[frameEnd] !== FRAME_END) {
        throw new AmqpError(wrongFrameEnd(type, payloadBytes, bytes[frameEnd]));
      }
      const number = view.getUint16(at + 1);
      if (
        type === FRAME_METHOD &&
        payloadBytes > PUBLISH_FIXED_BYTES &&
        view.getUint32(at + FRAME_HEADER_BYTES) === ID_BASIC_PUBLISH
      ) {
        const channel = connection.channels.publishing(number);
        if (channel !== undefined) {
          const next = this.takePublish(channel, bytes, view, at, frameEnd, end);
          if (next === NO_ROOM) {
            connection.flow.stall();
            break;
          }
          if (next !== NOT_TAKEN) {
            at = next;
            continue;
          }
        }
      }
      if (!connection.frame(type, number, bytes, view, at + FRAME_HEADER_BYTES, frameEnd)) break;
      at = frameEnd + 1;
    }
    return at;
  }

  /** Takes a whole publish that starts at `at`: the end of its last frame, NOT_TAKEN or NO_ROOM. */
  private takePublish(
    channel: Channel,
    bytes: Buffer<ArrayBufferLike>,
    view: DataView,
    at: number,
    methodEnd: number,
    end: number,
  ): number {
    const header = methodEnd + 1;
    if (header + FRAME_OVERHEAD_BYTES + HEADER_FIXED_BYTES > end) return NOT_TAKEN;
    const headerBytes = view.getUint32(header + 3);
    const headerEnd = header + FRAME_HEADER_BYTES + headerBytes;
    if (headerEnd >= end || bytes[header] !== FRAME_HEADER || bytes[headerEnd] !== FRAME_END) {
      return NOT_TAKEN;
    }
    if (view.getUint16(header + 1) !== channel.number || headerBytes < HEADER_FIXED_BYTES + 2) {
      return NOT_TAKEN;
    }
    if (
      view.getUint16(header + 7) !== CLASS_BASIC ||
      headerBytes > this.connection.payloadBytesMax ||
      view.getUint32(header + 11) !== 0
    ) {
      return NOT_TAKEN;
    }
    const bodyBytes = view.getUint32(header + 15);
    let next = headerEnd + 1;
    if (bodyBytes > 0) {
      const bodyEnd = next + FRAME_HEADER_BYTES + bodyBytes;
      if (
        bodyEnd >= end ||
        bodyBytes > this.connection.payloadBytesMax ||
        bytes[next] !== FRAME_BODY ||
        view.getUint16(next + 1) !== channel.number ||
        view.getUint32(next + 3) !== bodyBytes ||
        bytes[bodyEnd] !== FRAME_END
      ) {
        return NOT_TAKEN;
      }
      next = bodyEnd + 1;
    }
    const exrkAt = at + FRAME_HEADER_BYTES + PUBLISH_FIXED_BYTES;
    const exrkBytes = exrkLength(bytes, exrkAt, methodEnd);
    if (exrkBytes < 0 || (bytes[exrkAt + exrkBytes] & IMMEDIATE_BIT) !== 0) return NOT_TAKEN;
    const propsBytes = headerBytes - HEADER_FIXED_BYTES;
    if (exrkBytes + propsBytes + bodyBytes > this.connection.acceptor.inlineBytesMax) {
      return NOT_TAKEN;
    }
    this.connection.input.bodyBytes = 0;
    const message = this.connection.acceptor.incoming;
    message.bytes = bytes;
    message.view = view;
    message.exrkAt = exrkAt;
    message.exrkBytes = exrkBytes;
    message.isMandatory = (bytes[exrkAt + exrkBytes] & MANDATORY_BIT) !== 0;
    message.propsSource = bytes;
    message.propsAt = header + FRAME_HEADER_BYTES + HEADER_FIXED_BYTES;
    message.propsBytes = propsBytes;
    message.bodyAt = next - 1 - bodyBytes;
    message.bodyBytes = bodyBytes;
    message.slabPage = -1;
    message.slabSkip = PROPS_IN_SLAB;
    return channel.publish(message) ? next : NO_ROOM;
  }

  /** Consumes what there is of a body frame that the read cuts off. Returns how far it got. */
  private startPartialBody(
    bytes: Buffer<ArrayBufferLike>,
    view: DataView,
    at: number,
    end: number,
  ): number {
    const channel = this.connection.channels.receivingBody(view.getUint16(at + 1));
    if (channel === undefined) return at;
    this.bodyChannel = channel;
    this.bodyMissing = view.getUint32(at + 3);
    return this.continueBody(channel, bytes, at + FRAME_HEADER_BYTES, end);
  }

  private continueBody(
    channel: Channel,
    bytes: Buffer<ArrayBufferLike>,
    start: number,
    end: number,
  ): number {
    const count = Math.min(this.bodyMissing, end - start);
    const at = start + count;
    this.bodyMissing -= count;
    if (count > 0) channel.bodyBytes(bytes, start, count);
    if (this.bodyMissing > 0 || at === end) return at;
    if (bytes[at] !== FRAME_END) throw new AmqpError(wrongFrameEnd(FRAME_BODY, count, bytes[at]));
    this.bodyChannel = undefined;
    channel.bodyFrameEnded();
    return at + 1;
  }
}

/** Bytes of the two short strings at `at`, when exactly one octet of bits follows before `end`. */
export function exrkLength(bytes: Buffer, at: number, end: number): number {
  const keyAt = at + 1 + bytes[at];
  if (keyAt >= end) return -1;
  const bitsAt = keyAt + 1 + bytes[keyAt];
  return bitsAt === end - 1 ? bitsAt - at : -1;
}
