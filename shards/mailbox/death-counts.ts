// How many messages have died, by why, by what their queue does with dead letters, and by its type:
// counters in one array, as shards fill it and the metrics show it. Shard thread, read in main.
// Names are those of RabbitMQ's metrics (rabbit_global_counters).
import type { QueueSettings } from '../../src/routing/queue-settings.ts';
import type { DeathReason } from './from-shard-layout.ts';

export const DEATH_REASONS = [
  'expired',
  'rejected',
  'maxlen',
  'delivery_limit',
] as const satisfies readonly DeathReason[];
/** Not a reason: dead letters that all their targets have confirmed (at_least_once). */
export const CONFIRMED = 'confirmed';
const OUTCOMES = [...DEATH_REASONS, CONFIRMED] as const;
export type DeathOutcome = (typeof OUTCOMES)[number];
/** disabled: they are dropped. */
export const STRATEGIES = ['disabled', 'at_most_once', 'at_least_once'] as const;
export type Strategy = (typeof STRATEGIES)[number];
export const DEATH_QUEUE_TYPES = ['rabbit_classic_queue', 'rabbit_quorum_queue'] as const;
export type DeathQueueType = (typeof DEATH_QUEUE_TYPES)[number];

/** By `deathIndex`. */
export type DeathCounts = readonly number[];

export function deathIndex(
  outcome: DeathOutcome,
  strategy: Strategy,
  queueType: DeathQueueType,
): number {
  const row = OUTCOMES.indexOf(outcome) * STRATEGIES.length + STRATEGIES.indexOf(strategy);
  return row * DEATH_QUEUE_TYPES.length + DEATH_QUEUE_TYPES.indexOf(queueType);
}

export class DeathCounter {
  private readonly counts: number[];

  constructor() {
    const length = OUTCOMES.length * STRATEGIES.length * DEATH_QUEUE_TYPES.length;
    this.counts = Array.from({ length }, () => 0);
  }

  count(outcome: DeathOutcome, { deadLettering, isQuorum }: QueueSettings): void {
    let strategy: Strategy = 'disabled';
    if (deadLettering !== undefined) {
      strategy = deadLettering.isAtLeastOnce ? 'at_least_once' : 'at_most_once';
    }
    const queueType = isQuorum ? 'rabbit_quorum_queue' : 'rabbit_classic_queue';
    this.counts[deathIndex(outcome, strategy, queueType)] += 1;
  }

  /** A copy. */
  report(): DeathCounts {
    return [...this.counts];
  }
}
