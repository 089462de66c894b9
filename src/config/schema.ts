// Every key of the configuration, in the order in which it is printed. Runs in main only.
// Names, meanings and defaults are RabbitMQ's where RabbitMQ has the key (rabbit.schema and
// rabbitmq_management.schema; frame_max accepts 4096 as before RabbitMQ 4.1, so that old clients
// still connect). The keys without a RabbitMQ twin are WarrenMQ's own.
import { accessSettings } from './access-settings.ts';
import { interceptorSettings } from './interceptor-settings.ts';
import { limitSettings } from './limit-settings.ts';
import { pluginSettings } from './plugin-settings.ts';
import { queueDefaults } from './queue-defaults.ts';
import type { Setting } from './setting.ts';
import { storageSettings } from './storage-settings.ts';
import { tlsSettings } from './tls-settings.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 * 1024 * MIB;
const SINCE_FIRST = '0.1.0';
const TEN_YEARS_MILLIS = 315_360_000_000;

const network: readonly Setting[] = [
  {
    key: 'listeners.tcp',
    field: 'listeners',
    type: { kind: 'listeners' },
    default: [{ host: '::', port: 5672 }],
    rabbitmqEnvironment: ['RABBITMQ_NODE_IP_ADDRESS', 'RABBITMQ_NODE_PORT'],
    description:
      'Where AMQP clients connect: listeners.tcp.NAME is a port (on every IPv4 and IPv6 ' +
      'address) or host:port, such as 127.0.0.1:5672 or [::1]:5672.',
    since: SINCE_FIRST,
  },
  {
    key: 'heartbeat',
    field: 'heartbeatSeconds',
    type: { kind: 'duration', unit: 'seconds', min: 0, max: 65535 },
    default: 60,
    description: 'Heartbeat interval suggested to clients, in seconds; 0 suggests none.',
    since: SINCE_FIRST,
  },
  {
    key: 'frame_max',
    field: 'frameMax',
    type: { kind: 'size', bytesMin: 4 * KIB, bytesMax: 16 * MIB },
    default: 128 * KIB,
    description: 'Largest frame negotiated with clients, in bytes.',
    since: SINCE_FIRST,
  },
  {
    key: 'channel_max',
    otherKeys: ['max_channels_per_connection'],
    field: 'channelMax',
    type: { kind: 'integer', min: 0, max: 65535 },
    default: 2047,
    description: 'Channels a connection may have; 0 means the most the protocol allows, 65535.',
    since: SINCE_FIRST,
  },
  {
    key: 'max_message_size',
    field: 'messageBytesMax',
    type: { kind: 'size', bytesMin: 1, bytesMax: 512 * MIB },
    default: 16 * MIB,
    description: 'Largest message body accepted, in bytes.',
    since: SINCE_FIRST,
  },
  {
    key: 'handshake_timeout',
    field: 'handshakeTimeoutMillis',
    type: { kind: 'duration', unit: 'milliseconds', min: 100, max: 3_600_000 },
    default: 10_000,
    description: 'Time a client has from connecting to an open connection, in milliseconds.',
    since: SINCE_FIRST,
  },
  {
    key: 'management.tcp.port',
    field: 'managementPort',
    type: { kind: 'port-or-none' },
    default: 15672,
    flag: 'managementPort',
    description: 'Port of the management HTTP API and console, or none.',
    since: SINCE_FIRST,
  },
  {
    key: 'management.tcp.ip',
    field: 'managementHost',
    type: { kind: 'host' },
    default: '::',
    description: 'Address of the management HTTP API; :: is every IPv4 and IPv6 address.',
    since: SINCE_FIRST,
  },
];

const accounts: readonly Setting[] = [
  {
    key: 'default_user',
    field: 'defaultUser',
    type: { kind: 'string' },
    default: 'guest',
    rabbitmqEnvironment: ['RABBITMQ_DEFAULT_USER'],
    description:
      'User created, as administrator, when the data directory is new; not looked at later.',
    since: SINCE_FIRST,
  },
  {
    key: 'default_pass',
    field: 'defaultPass',
    type: { kind: 'string' },
    default: 'guest',
    rabbitmqEnvironment: ['RABBITMQ_DEFAULT_PASS'],
    description: 'Password of default_user; changing it later changes no user.',
    since: SINCE_FIRST,
    secret: true,
  },
  {
    key: 'default_vhost',
    field: 'defaultVhost',
    type: { kind: 'string' },
    default: '/',
    rabbitmqEnvironment: ['RABBITMQ_DEFAULT_VHOST'],
    description: 'Virtual host created when the data directory is new.',
    since: SINCE_FIRST,
  },
  {
    key: 'loopback_users',
    field: 'loopbackUsers',
    type: { kind: 'user-list' },
    default: ['guest'],
    description:
      'Users that may connect from this machine only: loopback_users.NAME = true or false, ' +
      'or loopback_users = none.',
    since: SINCE_FIRST,
  },
];

