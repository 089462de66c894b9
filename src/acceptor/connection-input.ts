// The bytes a connection has received and not yet handled. Acceptor thread. Reads land in one
// buffer that all connections share, so what cannot be handled now is copied out and held:
//
//   - the beginning of a frame whose end has not come. Memory for it grows with what has arrived
//     (by doubling, up to the frame's size), not with what was announced, and each byte is copied
//     a few times at most, however small the client's pieces are;
//   - everything that is left when the connection stalls (at most one read); the socket is then
//     not read until the connection goes on. It stays where it is held, however often it is tried.
//
//   held: | handled |      heldFrom .. heldTo       | free |
import { FRAME_BODY, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES } from '../protocol/constants.ts';
import type { Connection } from './connection.ts';
import type { FrameReader } from './frame-reader.ts';
import type { HeldBuffer } from './held-buffers.ts';

const SIZE_AT = 3;
/** From here on a body is worth larger reads: 16 KiB gain a fifth by them, 4 KiB lose a tenth. */
const LARGE_BODY_BYTES = 8 * 1024;
/** From here on it is not worth copying to the slab what can be read there. */
const HUGE_BODY_BYTES = 16 * 1024;
/** What fills less than this part of its buffer moves to a smaller one. */
const LITTLE_DIVISOR = 16;

export class ConnectionInput {
  private readonly connection: Connection;
  private readonly reader: FrameReader;
  /** Of the publish that is coming; 0: it is small enough to be taken in one go. */
  bodyBytes: number;
  private held: HeldBuffer | null;
  private heldFrom: number;
  private heldTo: number;

  constructor(connection: Connection, reader: FrameReader) {
    this.connection = connection;
    this.reader = reader;
    this.bodyBytes = 0;
    this.held = null;
    this.heldFrom = 0;
    this.heldTo = 0;
  }

  /** Large bodies come: reads may be large, too. */
  get isLarge(): boolean {
    return this.bodyBytes >= LARGE_BODY_BYTES;
  }

  /** They may go straight to the slab. */
  get isHuge(): boolean {
    return this.bodyBytes >= HUGE_BODY_BYTES;
  }

  /** Handles the first `count` bytes of the shared read buffer. */
  receive(bytes: Buffer<ArrayBufferLike>, view: DataView, count: number): void {
    const start = this.completeHeld(bytes, count);
    if (start === count) return;
    const end = this.reader.read(bytes, view, start, count);
    if (end < count && this.connection.isUsable) this.hold(bytes, end, count);
  }

  /** Goes on with what was held when the connection stalled. */
  resume(): void {
    if (this.held !== null) this.readHeld();
  }

  discard(): void {
    if (this.held !== null) this.connection.acceptor.heldBuffers.give(this.held);
    this.held = null;
    this.heldFrom = 0;
    this.heldTo = 0;
  }

  private get heldBytes(): number {
    return this.heldTo - this.heldFrom;
  }

  /** Appends bytes[start, end) to what is held. */
  private hold(bytes: Buffer<ArrayBufferLike>, start: number, end: number): void {
    const needed = this.heldBytes + end - start;
    if (this.held === null || this.heldTo + end - start > this.held.bytes.length) {
      this.moveHeld(needed);
    }
    bytes.copy(this.held!.bytes, this.heldTo, start, end);
    this.heldTo += end - start;
  }

  /** Moves what is held to the beginning of a buffer for `needed` bytes. */
  private moveHeld(needed: number): void {
    const { heldBuffers } = this.connection.acceptor;
    const before = this.held;
    const count = this.heldBytes;
    const grown = heldBuffers.take(Math.max(needed, count * 2));
    if (before !== null) {
      before.bytes.copy(grown.bytes, 0, this.heldFrom, this.heldTo);
      heldBuffers.give(before);
    }
    this.held = grown;
    this.heldFrom = 0;
    this.heldTo = count;
  }

  /** Hands what is held to the reader; what it leaves stays held. */
  private readHeld(): void {
    const { bytes, view } = this.held!;
    const end = this.reader.read(bytes, view, this.heldFrom, this.heldTo);
    // The connection may have ended, and given everything back.
    if (this.held === null) return;
    this.heldFrom = end;
    if (end === this.heldTo || !this.connection.isUsable) this.discard();
    // A few bytes, such as half a frame, may have to wait for long.
    else if (this.heldBytes * LITTLE_DIVISOR < bytes.length) this.moveHeld(this.heldBytes);
  }

  /**
   * Completes the held frame from new bytes; returns how many of them are used up: all of them when
   * the frame is still incomplete, or when the connection is or becomes stalled.
   */
  private completeHeld(bytes: Buffer<ArrayBufferLike>, count: number): number {
    if (this.held === null) return 0;
    let used = 0;
    if (!this.connection.flow.isStalled) {
      used = this.take(bytes, 0, count, FRAME_HEADER_BYTES);
      if (this.heldBytes < FRAME_HEADER_BYTES) return count;
      const type = this.held.bytes[this.heldFrom];
      const payloadBytes = this.held.bytes.readUInt32BE(this.heldFrom + SIZE_AT);
      this.connection.checkFrameSize(type, payloadBytes);
      const frameBytes = payloadBytes + FRAME_OVERHEAD_BYTES;
      // A body need not be whole: the reader takes what there is of it.
      if (type !== FRAME_BODY) {
        used += this.take(bytes, used, count, frameBytes);
        if (this.heldBytes < frameBytes) return count;
      }
      this.readHeld();
    }
    if (this.held === null || !this.connection.isUsable) return used;
    // Stalled, or a body frame that has to be whole after all: everything new waits behind it.
    this.hold(bytes, used, count);
    if (!this.connection.flow.isStalled) this.readHeld();
    return count;
  }

  /** Moves new bytes to what is held until that is `wanted` bytes long; returns how many. */
  private take(bytes: Buffer<ArrayBufferLike>, start: number, end: number, wanted: number): number {
    const taken = Math.min(Math.max(0, wanted - this.heldBytes), end - start);
    if (taken > 0) this.hold(bytes, start, start + taken);
    return taken;
  }
}
