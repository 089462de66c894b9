// What travels by MessagePort between main and the other threads: rare, plain data, in order per
// port. Never per message of a client.
import type { Change } from '../../src/routing/change.ts';
import type { Durability } from '../../src/routing/durability.ts';
import type { DeathReason } from './from-shard-layout.ts';
import type { SlabMemory } from './slab.ts';

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
  /** In which a delivery has to be acked; 0 = any time. */
  readonly consumerTimeoutMillis: number;
  readonly flowBacklogMessages: number;
  readonly flowPublishRateFloor: number;
  /** Budgets of message bytes, 0 = none. */
  readonly queueBudgetBytes: number;
  readonly vhostBudgetBytes: number;
  readonly spinMicros: number;
}

/** Where and how a shard keeps messages on disk. */
export interface LogBoot {
  readonly directory: string;
  /** Which implementation: `auto` is the native one where it is there. */
  readonly backend: 'auto' | 'native' | 'portable';
  readonly segmentBytes: number;
  readonly spareSegments: number;
  /** Free space of the disk that no new segment may use. */
  readonly reserveBytes: number;
  /** What queues without an x-durability of their own are. */
  readonly durability: Durability;
  /** Message bytes in memory from which messages are written out to save it. */
  readonly residentBytesMax: number;
  /** Larger messages come back from disk by way of this shard's slab. */
  readonly inlineBytesMax: number;
  /** All slabs: the acceptors', then the shards'. */
  readonly slabs: readonly SlabMemory[];
  readonly slabOwner: number;
  /** For tests: limits of cleaning other than the usual (shards/log/cleaner.ts). */
  readonly cleaning?: { readonly slackBytes?: number; readonly movedBytesMax?: number } | undefined;
  /** For tests: src/log/log.ts. */
  readonly faults?: string | undefined;
  /** Where delayed messages wait that are not due soon: a directory for each queue. */
  readonly depotDirectory: string;
  /** For tests: the shortest periods of depots are 2^this milliseconds. */
  readonly depotShift?: number | undefined;
}

/** The log of a shard that is no more, since `shards` was lowered. */
export interface OrphanLog {
  readonly shard: number;
  readonly directory: string;
}

/** What came of reading the log at start. */
export interface RecoveryReport {
  readonly messages: number;
  readonly segments: number;
  /** File and bytes of what could not be read. */
  readonly corruptRanges: readonly string[];
  readonly isTorn: boolean;
  readonly isClean: boolean;
  /** Which implementation of the log runs. */
  readonly logKind: string;
}

export interface ShardBoot {
  /** Undefined: nothing is kept on disk. */
  readonly log?: LogBoot | undefined;
  readonly settings: ShardSettings;
  readonly doorbell: SharedArrayBuffer;
  /** By acceptor. */
  readonly mailboxes: readonly Mailbox[];
  readonly acceptorDoorbells: readonly SharedArrayBuffer[];
}

/** main -> shard */
export type ShardControl =
  /** The first message: the queues that there were, to be filled from the log. */
  | {
      readonly kind: 'recover';
      readonly changes: readonly Change[];
      readonly orphans: readonly OrphanLog[];
    }
  | { readonly kind: 'apply'; readonly revision: number; readonly changes: readonly Change[] }
  /** Virtual hosts whose large queues are to be slowed: all of them, each time. */
  | { readonly kind: 'slow-vhosts'; readonly vhosts: readonly string[] }
  /** The disk has little room: who can give any back does. */
  | { readonly kind: 'disk-alarm'; readonly isSet: boolean }
  | { readonly kind: 'report'; readonly request: number }
  | { readonly kind: 'consumers'; readonly request: number }
  | {
      readonly kind: 'delayed';
      readonly request: number;
      /** Which holds back what its exchange delays. */
      readonly queueId: number;
      readonly action: DelayedAction;
    }
  | { readonly kind: 'stop' };

/** What is wanted of delayed messages; without a position: of all. */
export type DelayedAction =
  | { readonly kind: 'list'; readonly offset: number; readonly count: number }
  | { readonly kind: 'cancel'; readonly position: number | undefined }
  /** It is due now. */
  | { readonly kind: 'deliver'; readonly position: number };

/** One delayed message, for listings. */
export interface DelayedMessage {
  /** Its number in the queue's life. */
  readonly position: number;
  /** Unix milliseconds. */
  readonly due: number;
  /** Routing key, properties and body together. */
  readonly bytes: number;
  /** Undefined, like the others, for a large message that is on disk only. */
  readonly bodyBytes: number | undefined;
  /** Exchange and routing key, as short strings. */
  readonly exrk: Uint8Array | undefined;
  readonly props: Uint8Array | undefined;
}

