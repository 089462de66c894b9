// The publish rates of this acceptor's connections and users. Acceptor thread. A user's rate is
// divided evenly among the acceptors, used or not, so that no two threads ever write one bucket; a
// user whose connections are all on one acceptor of two gets half of its rate.
// A user's buckets outlive its last connection until they are open again: who leaves in debt and
// comes back still owes.
import type { BrokerConfig } from '../config/broker-config.ts';
import { PublishAllowance, type PublishBuckets, type WaitingCount } from './publish-allowance.ts';
import { TokenBucket } from './token-bucket.ts';

type Rates = Pick<
  BrokerConfig,
  | 'acceptors'
  | 'connectionPublishBytesPerSecond'
  | 'connectionPublishMessagesPerSecond'
  | 'userPublishBytesPerSecond'
  | 'userPublishMessagesPerSecond'
>;

interface UserBuckets extends PublishBuckets {
  connections: number;
}

export class PublishRates implements WaitingCount {
  /** Connections that are not read because they have used up a rate. */
  waitingCount: number;
  private readonly rates: Rates;
  private readonly users: Map<string, UserBuckets>;

  constructor(rates: Rates) {
    this.waitingCount = 0;
    this.rates = rates;
    this.users = new Map();
  }

  /** What a connection that has just opened may publish; undefined: as much as it likes. */
  open(user: string): PublishAllowance | undefined {
    const { rates } = this;
    const buckets: PublishBuckets[] = [];
    if (rates.userPublishMessagesPerSecond > 0 || rates.userPublishBytesPerSecond > 0) {
      buckets.push(this.openUser(user));
    }
    const { connectionPublishMessagesPerSecond, connectionPublishBytesPerSecond } = rates;
    if (connectionPublishMessagesPerSecond > 0 || connectionPublishBytesPerSecond > 0) {
      buckets.push(bucketsOf(connectionPublishMessagesPerSecond, connectionPublishBytesPerSecond));
    }
    return buckets.length === 0 ? undefined : new PublishAllowance(buckets, this);
  }

  close(user: string, allowance: PublishAllowance): void {
    allowance.end();
    const shared = this.users.get(user);
    if (shared !== undefined) shared.connections -= 1;
  }

  /** Forgets users who have left and owe nothing. */
  sweep(): void {
    for (const [user, { connections, messages, bytes }] of this.users) {
      const owes = messages?.isOpen() === false || bytes?.isOpen() === false;
      if (connections === 0 && !owes) this.users.delete(user);
    }
  }

  private openUser(user: string): PublishBuckets {
    let shared = this.users.get(user);
    if (shared === undefined) {
      const { acceptors, userPublishMessagesPerSecond, userPublishBytesPerSecond } = this.rates;
      const buckets = bucketsOf(
        userPublishMessagesPerSecond / acceptors,
        userPublishBytesPerSecond / acceptors,
      );
      shared = { ...buckets, connections: 0 };
      this.users.set(user, shared);
    }
    shared.connections += 1;
    return shared;
  }
}

function bucketsOf(messagesPerSecond: number, bytesPerSecond: number): PublishBuckets {
  const now = performance.now();
  return {
    messages: messagesPerSecond > 0 ? new TokenBucket(messagesPerSecond, now) : undefined,
    bytes: bytesPerSecond > 0 ? new TokenBucket(bytesPerSecond, now) : undefined,
  };
}
