// Dead letters and delayed messages, for Prometheus. Main thread, pure. The counters of dead letters
// have RabbitMQ's names, labels and help texts (rabbit_global_counters); like it, only combinations
// that can happen are there.
import {
  CONFIRMED,
  DEATH_QUEUE_TYPES,
  type DeathOutcome,
  deathIndex,
  STRATEGIES,
  type Strategy,
} from '../../../shards/mailbox/death-counts.ts';
import type { ThreadReports } from '../source.ts';
import type { MetricFamily, Sample } from './exposition.ts';
import { counter, gauge } from './family.ts';

const HELP: Readonly<Record<DeathOutcome, string>> = {
  expired: 'Total number of messages dead-lettered due to message TTL exceeded',
  rejected: 'Total number of messages dead-lettered due to basic.reject or basic.nack',
  maxlen: 'Total number of messages dead-lettered due to overflow drop-head or reject-publish-dlx',
  delivery_limit: 'Total number of messages dead-lettered due to delivery-limit exceeded',
  confirmed: 'Total number of messages dead-lettered and confirmed by target queues',
};

export function deadLetterMetrics(reports: ThreadReports): MetricFamily[] {
  const outcomes = Object.keys(HELP) as DeathOutcome[];
  return [...outcomes.map((outcome) => deaths(outcome, reports)), ...forwards(reports)];
}

function deaths(outcome: DeathOutcome, { shards }: ThreadReports): MetricFamily {
  const samples: Sample[] = [];
  for (const queueType of DEATH_QUEUE_TYPES) {
    for (const strategy of STRATEGIES) {
      if (!canHappen(outcome, strategy, queueType === 'rabbit_quorum_queue')) continue;
      const index = deathIndex(outcome, strategy, queueType);
      const value = shards.reduce((sum, { deaths: counts }) => sum + counts[index], 0);
      samples.push({ labels: { queue_type: queueType, dead_letter_strategy: strategy }, value });
    }
  }
  const name = `rabbitmq_global_messages_dead_lettered_${outcome}_total`;
  return { name, help: HELP[outcome], type: 'counter', samples };
}

function canHappen(outcome: DeathOutcome, strategy: Strategy, isQuorum: boolean): boolean {
  if (outcome === CONFIRMED) return isQuorum && strategy === 'at_least_once';
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
