// Refusals of what goes beyond a configured limit. Main thread (connections, queues, exchanges,
// virtual hosts) and acceptors (channels, consumers). Codes and first words are RabbitMQ's
// (rabbit_reader, rabbit_channel, rabbit_queue_type, rabbit_exchange, rabbit_vhost; v4.3); the key
// to look at comes after them.
import { defineRefusal } from './refusal.ts';
import { resourceText } from './topology-refusals.ts';

export const nodeConnectionLimit = defineRefusal(
  {
    id: 'limit.node-connections',
    code: 530,
    scope: 'connection',
    remedy: 'Close connections that are not needed, or raise connection_max.',
  },
  (limit: number) =>
    `connection refused: node connection limit (${limit}) is reached (connection_max)`,
);

export const vhostConnectionLimit = defineRefusal(
  {
    id: 'limit.vhost-connections',
    code: 530,
    scope: 'connection',
    remedy:
      'Close connections to the virtual host, or raise its limit (max-connections, or ' +
      'default_limits.vhosts.*.max_connections).',
  },
  (vhost: string, user: string, limit: number) =>
    `access to vhost '${vhost}' refused for user '${user}': connection limit (${limit}) is ` +
    'reached (default_limits.vhosts)',
);

export const userConnectionLimit = defineRefusal(
  {
    id: 'limit.user-connections',
    code: 530,
    scope: 'connection',
    remedy:
      'Close connections of the user, or raise its limit (max-connections, or ' +
      'user_limits.max_connections).',
  },
  (user: string, limit: number) =>
    `connection refused for user '${user}': user connection limit (${limit}) is reached ` +
    '(user_limits.max_connections)',
);

export const nodeChannelLimit = defineRefusal(
  {
    id: 'limit.node-channels',
    code: 530,
    scope: 'connection',
    remedy: 'Close channels that are not needed, or raise channel_max_per_node.',
  },
  (node: string, limit: number) =>
    `number of channels opened on node '${node}' has reached the maximum allowed limit of ` +
    `(${limit}) (channel_max_per_node)`,
);

export const userChannelLimit = defineRefusal(
  {
    id: 'limit.user-channels',
    code: 530,
    scope: 'connection',
    remedy:
      'Close channels of the user, or raise its limit (max-channels, or ' +
      'user_limits.max_channels).',
  },
  (user: string, limit: number) =>
    `number of channels opened for user '${user}' has reached the maximum allowed user limit of ` +
    `(${limit}) (user_limits.max_channels)`,
);

export const channelConsumerLimit = defineRefusal(
  {
    id: 'limit.channel-consumers',
    code: 530,
    scope: 'connection',
    remedy: 'Cancel consumers, open another channel, or raise consumer_max_per_channel.',
  },
  (limit: number) =>
    `reached maximum (${limit}) of consumers per channel (consumer_max_per_channel)`,
);

export const vhostQueueLimit = defineRefusal(
  {
    id: 'limit.vhost-queues',
    code: 406,
    scope: 'channel',
    remedy:
      'Delete queues of the virtual host, or raise its limit (max-queues, or ' +
      'default_limits.vhosts.*.max_queues).',
  },
  (queue: string, vhost: string, limit: number) =>
    `cannot declare queue '${queue}': queue limit in vhost '${vhost}' (${limit}) is reached`,
);

export const clusterQueueLimit = defineRefusal(
  {
    id: 'limit.cluster-queues',
    code: 406,
    scope: 'channel',
    remedy: 'Delete queues that are not needed, or raise cluster_queue_limit.',
  },
  (queue: string, limit: number) =>
    `cannot declare queue '${queue}': queue limit in cluster (${limit}) is reached`,
);

export const clusterExchangeLimit = defineRefusal(
  {
    id: 'limit.cluster-exchanges',
    code: 406,
    scope: 'channel',
    remedy: 'Delete exchanges that are not needed, or raise cluster_exchange_limit.',
  },
  (vhost: string, exchange: string, limit: number) =>
    `cannot declare ${resourceText('exchange', exchange, vhost)}: exchange limit of ${limit} is ` +
    'reached',
);

export const vhostLimit = defineRefusal(
  {
    id: 'limit.vhosts',
    code: 406,
    scope: 'channel',
    remedy: 'Delete virtual hosts that are not needed, or raise vhost_max.',
  },
  (vhost: string, limit: number) =>
    `cannot create vhost '${vhost}': vhost limit of ${limit} is reached`,
);
