// Logins, under RabbitMQ's names and with its help texts (rabbitmq_prometheus, metrics.md). Main
// thread, pure. What permissions have refused is counted by acceptors (thread-metrics.ts).
import type { ManagementSource } from '../source.ts';
import type { MetricFamily } from './exposition.ts';
import { counter } from './family.ts';

const PROTOCOL = { protocol: 'amqp091' };

export function accessMetrics({ logins }: Pick<ManagementSource, 'logins'>): MetricFamily[] {
  return [
    ...counter(
      'rabbitmq_auth_attempts_total',
      'Total number of authorization attempts',
      logins.attempts,
      PROTOCOL,
    ),
    ...counter(
      'rabbitmq_auth_attempts_succeeded_total',
      'Total number of successful authentication attempts',
      logins.succeeded,
      PROTOCOL,
    ),
    ...counter(
      'rabbitmq_auth_attempts_failed_total',
      'Total number of failed authentication attempts',
      logins.failed,
      PROTOCOL,
    ),
  ];
}
