// Bounds what one socket gives in a turn. Acceptor thread. libuv reads on while reads fill the
// buffer, and with a publisher flat out nobody else would be served meanwhile; after a read that
// did not fill it, libuv turns to the other sockets by itself.
import type { Connection } from './connection.ts';

export class ReadBudget {
  private readonly bytesPerTurn: number;
  /** Connections that have given what they may in this turn. */
  private readonly paused: Connection[];

  constructor(bytesPerTurn: number) {
    this.bytesPerTurn = bytesPerTurn;
    this.paused = [];
  }

  /** A read of `count` bytes; call when it has been handled. */
  count(connection: Connection, count: number, hasFilledBuffer: boolean): void {
    connection.filledBytes = hasFilledBuffer ? connection.filledBytes + count : 0;
    if (connection.filledBytes < this.bytesPerTurn) return;
    connection.filledBytes = 0;
    connection.socket.pause();
    this.paused.push(connection);
  }

  /** Everybody may give again. */
  renew(): void {
    for (const connection of this.paused) {
      if (connection.isUsable && !connection.flow.isStalled) connection.socket.resume();
    }
    this.paused.length = 0;
  }
}
