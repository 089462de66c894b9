// How many new TCP connections are answered in a second (connection_limits.accept_per_second).
// Acceptor thread. The rate of the node is divided evenly among the acceptors, as the kernel
// divides the connections. What comes beyond it is accepted and then not read, in the order of
// arrival, until its turn: handshakes and logins, which cost the most, come at the rate. A client
// waits for handshake_timeout at most, which ends it as any other that does not finish opening.
import type { Connection } from './connection.ts';
import { TokenBucket } from './token-bucket.ts';

interface Waiting {
  readonly connection: Connection;
  readonly admit: () => void;
}

export class Admissions {
  private readonly bucket: TokenBucket | undefined;
  private readonly waiting: Waiting[];
  private timer: NodeJS.Timeout | undefined;

  /** 0: no limit. */
  constructor(perSecond: number) {
    this.bucket = perSecond > 0 ? new TokenBucket(perSecond, performance.now()) : undefined;
    this.waiting = [];
    this.timer = undefined;
  }

  /** A socket has been accepted: from now on it is read, or waits. */
  arrived(connection: Connection): void {
    const { bucket } = this;
    if (bucket === undefined) return;
    if (this.waiting.length === 0 && bucket.isOpen()) {
      bucket.take(1);
      return;
    }
    const turn = new Promise<void>((admit) => this.waiting.push({ connection, admit }));
    // The listener has a socket read from the next tick on; what is paused before that is undone.
    queueMicrotask(() => connection.flow.whileWaiting(() => turn));
    this.wakeLater();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private wakeLater(): void {
    if (this.timer !== undefined || this.waiting.length === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.admitNext();
      this.wakeLater();
    }, Math.ceil(this.bucket!.waitMillis()));
  }

  private admitNext(): void {
    const { bucket, waiting } = this;
    while (waiting.length > 0 && bucket!.isOpen()) {
      const { connection, admit } = waiting.shift()!;
      // Who has left meanwhile takes no turn.
      if (connection.isUsable) bucket!.take(1);
      admit();
    }
  }
}
