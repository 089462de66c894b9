// One fact of each kind, in an order that can be restored. Main thread.
import type { Fact } from '../../../../src/supervisor/facts/fact.ts';

const exchange = {
  name: 'x',
  type: 'headers',
  durable: true,
  autoDelete: true,
  internal: false,
  arguments: { 'alternate-exchange': 'amq.fanout' },
};
const queue = {
  id: 7,
  shard: 2,
  name: 'q "ü"\n',
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: { 'x-message-ttl': 60_000 },
};
const binding = {
  source: 'x',
  destination: queue.name,
  destinationKind: 'queue',
  routingKey: '',
  arguments: { 'x-match': 'any', n: 1 },
} as const;
const account = {
  name: 'u',
  passwordHash: 'aGFzaA==',
  hashingAlgorithm: 'sha512',
  tags: ['management', 'policymaker'],
} as const;
const permission = { configure: '^a', write: '', read: '.*' };
const topics = { write: '^{username}', read: '.*' };
const limits = { 'max-connections': 5, 'max-channels': -1 };
const parameter = { vhost: 'v', component: 'shovel', name: 'p' };
const value = { pattern: '.*', definition: { 'max-length': 3, list: [null, true, 1.5] } };

/** What is declared by these is still there after all of them. */
export const DECLARATIONS: readonly Fact[] = [
  { kind: 'queue-ids-used', below: 100 },
  { kind: 'vhost-created', vhost: 'v' },
  { kind: 'exchange-declared', vhost: 'v', exchange },
  { kind: 'queue-declared', vhost: 'v', queue },
  { kind: 'bound', vhost: 'v', binding, durable: true },
  { kind: 'user-set', account },
  { kind: 'permission-set', user: 'u', vhost: 'v', permission },
  { kind: 'topic-permission-set', user: 'u', vhost: 'v', exchange: 'x', permission: topics },
  { kind: 'topic-permission-set', user: 'u', vhost: 'v', exchange: 'y', permission: topics },
  { kind: 'user-limits-set', user: 'u', limits },
  { kind: 'parameter-set', parameter: { ...parameter, value } },
];

export const FACTS: readonly Fact[] = [
  ...DECLARATIONS,
  { kind: 'parameter-deleted', parameter },
  { kind: 'permission-deleted', user: 'u', vhost: 'v' },
  { kind: 'topic-permission-deleted', user: 'u', vhost: 'v', exchange: 'y' },
  { kind: 'topic-permission-deleted', user: 'u', vhost: 'v' },
  { kind: 'user-deleted', user: 'u' },
  { kind: 'unbound', vhost: 'v', binding, durable: true },
  { kind: 'queue-deleted', vhost: 'v', queue },
  { kind: 'exchange-deleted', vhost: 'v', name: 'x', durable: true },
  { kind: 'vhost-deleted', vhost: 'v' },
];
