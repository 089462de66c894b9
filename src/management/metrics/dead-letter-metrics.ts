// Dead letters and delayed messages, for Prometheus. Main thread, pure. The counters of dead
// letters have RabbitMQ's names, labels and help texts (rabbit_global_counters); like it, only
// combinations that can happen are there.
import type { DeathCount } from '../../../shards/mailbox/control-messages.ts';
import type { ThreadReports } from '../source.ts';
import type { MetricFamily, Sample } from './exposition.ts';
import { counter, gauge } from './family.ts';

type Outcome = DeathCount['outcome'];
type Strategy = DeathCount['strategy'];

const STRATEGIES: readonly Strategy[] = ['disabled', 'at_most_once', 'at_least_once'];
const HELP: Readonly<Record<Outcome, string>> = {
  expired: 'Total number of messages dead-lettered due to message TTL exceeded',
  rejected: 'Total number of messages dead-lettered due to basic.reject or basic.nack',
  maxlen: 'Total number of messages dead-lettered due to overflow drop-head or reject-publish-dlx',
  delivery_limit: 'Total number of messages dead-lettered due to delivery-limit exceeded',
  confirmed: 'Total number of messages dead-lettered and confirmed by target queues',
};

export function deadLetterMetrics(reports: ThreadReports): MetricFamily[] {
  const outcomes = Object.keys(HELP) as Outcome[];
  return [...outcomes.map((outcome) => deaths(outcome, reports)), ...forwards(reports)];
}

function deaths(outcome: Outcome, { shards }: ThreadReports): MetricFamily {
  const samples: Sample[] = [];
  for (const isQuorum of [false, true]) {
    for (const strategy of STRATEGIES) {
      if (!canHappen(outcome, strategy, isQuorum)) continue;
      const queueType = isQuorum ? 'rabbit_quorum_queue' : 'rabbit_classic_queue';
      const labels = { queue_type: queueType, dead_letter_strategy: strategy };
      const isThis = (one: DeathCount): boolean =>
        one.outcome === outcome && one.strategy === strategy && one.isQuorum === isQuorum;
      const found = shards.flatMap((shard) => shard.deaths.filter(isThis));
      samples.push({ labels, value: found.reduce((sum, { count }) => sum + count, 0) });
    }
  }
  const name = `rabbitmq_global_messages_dead_lettered_${outcome}_total`;
  return { name, help: HELP[outcome], type: 'counter', samples };
}

function canHappen(outcome: Outcome, strategy: Strategy, isQuorum: boolean): boolean {
  if (outcome === 'confirmed') return isQuorum && strategy === 'at_least_once';
  return isQuorum || (outcome !== 'delivery_limit' && strategy !== 'at_least_once');
}

/** Dead letters, delayed messages and histories take the same way. */
function forwards({ shards, acceptors }: ThreadReports): MetricFamily[] {
  let messages = 0;
  let bytes = 0;
  for (const { queues } of shards) {
    for (const { nextDue, ready, readyBytes } of queues) {
      if (nextDue === undefined) continue;
      messages += ready;
      bytes += readyBytes;
    }
  }
  return [
    ...gauge('warrenmq_delayed_messages', 'Messages that exchanges hold back', messages),
    ...gauge('warrenmq_delayed_message_bytes', 'Size in bytes of these messages', bytes),
    ...counter(
      'warrenmq_messages_forwarded_total',
      'Dead letters, delayed messages and histories that were published again',
      acceptors.reduce((sum, { forwarded }) => sum + forwarded, 0),
    ),
    ...counter(
      'warrenmq_messages_forwarded_unroutable_total',
      'Dead letters, delayed messages and histories that no queue was to get',
      acceptors.reduce((sum, { forwardedUnroutable }) => sum + forwardedUnroutable, 0),
    ),
  ];
}
