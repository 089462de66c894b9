// The bytes a connection has received and not yet handled. Acceptor thread. Reads land in one
// buffer that all connections share, so what cannot be handled now is copied out:
//
//   - the beginning of a frame whose end has not come (at most one frame), completed in the
//     acceptor's stitch buffer when more arrives;
//   - everything that is left when the connection stalls (at most one read); the socket is then
//     not read until the connection goes on.
import { FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES } from '../protocol/constants.ts';
import type { Connection } from './connection.ts';
import type { FrameReader } from './frame-reader.ts';
import { OutputBuffer } from './output.ts';

export class ConnectionInput {
  private readonly connection: Connection;
  private readonly reader: FrameReader;
  private held: Buffer<ArrayBuffer> | null;

  constructor(connection: Connection, reader: FrameReader) {
    this.connection = connection;
    this.reader = reader;
    this.held = null;
  }

  /** Handles the first `count` bytes of the shared read buffer. */
  receive(bytes: Buffer<ArrayBuffer>, view: DataView, count: number): void {
    const start = this.held === null ? 0 : this.completeHeld(this.held, bytes, count);
    if (start === count && this.held !== null) return;
    const end = this.reader.read(bytes, view, start, count);
    if (end < count && this.connection.isUsable) this.hold(bytes, end, count);
  }

  /** Goes on with what was held when the connection stalled. */
  resume(): void {
    const { held } = this;
    if (held === null) return;
    this.held = null;
    const view = new DataView(held.buffer, held.byteOffset, held.length);
    const end = this.reader.read(held, view, 0, held.length);
    if (end < held.length && this.connection.isUsable) this.hold(held, end, held.length);
  }

  discard(): void {
    this.held = null;
  }

  private hold(bytes: Buffer<ArrayBuffer>, start: number, end: number): void {
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    this.held = copy;
  }

  /** Completes the held frame; returns how many of the new bytes are used up (all, if stalled). */
  private completeHeld(
    held: Buffer<ArrayBuffer>,
    bytes: Buffer<ArrayBuffer>,
    count: number,
  ): number {
    const stitch = this.connection.acceptor.stitchBuffer(
      Math.max(held.length, FRAME_HEADER_BYTES) + FRAME_OVERHEAD_BYTES,
    );
    held.copy(stitch.bytes);
    let filled = held.length;
    let used = 0;
    if (filled < FRAME_HEADER_BYTES) {
      used = Math.min(FRAME_HEADER_BYTES - filled, count);
      bytes.copy(stitch.bytes, filled, 0, used);
      filled += used;
      if (filled < FRAME_HEADER_BYTES) {
        this.hold(stitch.bytes, 0, filled);
        return count;
      }
    }
    const payloadBytes = stitch.view.getUint32(3);
    this.connection.checkFrameSize(stitch.bytes[0], payloadBytes);
    const whole = this.connection.acceptor.stitchBuffer(payloadBytes + FRAME_OVERHEAD_BYTES);
    const more = Math.min(payloadBytes + FRAME_OVERHEAD_BYTES - filled, count - used);
    bytes.copy(whole.bytes, filled, used, used + more);
    filled += more;
    used += more;
    this.held = null;
    const end = this.reader.read(whole.bytes, whole.view, 0, filled);
    if (end === filled || !this.connection.isUsable) return used;
    const rest = this.connection.flow.isStalled ? count : used;
    const left = Buffer.allocUnsafe(filled - end + (rest - used));
    whole.bytes.copy(left, 0, end, filled);
    bytes.copy(left, filled - end, used, rest);
    this.held = left;
    return count;
  }
}

/** Grows while keeping its content; one per acceptor. */
export class StitchBuffer {
  private buffer = new OutputBuffer(FRAME_OVERHEAD_BYTES * 2);

  atLeast(bytes: number): OutputBuffer {
    if (this.buffer.bytes.length >= bytes) return this.buffer;
    const grown = new OutputBuffer(Math.max(bytes, this.buffer.bytes.length * 2));
    this.buffer.bytes.copy(grown.bytes);
    this.buffer = grown;
    return grown;
  }
}
