// What one connection may publish: its own buckets and those it shares with the other connections
// of its user on this acceptor. Acceptor thread. A connection without any limit has no allowance,
// which is all that the hot path asks.
import type { TokenBucket } from './token-bucket.ts';

/** One count of messages and one of bytes, either of which may be without limit. */
export interface PublishBuckets {
  readonly messages: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;
}

/** Counts the connections that wait. */
export interface WaitingCount {
  waitingCount: number;
}

export class PublishAllowance {
  private readonly messages: readonly TokenBucket[];
  private readonly bytes: readonly TokenBucket[];
  private readonly count: WaitingCount;
  private isWaiting: boolean;

  constructor(buckets: readonly PublishBuckets[], count: WaitingCount) {
    this.messages = buckets.flatMap(({ messages }) => messages ?? []);
    this.bytes = buckets.flatMap(({ bytes }) => bytes ?? []);
    this.count = count;
    this.isWaiting = false;
  }

  /** True while a publish of this connection waits for its rate. */
  get isUsedUp(): boolean {
    return this.isWaiting;
  }

  /** True when a publish may go now; otherwise the connection is to be stalled. */
  mayPublish(): boolean {
    const isOpen = areOpen(this.messages) && areOpen(this.bytes);
    if (isOpen === this.isWaiting) {
      this.isWaiting = !isOpen;
      this.count.waitingCount += isOpen ? -1 : 1;
    }
    return isOpen;
  }

  /** A publish has gone. */
  spend(bytes: number): void {
    for (let i = 0; i < this.messages.length; i += 1) this.messages[i].take(1);
    for (let i = 0; i < this.bytes.length; i += 1) this.bytes[i].take(bytes);
  }

  /** The connection is gone. */
  end(): void {
    if (this.isWaiting) this.count.waitingCount -= 1;
    this.isWaiting = false;
  }
}

function areOpen(buckets: readonly TokenBucket[]): boolean {
  for (let i = 0; i < buckets.length; i += 1) if (!buckets[i].isOpen()) return false;
  return true;
}
