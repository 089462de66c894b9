// Test support: a socket without a network. What the broker writes is copied at once and taken by the
// "kernel" when the test says so; what the client sent is read when the broker is not paused. Every
// entry into the broker's code goes through here, so a test sees whatever that code throws.
import type { Socket } from 'node:net';
import type { ReadRun } from '../../../../src/acceptor/read-run.ts';
import type { ReadBuffer, SocketReader } from '../../../../src/acceptor/socket-reader.ts';

/** The broker is told that every read was a large one: it decides by bodies where the next goes. */
const LARGE_READ_BYTES = 1024 * 1024;

type Callback = (error?: Error | null) => void;

export class SimSocket {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 40_000;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 5672;
  destroyed = false;
  isPaused = false;
  /** The broker has ended its side. */
  isEnded = false;
  /** Both sides know that it is over. */
  isClosed = false;
  /** While false, writes are gathered and not called back. */
  takesWrites = true;
  /** Reads may go straight to the slab. */
  takesRuns = false;
  /** Gets what the broker has written. */
  onOutput: (bytes: Buffer) => void = () => {};
  private reader: SocketReader | undefined;
  /** Where the next read goes. */
  private run: ReadRun | undefined;
  private readonly callbacks: Callback[] = [];
  private input: Buffer = Buffer.alloc(0);

  attach(reader: SocketReader): void {
    this.reader = reader;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }

  // --- what the broker calls ------------------------------------------------------------------

  pause(): this {
    this.isPaused = true;
    return this;
  }

  resume(): this {
    this.isPaused = false;
    return this;
  }

  cork(): void {}

  uncork(): void {}

  write(chunk: Uint8Array, callback?: Callback): boolean {
    if (this.isEnded) {
      // As a real one: what was written is lost, and the socket is destroyed.
      this.destroyed = true;
      if (callback !== undefined) this.callbacks.push(callback);
      return false;
    }
    if (chunk.length === 0) throw new Error('the broker wrote nothing');
    this.onOutput(Buffer.from(chunk));
    if (callback !== undefined) this.callbacks.push(callback);
    return this.callbacks.length === 0;
  }

  end(): this {
    this.isEnded = true;
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    return this;
  }

  // --- what the test drives -------------------------------------------------------------------

  /** The client sends; the broker reads it by `deliver`. */
  send(bytes: Uint8Array): void {
    this.input = Buffer.concat([this.input, bytes]);
  }

  get hasInput(): boolean {
    return this.input.length > 0 && !this.isPaused && !this.destroyed && !this.isClosed;
  }

  get hasWrites(): boolean {
    return this.callbacks.length > 0 && this.takesWrites;
  }

  /** The broker has ended or destroyed the socket and has not yet heard that it is closed. */
  get isClosing(): boolean {
    return !this.isClosed && (this.destroyed || (this.isEnded && this.callbacks.length === 0));
  }

  /** One read of at most `countMax` bytes, into the shared buffer or what the broker has lent. */
  deliver(buffer: ReadBuffer, countMax: number): void {
    const { run } = this;
    const target = run === undefined ? buffer.target : run.bytes;
    const count = Math.min(countMax, this.input.length, target.length);
    // What an earlier read left behind must not be mistaken for input.
    target.fill(0xa5);
    this.input.copy(target, 0, 0, count);
    this.input = this.input.subarray(count);
    if (run === undefined) this.reader!.received(buffer, count, count === target.length);
    else this.reader!.receivedRun(count, count === target.length);
    this.run = this.takesRuns ? this.reader!.lendRun(LARGE_READ_BYTES) : undefined;
  }

  /** The kernel takes everything that was written. */
  takeWrites(): void {
    for (const callback of this.callbacks.splice(0)) callback();
  }

  /** The connection is gone, from whichever side. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.destroyed = true;
    this.input = Buffer.alloc(0);
    for (const callback of this.callbacks.splice(0)) callback(new Error('ECANCELED'));
    this.reader!.ended();
  }
}
