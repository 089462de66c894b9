// How fast this acceptor's clients may publish to one queue: a token bucket whose rate the queue's
// shard sets while the queue's backlog grows faster than it drains (shards/queue/flow-governor.ts).
// Acceptor thread, asked once per publish. Rate 0 means as fast as they come. A closed gate is a
// rate, too: the queue holds its whole memory budget, and nobody gets a token.
import { PACE_CLOSED } from '../../shards/mailbox/from-shard-layout.ts';
import type { Connection } from './connection.ts';
import { fullQueueReason, type PublishBlock } from './publish-block.ts';

/** Tokens that may gather: this many milliseconds' worth. */
const BURST_MILLIS = 4;

export class QueuePace implements PublishBlock {
  private readonly queueId: number;
  /** Below 0: closed. */
  private perMilli: number;
  private tokens: number;
  private refilledAt: number;

  constructor(queueId: number) {
    this.queueId = queueId;
    this.perMilli = 0;
    this.tokens = 0;
    this.refilledAt = 0;
  }

  get isFree(): boolean {
    return this.perMilli === 0;
  }

  /** The queue's gate is closed. */
  get isInForce(): boolean {
    return this.perMilli < 0;
  }

  reasonFor(connection: Connection): string {
    return fullQueueReason(connection, this.queueId);
  }

  setRate(publishesPerSecond: number, nowMillis: number): void {
    this.refill(nowMillis);
    this.perMilli = publishesPerSecond === PACE_CLOSED ? PACE_CLOSED : publishesPerSecond / 1000;
    if (this.perMilli <= 0) this.tokens = 0;
  }

  /** True when one more publish may go now. */
  hasToken(): boolean {
    return this.perMilli === 0 || this.tokens >= 1;
  }

  take(): void {
    if (this.perMilli !== 0) this.tokens -= 1;
  }

  refill(nowMillis: number): void {
    const earned = (nowMillis - this.refilledAt) * Math.max(0, this.perMilli);
    this.refilledAt = nowMillis;
    // At least one whole token, or a slow queue would never let anything through.
    const tokensMax = Math.max(1, this.perMilli * BURST_MILLIS);
    this.tokens = Math.min(this.tokens + earned, tokensMax);
  }
}