const node: readonly Setting[] = [
  {
    key: 'data_dir',
    field: 'dataDir',
    type: { kind: 'path' },
    default: './data',
    rabbitmqEnvironment: ['RABBITMQ_MNESIA_BASE', 'RABBITMQ_MNESIA_DIR'],
    flag: 'dataDir',
    description: 'Directory of everything the broker keeps; one broker at a time.',
    since: SINCE_FIRST,
  },
  {
    key: 'acceptors',
    field: 'acceptors',
    type: { kind: 'integer', min: 1, max: 64 },
    default: 1,
    flag: 'acceptors',
    description: 'Threads that own client connections.',
    since: SINCE_FIRST,
  },
  {
    key: 'shards',
    field: 'shards',
    type: { kind: 'integer', min: 1, max: 128 },
    default: ({ cores }, acceptors) => Math.min(128, Math.max(1, cores - acceptors)),
    defaultText: 'cores - acceptors, at least 1',
    flag: 'shards',
    description: 'Threads that own queues; by default one per core that no acceptor has.',
    since: SINCE_FIRST,
  },
  {
    key: 'cluster_name',
    field: 'clusterName',
    type: { kind: 'string' },
    default: ({ hostname }) => `rabbit@${hostname}`,
    defaultText: 'rabbit@ and the host name',
    description: 'Name shown to clients and in the management API.',
    since: SINCE_FIRST,
  },
  {
    key: 'compat.product',
    field: 'compatProduct',
    type: { kind: 'string' },
    default: 'RabbitMQ',
    description: 'Product name in the server properties; some clients look for RabbitMQ.',
    since: SINCE_FIRST,
  },
  {
    key: 'compat.version',
    field: 'compatVersion',
    type: {
      kind: 'string',
      pattern: /^\d{1,5}\.\d{1,5}\.\d{1,5}$/,
      patternText: 'three numbers with dots, such as 4.2.0',
    },
    default: '4.2.0',
    description: 'RabbitMQ version in the server properties, by which clients choose features.',
    since: SINCE_FIRST,
  },
  {
    key: 'log.level',
    field: 'logLevel',
    type: {
      kind: 'choice',
      choices: ['debug', 'info', 'warning', 'error', 'none'],
      aliases: { notice: 'info', warn: 'warning', critical: 'error' },
    },
    default: 'info',
    description: 'The least severe records that are logged: debug, info, warning, error or none.',
    since: SINCE_FIRST,
  },
];

const memory: readonly Setting[] = [
  {
    key: 'vm_memory_high_watermark.relative',
    otherKeys: ['vm_memory_high_watermark'],
    field: 'memoryWatermarkRelative',
    type: { kind: 'fraction' },
    default: 0.6,
    description:
      "The part of the machine's (or container's) memory that messages may take before all " +
      'publishers are blocked; 0 blocks them always.',
    since: SINCE_FIRST,
  },
  {
    key: 'vm_memory_high_watermark.absolute',
    field: 'memoryWatermarkBytes',
    type: { kind: 'size', bytesMin: 0, bytesMax: TIB, orNone: true },
    default: undefined,
    description:
      'The same in bytes; as in RabbitMQ it is ignored where the relative watermark is set too.',
    since: SINCE_FIRST,
  },
  {
    key: 'memory.vhost_budget',
    field: 'vhostBudgetBytes',
    type: { kind: 'size', bytesMin: 0, bytesMax: TIB },
    default: 0,
    description:
      'Bytes of messages that the queues of one virtual host may hold before its publishers are ' +
      'blocked; 0 means no limit.',
    since: SINCE_FIRST,
  },
  {
    key: 'memory.queue_budget',
    field: 'queueBudgetBytes',
    type: { kind: 'size', bytesMin: 0, bytesMax: TIB },
    default: 0,
    description:
      'Bytes of messages that one queue may hold before its publishers are blocked; 0 means no ' +
      'limit.',
    since: SINCE_FIRST,
  },
  {
    key: 'channel.transaction_bytes',
    field: 'transactionBytesMax',
    type: { kind: 'size', bytesMin: 4 * KIB, bytesMax: TIB },
    default: 128 * MIB,
    description:
      'Bytes of messages that the transaction of one channel may hold until it is committed; all ' +
      'transactions of an acceptor together hold at most half of its memory for large bodies.',
    since: '0.2.0',
  },
];

