// WarrenMQ's own metrics: what each shard and each acceptor holds and has done, with the number of
// the thread as a label. Main thread, pure. A new figure of a report is one more entry here.
import type { AcceptorReport } from '../../acceptor/control-messages.ts';
import type { ShardReport } from '../../../shards/mailbox/control-messages.ts';
import { closedQueueCount, pacedQueueCount } from '../broker-snapshot.ts';
import type { ThreadReports } from '../source.ts';
import type { MetricFamily } from './exposition.ts';

interface Measure<Report> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricFamily['type'];
  readonly value: (report: Report) => number;
}

const SHARD_MEASURES: readonly Measure<ShardReport>[] = [
  {
    name: 'warrenmq_shard_queues',
    help: 'Queues that live on the shard',
    type: 'gauge',
    value: (report) => report.queues.length,
  },
  {
    name: 'warrenmq_shard_messages',
    help: 'Messages stored once each, in however many queues',
    type: 'gauge',
    value: (report) => report.messages,
  },
  {
    name: 'warrenmq_shard_arena_bytes',
    help: 'Memory set aside for messages',
    type: 'gauge',
    value: (report) => report.arenaBytes,
  },
  {
    name: 'warrenmq_shard_live_bytes',
    help: 'Memory that stored messages take in the arena',
    type: 'gauge',
    value: (report) => report.liveBytes,
  },
  {
    name: 'warrenmq_shard_slab_messages',
    help: 'Messages whose body is in the slab of an acceptor',
    type: 'gauge',
    value: (report) => report.slabMessages,
  },
  {
    name: 'warrenmq_shard_paced_queues',
    help: 'Queues whose publishers are slowed to the pace of their consumers',
    type: 'gauge',
    value: pacedQueueCount,
  },
  {
    name: 'warrenmq_shard_closed_queues',
    help: 'Queues whose publishers are blocked because they hold their whole memory budget',
    type: 'gauge',
    value: closedQueueCount,
  },
];

const ACCEPTOR_MEASURES: readonly Measure<AcceptorReport>[] = [
  {
    name: 'warrenmq_acceptor_connections',
    help: 'Sockets of clients, logged in or not',
    type: 'gauge',
    value: (report) => report.connections,
  },
  {
    name: 'warrenmq_acceptor_channels',
    help: 'Channels currently open',
    type: 'gauge',
    value: (report) => report.channels,
  },
  {
    name: 'warrenmq_acceptor_stalled_connections',
    help: 'Connections that are not read for want of room or because of a pace',
    type: 'gauge',
    value: (report) => report.stalledConnections,
  },
  {
    name: 'warrenmq_acceptor_rate_limited_connections',
    help: 'Connections that are not read because they have published as much as a limit allows',
    type: 'gauge',
    value: (report) => report.rateLimitedConnections,
  },
  {
    name: 'warrenmq_acceptor_blocked_connections',
    help: 'Connections that are not read because what they publish waits for memory',
    type: 'gauge',
    value: (report) => report.blockedConnections.length,
  },
  {
    name: 'warrenmq_acceptor_unread_connections',
    help: 'Connections whose client has stopped to read although data wait for it',
    type: 'gauge',
    value: (report) => report.unreadConnections,
  },
  {
    name: 'warrenmq_acceptor_slab_pages_used',
    help: 'Pages of the slab for large bodies that are in use',
    type: 'gauge',
    value: (report) => report.slabPagesUsed,
  },
  {
    name: 'warrenmq_acceptor_tls_handshakes_total',
    help: 'TLS handshakes of clients that were good',
    type: 'counter',
    value: (report) => report.tlsHandshakes,
  },
  {
    name: 'warrenmq_acceptor_tls_handshakes_failed_total',
    help: 'TLS handshakes of clients that came to nothing; the log says why',
    type: 'counter',
    value: (report) => report.tlsFailures,
  },
  {
    name: 'warrenmq_acceptor_access_refused_total',
    help: 'Methods and messages of clients that their permissions do not allow',
    type: 'counter',
    value: (report) => report.accessRefused,
  },
  {
    name: 'warrenmq_acceptor_messages_received_total',
    help: 'Messages received from publishers',
    type: 'counter',
    value: (report) => report.published,
  },
  {
    name: 'warrenmq_acceptor_messages_delivered_total',
    help: 'Messages sent to consumers',
    type: 'counter',
    value: (report) => report.delivered,
  },
  {
    name: 'warrenmq_acceptor_plugin_failures_total',
    help: 'Calls of plugins that have thrown an error',
    type: 'counter',
    value: (report) => report.pluginFaults,
  },
];

export function threadMetrics({ shards, acceptors }: ThreadReports): MetricFamily[] {
  return [
    ...SHARD_MEASURES.map((measure) => familyOf(measure, 'shard', shards)),
    ...ACCEPTOR_MEASURES.map((measure) => familyOf(measure, 'acceptor', acceptors)),
  ];
}

function familyOf<Report>(
  { name, help, type, value }: Measure<Report>,
  label: string,
  reports: readonly Report[],
): MetricFamily {
  const samples = reports.map((report, index) => ({
    labels: { [label]: index },
    value: value(report),
  }));
  return { name, help, type, samples };
}
