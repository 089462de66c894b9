// How many delivered bytes of one connection may be under way between this shard and the client's
// socket. A connection that stops reading holds at most this much (plus one message) of rings and
// buffers; its consumers wait here and nobody else's time is spent on it. Shard thread.
// The acceptor returns bytes (CREDIT) when the kernel has taken them.
import type { Consumer } from './consumer.ts';

export class ConnectionWindow {
  readonly connection: number;
  readonly limitBytes: number;
  outstandingBytes: number;
  /** Consumers that wait for credit. */
  readonly blocked: Consumer[];

  constructor(connection: number, limitBytes: number) {
    this.connection = connection;
    this.limitBytes = limitBytes;
    this.outstandingBytes = 0;
    this.blocked = [];
  }

  /** A single message larger than the window passes when nothing is under way. */
  get isFull(): boolean {
    return this.outstandingBytes >= this.limitBytes;
  }

  credit(bytes: number): void {
    this.outstandingBytes -= bytes;
  }
}
