// The metrics that RabbitMQ has too, under its names and with its help texts (rabbitmq_prometheus,
// metrics.md), so that its dashboards and alerts work. Main thread, pure.
// Counters never fall while the broker runs: only totals that survive the end of a queue are here.
import type { BrokerSnapshot, QueueCounts } from '../broker-snapshot.ts';
import type { BrokerView } from '../broker-view.ts';
import { type DiskFacts, hasMemoryAlarm, type MemoryFacts, type PluginFacts } from '../source.ts';
import { accessMetrics } from './access-metrics.ts';
import { certificateMetrics } from './certificate-metrics.ts';
import { deadLetterMetrics } from './dead-letter-metrics.ts';
import type { MetricFamily } from './exposition.ts';
import { counter, gauge } from './family.ts';

const PROTOCOL = { protocol: 'amqp091' };
const CLASSIC = { ...PROTOCOL, queue_type: 'rabbit_classic_queue' };

export function brokerMetrics(broker: BrokerView, snapshot: BrokerSnapshot): MetricFamily[] {
  return [
    ...identity(broker),
    ...objects(broker, snapshot),
    ...memoryMetrics(broker.source.memory),
    ...diskMetrics(broker.source.disk),
    ...pluginMetrics(broker.source.plugins),
    ...accessMetrics(broker.source),
    ...certificateMetrics(broker.source.certificates),
    ...counter(
      'rabbitmq_global_messages_received_total',
      'Total number of messages received from publishers',
      snapshot.clients.published,
      PROTOCOL,
    ),
    ...counter(
      'rabbitmq_global_messages_delivered_total',
      'Total number of messages delivered to consumers',
      snapshot.clients.delivered,
      CLASSIC,
    ),
    ...deadLetterMetrics(snapshot.reports),
    // RabbitMQ tells dropped and returned apart; the acceptors count them together.
    ...counter(
      'warrenmq_global_messages_unroutable_total',
      'Total number of messages that no queue took: returned if mandatory, else dropped',
      snapshot.clients.unroutable,
      PROTOCOL,
    ),
  ];
}

/** Dashboards join the other metrics with these by instance. */
function identity(broker: BrokerView): MetricFamily[] {
  const { config } = broker.source;
  return [
    ...gauge('rabbitmq_build_info', 'RabbitMQ & Erlang/OTP version info', 1, {
      rabbitmq_version: config.compatVersion,
      product_name: 'WarrenMQ',
      product_version: broker.productVersion,
      nodejs_version: process.versions.node,
    }),
    ...gauge('rabbitmq_identity_info', 'RabbitMQ node & cluster identity info', 1, {
      rabbitmq_node: broker.node,
      rabbitmq_cluster: config.clusterName,
      rabbitmq_endpoint: 'aggregated',
    }),
  ];
}

/** In main; the acceptors count their own. */
function pluginMetrics({ faultCount, droppedEventCount }: PluginFacts): MetricFamily[] {
  return [
    ...counter(
      'warrenmq_plugin_failures_total',
      'Calls of plugins, outside of the acceptors, that have thrown an error',
      faultCount,
    ),
    ...counter(
      'warrenmq_plugin_events_dropped_total',
      'Events that the listeners of plugins were too slow for',
      droppedEventCount,
    ),
  ];
}

function objects(broker: BrokerView, snapshot: BrokerSnapshot): MetricFamily[] {
  const { topology, connections } = broker.source;
  const queues = [...topology.vhosts()].flatMap((vhost) => [...topology.queues(vhost)]);
  const counts = snapshot.countsOf(queues);
  const { ready, unacked, readyBytes, unackedBytes, consumers } = counts;
  return [
    ...gauge('rabbitmq_connections', 'Connections currently open', connections.size),
    ...gauge('rabbitmq_channels', 'Channels currently open', snapshot.clients.channels),
    ...gauge('rabbitmq_consumers', 'Consumers currently connected', consumers),
    ...gauge('rabbitmq_queues', 'Queues available', queues.length),
    ...gauge('rabbitmq_queue_messages_ready', 'Messages ready to be delivered to consumers', ready),
    ...gauge(
      'rabbitmq_queue_messages_unacked',
      'Messages delivered to consumers but not yet acknowledged',
      unacked,
    ),
    ...gauge(
      'rabbitmq_queue_messages',
      'Sum of ready and unacknowledged messages - total queue depth',
      ready + unacked,
    ),
    ...gauge('rabbitmq_queue_messages_ready_bytes', 'Size in bytes of ready messages', readyBytes),
    ...gauge(
      'rabbitmq_queue_messages_unacked_bytes',
      'Size in bytes of all unacknowledged messages',
      unackedBytes,
    ),
    ...gauge(
      'rabbitmq_queue_messages_bytes',
      'Size in bytes of ready and unacknowledged messages',
      readyBytes + unackedBytes,
    ),
    ...residence(counts),
  ];
}

function residence(counts: QueueCounts): MetricFamily[] {
  const { ready, unacked, onDisk, onDiskBytes, readyBytes, unackedBytes } = counts;
  return [
    ...gauge(
      'rabbitmq_queue_messages_ram',
      'Ready and unacknowledged messages stored in memory',
      ready + unacked - onDisk,
    ),
    ...gauge(
      'rabbitmq_queue_messages_ram_bytes',
      'Size of ready and unacknowledged messages stored in memory',
      readyBytes + unackedBytes - onDiskBytes,
    ),
    ...gauge('rabbitmq_queue_messages_paged_out', 'Messages paged out to disk', onDisk),
    ...gauge(
      'rabbitmq_queue_messages_paged_out_bytes',
      'Size in bytes of messages paged out to disk',
      onDiskBytes,
    ),
  ];
}

function memoryMetrics(memory: MemoryFacts): MetricFamily[] {
  const vhostsBlocked = memory.alarms.filter(({ vhost }) => vhost !== undefined).length;
  return [
    ...gauge(
      'rabbitmq_alarms_memory_used_watermark',
      'is 1 if VM memory watermark is in effect',
      hasMemoryAlarm(memory) ? 1 : 0,
    ),
    ...gauge(
      'rabbitmq_resident_memory_limit_bytes',
      'Memory high watermark in bytes',
      memory.limitBytes,
    ),
    ...gauge(
      'warrenmq_memory_used_bytes',
      'Memory that messages take, which is what the watermark is about',
      memory.usedBytes,
    ),
    ...gauge(
      'warrenmq_vhosts_blocked',
      'Virtual hosts whose publishers are blocked because they hold their whole memory budget',
      vhostsBlocked,
    ),
  ];
}

function diskMetrics({ freeBytes, limitBytes, alarm }: DiskFacts): MetricFamily[] {
  return [
    ...gauge(
      'rabbitmq_alarms_free_disk_space_watermark',
      'is 1 if free disk space watermark is in effect',
      alarm === undefined ? 0 : 1,
    ),
    ...gauge('rabbitmq_disk_space_available_bytes', 'Disk space available in bytes', freeBytes),
    ...gauge(
      'rabbitmq_disk_space_available_limit_bytes',
      'Free disk space low watermark in bytes',
      limitBytes,
    ),
  ];
}
