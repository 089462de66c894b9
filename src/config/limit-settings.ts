// The keys that bound what clients may use. Runs in main only. Names are RabbitMQ's where RabbitMQ
// has the limit as a key (rabbit.schema); `user_limits` bear the names of rabbitmqctl
// set_user_limits, which RabbitMQ keeps per user and not in its file. Rates are WarrenMQ's own.
// `infinity` and 0 both mean no limit, which is the default of all of them.
import type { Setting } from './setting.ts';

const COUNT_MAX = 1_000_000_000;
const BYTES_MAX = 1024 ** 4;
const SINCE = '0.1.0';

type LimitSetting = Pick<Setting, 'key' | 'field' | 'description'> &
  Partial<Pick<Setting, 'otherKeys'>>;

function count(setting: LimitSetting): Setting {
  return { ...setting, type: { kind: 'limit', max: COUNT_MAX }, default: 0, since: SINCE };
}

function bytesPerSecond(setting: LimitSetting): Setting {
  const type = { kind: 'limit', max: BYTES_MAX, isSize: true } as const;
  return { ...setting, type, default: 0, since: SINCE };
}

export const limitSettings: readonly Setting[] = [
  count({
    key: 'connection_max',
    otherKeys: ['max_connections'],
    field: 'connectionMax',
    description: 'Open connections of the node; one more is refused at connection.open.',
  }),
  count({
    key: 'channel_max_per_node',
    field: 'channelMaxPerNode',
    description: 'Open channels of the node, over all connections.',
  }),
  count({
    key: 'consumer_max_per_channel',
    field: 'consumerMaxPerChannel',
    description: 'Consumers of a channel.',
  }),
  count({
    key: 'vhost_max',
    field: 'vhostMax',
    description: 'Virtual hosts.',
  }),
  count({
    key: 'cluster_queue_limit',
    field: 'clusterQueueLimit',
    description: 'Queues, over all virtual hosts.',
  }),
  count({
    key: 'cluster_exchange_limit',
    field: 'clusterExchangeLimit',
    description: 'Exchanges over all virtual hosts, not counting the predeclared ones.',
  }),
  {
    key: 'default_limits.vhosts',
    field: 'vhostLimits',
    type: { kind: 'vhost-limits' },
    default: [],
    description:
      'Limits by virtual host: default_limits.vhosts.NAME.pattern is a regular expression, and ' +
      '.max_connections and .max_queues bound each virtual host whose name it matches; the ' +
      'first NAME in alphabetical order that matches counts.',
    since: SINCE,
  },
  count({
    key: 'user_limits.max_connections',
    field: 'userConnectionMax',
    description: 'Open connections of each user.',
  }),
  count({
    key: 'user_limits.max_channels',
    field: 'userChannelMax',
    description: 'Open channels of each user, over all its connections.',
  }),
  count({
    key: 'user_limits.publish_messages_per_second',
    field: 'userPublishMessagesPerSecond',
    description:
      'Messages that each user may publish in a second, over all its connections; a client over ' +
      'the rate is not read until it is back within it.',
  }),
  bytesPerSecond({
    key: 'user_limits.publish_bytes_per_second',
    field: 'userPublishBytesPerSecond',
    description:
      'Bytes that each user may publish in a second, over all its connections: names, properties ' +
      'and bodies.',
  }),
  count({
    key: 'connection_limits.publish_messages_per_second',
    field: 'connectionPublishMessagesPerSecond',
    description: 'Messages that each connection may publish in a second.',
  }),
  bytesPerSecond({
    key: 'connection_limits.publish_bytes_per_second',
    field: 'connectionPublishBytesPerSecond',
    description: 'Bytes that each connection may publish in a second.',
  }),
  count({
    key: 'connection_limits.accept_per_second',
    field: 'acceptPerSecond',
    description:
      'New TCP connections that the node answers in a second; further ones wait their turn, for ' +
      'handshake_timeout at most.',
  }),
];
