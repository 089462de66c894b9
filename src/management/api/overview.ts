// GET /api/overview: versions, totals, listeners. Main thread. A user who is no monitor sees the
// totals of what it may look into, and nothing of the node (rabbit_mgmt_wm_overview).
// Rates are not sampled yet, so there are no `..._details`.
import type { Identity } from '../../auth/backend.ts';
import { accessibleVhosts, isMonitor } from '../access.ts';
import { type BrokerSnapshot, closedQueueCount, pacedQueueCount } from '../broker-snapshot.ts';
import type { BrokerView } from '../broker-view.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { exchangeTypeList } from './exchange-type-list.ts';
import { clusterName } from './parameters.ts';
import { messageStats, queueTotals } from './message-counts.ts';
import { logJson, recoveryJson } from './storage-json.ts';

async function overview({ user, broker }: ApiRequest): Promise<object> {
  const snapshot = await broker.snapshot();
  const { config } = broker.source;
  return {
    management_version: config.compatVersion,
    rates_mode: 'none',
    exchange_types: exchangeTypeList(),
    product_name: 'WarrenMQ',
    product_version: broker.productVersion,
    rabbitmq_version: config.compatVersion,
    cluster_name: clusterName(broker),
    disable_stats: false,
    ...totals(user, broker, snapshot),
    ...(isMonitor(user) ? nodeFacts(broker, snapshot) : {}),
  };
}

function totals(user: Identity, broker: BrokerView, snapshot: BrokerSnapshot): object {
  const { topology, connections } = broker.source;
  const vhosts = accessibleVhosts(user, topology);
  const queues = vhosts.flatMap((vhost) => [...topology.queues(vhost)]);
  const exchanges = vhosts.reduce((sum, vhost) => sum + [...topology.exchanges(vhost)].length, 0);
  const counts = snapshot.countsOf(queues);
  const mine = [...connections.values()].filter((connection) => connection.user === user.name);
  return {
    queue_totals: queueTotals(counts),
    message_stats: isMonitor(user)
      ? { ...messageStats(counts), publish: snapshot.clients.published }
      : messageStats(counts),
    object_totals: {
      // Which user has which channels is known to the acceptors only.
      ...(isMonitor(user) ? { channels: snapshot.clients.channels } : {}),
      connections: isMonitor(user) ? connections.size : mine.length,
      consumers: counts.consumers,
      exchanges,
      queues: queues.length,
    },
  };
}

function nodeFacts(broker: BrokerView, { reports }: BrokerSnapshot): object {
  const { node } = broker;
  const { recoveries } = broker.source;
  const listeners = broker.listeners().map(({ protocol, address }) => ({
    node,
    protocol,
    ip_address: address.host,
    port: address.port,
  }));
  return {
    node,
    listeners,
    contexts: listeners
      .filter(({ protocol }) => protocol === 'http' || protocol === 'https')
      .map(({ protocol, ip_address: ip, port }) => ({
        node,
        description: 'WarrenMQ management',
        path: '/',
        ip,
        port: String(port),
        ...(protocol === 'https' ? { ssl: 'true' } : {}),
      })),
    warrenmq: {
      acceptors: reports.acceptors.map((report, acceptor) => ({
        acceptor,
        connections: report.connections,
        channels: report.channels,
        consumers: report.consumers,
        published: report.published,
        unroutable: report.unroutable,
        delivered: report.delivered,
        stalled_connections: report.stalledConnections,
        rate_limited_connections: report.rateLimitedConnections,
        blocked_connections: report.blockedConnections.length,
        tls_handshakes: report.tlsHandshakes,
        tls_handshakes_failed: report.tlsFailures,
        unread_connections: report.unreadConnections,
        slab_pages_used: report.slabPagesUsed,
      })),
      shards: reports.shards.map((report, shard) => ({
        shard,
        queues: report.queues.length,
        messages: report.messages,
        arena_bytes: report.arenaBytes,
        live_bytes: report.liveBytes,
        slab_messages: report.slabMessages,
        paced_queues: pacedQueueCount(report),
        closed_queues: closedQueueCount(report),
        log: logJson(report.log),
        recovery: recoveryJson(recoveries[shard]),
      })),
    },
  };
}

export const overviewRoutes = [readOnly('/api/overview', 'management', overview)];