export interface DelayedAnswer {
  /** list: how many there are in all; else to how many it was done. */
  readonly count: number;
  /** The earliest come first. */
  readonly messages: readonly DelayedMessage[];
}

/** What one queue holds, for listings and metrics. */
export interface QueueReport {
  readonly id: number;
  readonly ready: number;
  readonly unacked: number;
  /** Ready messages whose data are on disk only. */
  readonly onDisk: number;
  readonly onDiskBytes: number;
  readonly readyBytes: number;
  readonly unackedBytes: number;
  /** Dead letters that must not be lost and that no queue has taken yet. */
  readonly dead: number;
  readonly deadBytes: number;
  readonly consumers: number;
  readonly published: number;
  readonly delivered: number;
  readonly acked: number;
  readonly redelivered: number;
  readonly publishRateLimit: number;
  /** It holds its whole budget: nobody may publish to it now. */
  readonly isClosed: boolean;
  /** The tag of the only consumer that gets messages, if the queue is so. */
  readonly singleActiveConsumer: string | undefined;
  /** When the first of its delayed messages is due, if it holds any: Unix milliseconds. */
  readonly nextDue?: number | undefined;
}

/** `waiting`: for the single active consumer to go. */
export type ConsumerActivity = 'up' | 'single_active' | 'waiting';

/** One consumer, for listings. */
export interface ConsumerReport {
  readonly queueId: number;
  readonly tag: string;
  readonly acceptor: number;
  /** The acceptor's number for it. */
  readonly connection: number;
  /** The client's number for it. */
  readonly channel: number;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** 0 = no limit. */
  readonly prefetch: number;
  readonly priority: number;
  readonly unacked: number;
  readonly activity: ConsumerActivity;
}

/** What a shard's log has done and holds. */
export interface LogReport {
  readonly batches: number;
  readonly syncs: number;
  readonly bytesWritten: number;
  readonly syncMicros: number;
  readonly reads: number;
  readonly segments: number;
  readonly diskBytes: number;
  readonly liveBytes: number;
  readonly checkpoints: number;
  /** Messages on disk, in memory or not. */
  readonly messages: number;
  /** Messages that could not be read since the start. */
  readonly lost: number;
}

/** How many messages have died in one way since the start. */
export interface DeathCount {
  /** confirmed: dead letters that all their targets have. */
  readonly outcome: DeathReason | 'confirmed';
  /** disabled: they are dropped. */
  readonly strategy: 'disabled' | 'at_most_once' | 'at_least_once';
  readonly isQuorum: boolean;
  readonly count: number;
}

export interface ShardReport {
  /** Undefined: nothing is kept on disk. */
  readonly log: LogReport | undefined;
  readonly queues: readonly QueueReport[];
  readonly messages: number;
  readonly arenaBytes: number;
  readonly liveBytes: number;
  readonly slabMessages: number;
  /** Those that have happened. */
  readonly deaths: readonly DeathCount[];
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
  | { readonly kind: 'recovering'; readonly segmentsDone: number; readonly segments: number }
  | { readonly kind: 'recovered'; readonly report: RecoveryReport }
  /** The disk has no room for more segments, or has again. */
  | { readonly kind: 'log-space'; readonly isShort: boolean }
  /** A message could not be read from the log and is gone. */
  | { readonly kind: 'message-lost'; readonly queueId: number; readonly position: number }
  /** Something in a file of delayed messages cannot be read. */
  | { readonly kind: 'depot-damage'; readonly queueId: number; readonly range: string }
  /** The disk has no room for delayed messages that are not due soon: they stay where they are. */
  | { readonly kind: 'depot-full'; readonly queueId: number }
  | {
      readonly kind: 'memory';
      /** What all messages of the shard take. */
      readonly storeBytes: number;
      /** The virtual hosts whose figures have changed, when they have a budget. */
      readonly vhosts: readonly VhostBytes[];
    }
  | { readonly kind: 'report'; readonly request: number; readonly report: ShardReport }
  | {
      readonly kind: 'consumers';
      readonly request: number;
      readonly consumers: readonly ConsumerReport[];
    }
  | { readonly kind: 'delayed'; readonly request: number; readonly answer: DelayedAnswer }
  | { readonly kind: 'stopped' };
