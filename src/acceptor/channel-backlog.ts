// Frames of a channel that wait until an answer has come, in the order they arrived. Acceptor
// thread.
// Bounded: past `isFull` the connection's socket is not read until the channel goes on.

const BACKLOG_BYTES_MAX = 256 * 1024;

export interface WaitingFrame {
  readonly type: number;
  readonly payload: Buffer<ArrayBuffer>;
}

export class ChannelBacklog {
  private frames: WaitingFrame[];
  private bytes: number;

  constructor() {
    this.frames = [];
    this.bytes = 0;
  }

  get isEmpty(): boolean {
    return this.frames.length === 0;
  }

  get isFull(): boolean {
    return this.bytes >= BACKLOG_BYTES_MAX;
  }

  add(type: number, payload: Buffer): void {
    // A copy with memory of its own: the read buffer is about to be reused.
    const copy = Buffer.allocUnsafe(payload.length);
    payload.copy(copy);
    this.frames.push({ type, payload: copy });
    this.bytes += payload.length;
  }

  /** The oldest frame, which must exist. */
  take(): WaitingFrame {
    const frame = this.frames.shift()!;
    this.bytes -= frame.payload.length;
    return frame;
  }

  /** Returns the frame just taken to its place. */
  putBack(frame: WaitingFrame): void {
    this.frames.unshift(frame);
    this.bytes += frame.payload.length;
  }

  clear(): void {
    this.frames = [];
    this.bytes = 0;
  }
}
