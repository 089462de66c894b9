// GET /metrics: everything in Prometheus's text format, aggregated as in RabbitMQ's /metrics. Main
// thread. Open to this machine without a login, because scrapers beside the broker have none; from
// elsewhere a monitoring user has to log in.
import { processFacts } from '../process-facts.ts';
import type { ApiRequest, Route } from '../route.ts';
import { brokerMetrics } from './broker-metrics.ts';
import { expositionText } from './exposition.ts';
import { logMetrics } from './log-metrics.ts';
import { processMetrics } from './process-metrics.ts';
import { threadMetrics } from './thread-metrics.ts';

async function metrics({ broker }: ApiRequest): Promise<string> {
  const [snapshot, facts] = await Promise.all([broker.snapshot(), processFacts()]);
  return expositionText([
    ...brokerMetrics(broker, snapshot),
    ...processMetrics(facts, broker.source.startedAtMillis),
    ...threadMetrics(snapshot.reports),
    ...logMetrics(snapshot.reports.shards, broker.source.recoveries),
  ]);
}

export const metricsRoutes: readonly Route[] = [
  {
    pattern: '/metrics',
    access: 'loopback-or-monitor',
    contentType: 'text/plain',
    methods: { GET: metrics },
  },
];
