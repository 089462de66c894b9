// The bytes a connection has received and not yet handled. Acceptor thread. Reads land in one
// buffer that all connections share, so what cannot be handled now is copied out and held:
//
//   - the beginning of a frame whose end has not come. Memory for it grows with what has arrived
//     (by doubling, up to the frame's size), not with what was announced, and each byte is copied
//     a few times at most, however small the client's pieces are;
//   - everything that is left when the connection stalls (at most one read); the socket is then
//     not read until the connection goes on.
import { FRAME_BODY, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES } from '../protocol/constants.ts';
import type { Connection } from './connection.ts';
import type { FrameReader } from './frame-reader.ts';

const SIZE_AT = 3;

export class ConnectionInput {
  private readonly connection: Connection;
  private readonly reader: FrameReader;
  /** Large bodies come: reads may be large, too. */
  isLarge: boolean;
  private held: Buffer<ArrayBuffer> | null;
  /** How much of `held` is filled. */
  private heldBytes: number;

  constructor(connection: Connection, reader: FrameReader) {
    this.connection = connection;
    this.reader = reader;
    this.isLarge = false;
    this.held = null;
    this.heldBytes = 0;
  }

  /** Handles the first `count` bytes of the shared read buffer. */
  receive(bytes: Buffer<ArrayBuffer>, view: DataView, count: number): void {
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
    this.held = null;
    this.heldBytes = 0;
  }

  /** Appends bytes[start, end) to what is held. */
  private hold(bytes: Buffer<ArrayBuffer>, start: number, end: number): void {
    const needed = this.heldBytes + end - start;
    if (this.held === null || this.held.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.heldBytes * 2));
      this.held?.copy(grown, 0, 0, this.heldBytes);
      this.held = grown;
    }
    bytes.copy(this.held, this.heldBytes, start, end);
    this.heldBytes = needed;
  }

  /** Hands what is held to the reader; what it leaves stays held. */
  private readHeld(): void {
    const held = this.held!;
    const count = this.heldBytes;
    this.discard();
    const view = new DataView(held.buffer, held.byteOffset, held.length);
    const end = this.reader.read(held, view, 0, count);
    if (end < count && this.connection.isUsable) this.hold(held, end, count);
  }

  /**
   * Completes the held frame from new bytes; returns how many of them are used up: all of them when
   * the frame is still incomplete, or when the connection is or becomes stalled.
   */
  private completeHeld(bytes: Buffer<ArrayBuffer>, count: number): number {
    if (this.held === null) return 0;
    let used = 0;
    if (!this.connection.flow.isStalled) {
      used = this.take(bytes, 0, count, FRAME_HEADER_BYTES);
      if (this.heldBytes < FRAME_HEADER_BYTES) return count;
      const payloadBytes = this.held.readUInt32BE(SIZE_AT);
      this.connection.checkFrameSize(this.held[0], payloadBytes);
      const frameBytes = payloadBytes + FRAME_OVERHEAD_BYTES;
      // A body need not be whole: the reader takes what there is of it.
      if (this.held[0] !== FRAME_BODY) used += this.take(bytes, used, count, frameBytes);
      if (this.heldBytes < frameBytes && this.held[0] !== FRAME_BODY) return count;
      this.readHeld();
    }
    if (this.held === null || !this.connection.isUsable) return used;
    // Stalled, or a body frame that has to be whole after all: everything new waits behind it.
    this.hold(bytes, used, count);
    if (!this.connection.flow.isStalled) this.readHeld();
    return count;
  }

  /** Moves new bytes to what is held until that is `wanted` bytes long; returns how many. */
  private take(bytes: Buffer<ArrayBuffer>, start: number, end: number, wanted: number): number {
    const taken = Math.min(Math.max(0, wanted - this.heldBytes), end - start);
    if (taken > 0) this.hold(bytes, start, start + taken);
    return taken;
  }
}
