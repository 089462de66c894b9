// Logins, under RabbitMQ's names and with its help texts (rabbitmq_prometheus, metrics.md). Main
// thread, pure. What permissions have refused is counted by acceptors (thread-metrics.ts).
import type { LoginFacts, ManagementSource } from '../source.ts';
import type { MetricFamily } from './exposition.ts';

export function accessMetrics({ logins }: Pick<ManagementSource, 'logins'>): MetricFamily[] {
  const { counts, requestCounts } = logins;
  const family = (name: string, help: string, which: keyof LoginFacts): MetricFamily => ({
    name,
    help,
    type: 'counter',
    samples: [
      { labels: { protocol: 'amqp091' }, value: counts[which] },
      { labels: { protocol: 'http' }, value: requestCounts[which] },
    ],
  });
  return [
    family('rabbitmq_auth_attempts_total', 'Total number of authorization attempts', 'attempts'),
    family(
      'rabbitmq_auth_attempts_succeeded_total',
      'Total number of successful authentication attempts',
      'succeeded',
    ),
    family(
      'rabbitmq_auth_attempts_failed_total',
      'Total number of failed authentication attempts',
      'failed',
    ),
  ];
}
