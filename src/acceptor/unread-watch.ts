// Notices a client that does not read: data wait for it, and for a while its socket has taken
// nothing. Acceptor thread, one per connection; looked at by the acceptor's sweep, cold. Each
// episode is told once when it has lasted long enough, and once when it ends.
import type { Socket } from 'node:net';
import type { Output } from './output.ts';

/** What a look has found out: `since` is wall-clock time. */
export type UnreadNews =
  | { readonly kind: 'unread'; readonly sinceMillis: number; readonly waitingBytes: number }
  | { readonly kind: 'read-again'; readonly sinceMillis: number };

export class UnreadWatch {
  private readonly socket: Socket;
  private readonly output: Output;
  private readonly afterMillis: number;
  /** The figures of the last look: while they stay, nothing has moved. */
  private batchCount: number;
  private unsentBytes: number;
  private movedAt: number;
  isUnread: boolean;
  private sinceMillis: number;

  /** `afterMillis` 0: never. */
  constructor(socket: Socket, output: Output, afterMillis: number) {
    this.socket = socket;
    this.output = output;
    this.afterMillis = afterMillis;
    this.batchCount = -1;
    this.unsentBytes = 0;
    this.movedAt = 0;
    this.isUnread = false;
    this.sinceMillis = 0;
  }

  look(now: number): UnreadNews | undefined {
    if (this.afterMillis === 0) return undefined;
    const { output } = this;
    const unsentBytes = unsentBytesOf(this.socket);
    const hasMoved =
      !output.isUnderWay ||
      output.batchCount !== this.batchCount ||
      unsentBytes !== this.unsentBytes;
    if (hasMoved) {
      this.batchCount = output.batchCount;
      this.unsentBytes = unsentBytes;
      this.movedAt = now;
      if (!this.isUnread) return undefined;
      this.isUnread = false;
      return { kind: 'read-again', sinceMillis: this.sinceMillis };
    }
    const unreadMillis = now - this.movedAt;
    if (this.isUnread || unreadMillis < this.afterMillis) return undefined;
    this.isUnread = true;
    this.sinceMillis = Date.now() - unreadMillis;
    const { waitingBytes } = output;
    return { kind: 'unread', sinceMillis: this.sinceMillis, waitingBytes };
  }
}

/**
 * What libuv has not yet got rid of. Node does not say it officially; where it cannot be found out,
 * progress shows only when a whole batch has left.
 */
function unsentBytesOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as {
    readonly _handle: { readonly writeQueueSize?: number } | null | undefined;
  };
  return handle?.writeQueueSize ?? 0;
}
