// How many new TCP connections are answered in a second (connection_limits.accept_per_second).
// Acceptor thread. The rate of the node is divided evenly among the acceptors, as the kernel
// divides the connections. What comes beyond it is accepted and then not read, in the order of
// arrival, until its turn: handshakes and logins, which cost the most, come at the rate. A client
// waits for handshake_timeout at most, which ends it as any other that does not finish opening.
import { TokenBucket } from './token-bucket.ts';

/** A connection, or what will be one after its TLS handshake. */
export interface Arrival {
  /** False: it has left. */
  readonly isUsable: boolean;
  readonly flow: { whileWaiting(run: () => Promise<void>): void };
}

interface Waiting {
  readonly arrival: Arrival;
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

  /** A socket has been accepted: from now on it is read, or waits. Returns whether it waits. */
  arrived(arrival: Arrival): boolean {
    const { bucket } = this;
    if (bucket === undefined) return false;
    if (this.waiting.length === 0 && bucket.isOpen()) {
      bucket.take(1);
      return false;
    }
    const turn = new Promise<void>((admit) => this.waiting.push({ arrival, admit }));
    // The listener has a socket read from the next tick on; what is paused before that is undone.
    queueMicrotask(() => arrival.flow.whileWaiting(() => turn));
    this.wakeLater();
    return true;
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
      const { arrival, admit } = waiting.shift()!;
      // Who has left meanwhile takes no turn.
      if (arrival.isUsable) bucket!.take(1);
      admit();
    }
  }
}
