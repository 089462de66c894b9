// How many messages have died on a shard since its start: by why, by what their queue does with
// dead letters, by its type. Shard thread; counting allocates nothing. Names are those of
// RabbitMQ's metrics (rabbit_global_counters).
import type { QueueSettings } from '../../src/routing/queue-settings.ts';
import type { DeathCount } from '../mailbox/control-messages.ts';

const OUTCOMES = ['expired', 'rejected', 'maxlen', 'delivery_limit', 'confirmed'] as const;
const STRATEGIES = ['disabled', 'at_most_once', 'at_least_once'] as const;

export class DeathCounter {
  /** By outcome, strategy, and whether the queue is a quorum queue. */
  private readonly counts: Float64Array;

  constructor() {
    this.counts = new Float64Array(OUTCOMES.length * STRATEGIES.length * 2);
  }

  count(outcome: DeathCount['outcome'], { deadLettering, isQuorum }: QueueSettings): void {
    let strategy = 0;
    if (deadLettering !== undefined) strategy = deadLettering.isAtLeastOnce ? 2 : 1;
    const row = OUTCOMES.indexOf(outcome) * STRATEGIES.length + strategy;
    this.counts[row * 2 + (isQuorum ? 1 : 0)] += 1;
  }

  /** Those that have happened. */
  report(): DeathCount[] {
    const reported: DeathCount[] = [];
    this.counts.forEach((count, index) => {
      if (count === 0) return;
      const row = index >> 1;
      reported.push({
        outcome: OUTCOMES[Math.floor(row / STRATEGIES.length)],
        strategy: STRATEGIES[row % STRATEGIES.length],
        isQuorum: (index & 1) === 1,
        count,
      });
    });
    return reported;
  }
}
