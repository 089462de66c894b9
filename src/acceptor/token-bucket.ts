// How much may pass in a second. Acceptor thread; no allocation, and the clock is read only when
// the bucket is empty. What passes may be worth more than is in the bucket, which then owes, and
// nothing passes until that is paid. So a message larger than the bucket passes too, and over time
// never more passes than the rate allows.
//
//    tokens:  +held ........ 0 ........ -owed
//             passes         waits, one second per `perSecond` owed

/** The bucket holds what comes in this time: a client that was idle may go that far at once. */
const HELD_SECONDS = 0.5;

export class TokenBucket {
  private readonly perMilli: number;
  private readonly tokensMax: number;
  private tokens: number;
  private refilledAt: number;

  constructor(perSecond: number, nowMillis: number) {
    this.perMilli = perSecond / 1000;
    this.tokensMax = perSecond * HELD_SECONDS;
    this.tokens = this.tokensMax;
    this.refilledAt = nowMillis;
  }

  /** True when something may pass now. */
  isOpen(): boolean {
    if (this.tokens > 0) return true;
    this.refill(performance.now());
    return this.tokens > 0;
  }

  take(amount: number): void {
    this.tokens -= amount;
  }

  /** How long nothing may pass; 0 when something may. */
  waitMillis(): number {
    return this.isOpen() ? 0 : -this.tokens / this.perMilli;
  }

  private refill(nowMillis: number): void {
    const earned = (nowMillis - this.refilledAt) * this.perMilli;
    this.refilledAt = nowMillis;
    this.tokens = Math.min(this.tokens + earned, this.tokensMax);
  }
}