const tuning: readonly Setting[] = [
  {
    key: 'ring.bytes',
    field: 'ringBytes',
    type: { kind: 'size', bytesMin: 64 * KIB, bytesMax: 64 * MIB, powerOfTwo: true },
    default: MIB,
    description: 'Size of each ring between two threads, in bytes; a power of two.',
    since: SINCE_FIRST,
  },
  {
    key: 'ring.inline_body_max',
    field: 'inlineBodyBytesMax',
    type: { kind: 'size', bytesMin: 0, bytesMax: 128 * KIB },
    default: 3 * KIB,
    description:
      'Bodies up to this many bytes travel inside a ring; at most a quarter of ring.bytes.',
    since: SINCE_FIRST,
  },
  {
    key: 'socket.read_budget',
    field: 'readBudgetBytes',
    type: { kind: 'size', bytesMin: 4 * KIB, bytesMax: 64 * MIB },
    default: 256 * KIB,
    description: 'Bytes read from one socket in a turn; then the others have theirs.',
    since: SINCE_FIRST,
  },
  {
    key: 'socket.loopback_congestion_control',
    field: 'loopbackCongestionControl',
    type: { kind: 'choice', choices: ['reno', 'system'], aliases: {} },
    default: 'reno',
    description:
      'How the kernel paces what is sent to clients on this machine: reno sends at once, system ' +
      'is what it does for the network.',
    since: '0.2.0',
  },
  {
    key: 'consumer.window',
    field: 'consumerWindowBytes',
    type: { kind: 'size', bytesMin: 4 * KIB, bytesMax: 1024 * MIB },
    default: 4 * MIB,
    description: 'Bytes of deliveries on their way to one consumer at a time.',
    since: SINCE_FIRST,
  },
  {
    key: 'connection.window',
    field: 'connectionWindowBytes',
    type: { kind: 'size', bytesMin: 4 * KIB, bytesMax: 1024 * MIB },
    default: 16 * MIB,
    description: 'Bytes of deliveries on their way from one shard to one connection at a time.',
    since: SINCE_FIRST,
  },
  {
    key: 'consumer.slow_log_after',
    field: 'slowConsumerLogMillis',
    type: { kind: 'duration', unit: 'milliseconds', min: 0, max: 86_400_000 },
    default: 10_000,
    description:
      'A client that reads nothing for this long while data wait for it is named in the log, in ' +
      'milliseconds; 0 means never.',
    since: SINCE_FIRST,
  },
  {
    key: 'consumer_timeout',
    field: 'consumerTimeoutMillis',
    type: { kind: 'limit', max: TEN_YEARS_MILLIS },
    default: 1_800_000,
    description:
      'Milliseconds in which a delivery has to be acknowledged, where neither the consumer nor ' +
      'its queue says otherwise; then its channel is closed, or its consumer cancelled if the ' +
      'queue is a quorum queue.',
    since: SINCE_FIRST,
  },
  {
    key: 'flow.backlog_messages',
    field: 'flowBacklogMessages',
    type: { kind: 'integer', min: 1, max: 1_000_000_000 },
    default: 4096,
    description: 'Ready messages of a queue with consumers from which its publishers are slowed.',
    since: SINCE_FIRST,
  },
  {
    key: 'flow.publish_rate_floor',
    field: 'flowPublishRateFloor',
    type: { kind: 'integer', min: 1, max: 1_000_000_000 },
    default: 100_000,
    description: 'Messages per second below which publishers are never slowed.',
    since: SINCE_FIRST,
  },
];

/** The settings under the headings that documentation gives them. */
export const schemaGroups: Readonly<Record<string, readonly Setting[]>> = {
  Network: network,
  TLS: tlsSettings,
  Accounts: accounts,
  Access: accessSettings,
  Limits: limitSettings,
  Queues: queueDefaults,
  Node: node,
  Memory: memory,
  Storage: storageSettings,
  Plugins: pluginSettings,
  'Message interceptors': interceptorSettings,
  Tuning: tuning,
};

export const schema: readonly Setting[] = Object.values(schemaGroups).flat();

/** The setting of a key; `listeners.tcp.x`, `loopback_users.x` and so on are entries of lists. */
export function settingOf(key: string): Setting | undefined {
  return schema.find(
    (setting) =>
      setting.key === key ||
      setting.otherKeys?.includes(key) === true ||
      (isList(setting) && key.startsWith(`${setting.key}.`)),
  );
}

function isList(setting: Setting): boolean {
  const { kind } = setting.type;
  return (
    kind === 'listeners' ||
    kind === 'user-list' ||
    kind === 'name-list' ||
    kind === 'vhost-limits' ||
    kind === 'operator-policies' ||
    kind === 'plugins'
  );
}
