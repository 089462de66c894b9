// What travels by MessagePort between main and the other threads: rare, plain data, in order per
// port. Never per message of a client.
import type { Change } from '../../src/routing/change.ts';

/** The shared memory of one (acceptor, shard) pair. */
export interface Mailbox {
  readonly workRing: SharedArrayBuffer;
  readonly ackRing: SharedArrayBuffer;
  readonly deliveryRing: SharedArrayBuffer;
  readonly confirmCounter: SharedArrayBuffer;
}

/** Settings a shard needs, all plain numbers. */
export interface ShardSettings {
  readonly shard: number;
  readonly connectionWindowBytes: number;
  readonly consumerWindowBytes: number;
  readonly flowBacklogMessages: number;
  readonly flowPublishRateFloor: number;
  /** Budgets of message bytes, 0 = none. */
  readonly queueBudgetBytes: number;
  readonly vhostBudgetBytes: number;
  readonly spinMicros: number;
}

export interface ShardBoot {
  readonly settings: ShardSettings;
  readonly doorbell: SharedArrayBuffer;
  /** By acceptor. */
  readonly mailboxes: readonly Mailbox[];
  readonly acceptorDoorbells: readonly SharedArrayBuffer[];
}

/** main -> shard */
export type ShardControl =
  | { readonly kind: 'apply'; readonly revision: number; readonly changes: readonly Change[] }
  /** Virtual hosts whose large queues are to be slowed: all of them, each time. */
  | { readonly kind: 'slow-vhosts'; readonly vhosts: readonly string[] }
  | { readonly kind: 'report'; readonly request: number }
  | { readonly kind: 'stop' };

/** What one queue holds, for listings and metrics. */
export interface QueueReport {
  readonly id: number;
  readonly ready: number;
  readonly unacked: number;
  readonly readyBytes: number;
  readonly unackedBytes: number;
  readonly consumers: number;
  readonly published: number;
  readonly delivered: number;
  readonly acked: number;
  readonly redelivered: number;
  readonly publishRateLimit: number;
  /** It holds its whole budget: nobody may publish to it now. */
  readonly isClosed: boolean;
}

export interface ShardReport {
  readonly queues: readonly QueueReport[];
  readonly messages: number;
  readonly arenaBytes: number;
  readonly liveBytes: number;
  readonly slabMessages: number;
}

/** What the queues of a virtual host hold on one shard. */
export interface VhostBytes {
  readonly vhost: string;
  readonly bytes: number;
}

/** shard -> main */
export type ShardNotice =
  | { readonly kind: 'started' }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'queue-gone'; readonly queueId: number }
  | {
      readonly kind: 'memory';
      /** What all messages of the shard take. */
      readonly storeBytes: number;
      /** The virtual hosts whose figures have changed, when they have a budget. */
      readonly vhosts: readonly VhostBytes[];
    }
  | { readonly kind: 'report'; readonly request: number; readonly report: ShardReport }
  | { readonly kind: 'stopped' };
