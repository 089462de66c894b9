// Definitions as RabbitMQ writes them: 3.10 with all that is in such a file, and what older and newer
// releases write otherwise. The round trip through a real broker is an integration test.
import { describe, expect, it } from 'vitest';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker } = management;
const { get, send } = management;

const HASH = '5IbdtMWWLiLFmgNUdQo1dEXAmpd7hVjlVKAAcbMnB8VOWfjq';

const RABBITMQ_3_10 = {
  rabbit_version: '3.10.8',
  rabbitmq_version: '3.10.8',
  product_name: 'RabbitMQ',
  product_version: '3.10.8',
  users: [
    {
      name: 'app',
      password_hash: HASH,
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: ['monitoring'],
      limits: { 'max-connections': 10 },
    },
  ],
  vhosts: [{ name: '/' }, { name: 'shop' }],
  permissions: [{ user: 'app', vhost: 'shop', configure: '', write: '.*', read: '.*' }],
  topic_permissions: [{ user: 'app', vhost: 'shop', exchange: 'events', write: '^o', read: '' }],
  parameters: [
    { value: { 'max-queues': 100 }, vhost: 'shop', component: 'vhost-limits', name: 'limits' },
    {
      value: { pattern: '.*', definition: { expires: 60_000 }, priority: 1, 'apply-to': 'queues' },
      vhost: 'shop',
      component: 'operator_policy',
      name: 'op',
    },
  ],
  global_parameters: [{ name: 'cluster_name', value: 'rabbit@old' }],
  policies: [
    {
      vhost: 'shop',
      name: 'p',
      pattern: '^o',
      'apply-to': 'all',
      definition: { 'max-length': 5 },
      priority: 0,
    },
  ],
  queues: [
    {
      name: 'orders',
      vhost: 'shop',
      durable: true,
      auto_delete: false,
      arguments: { 'x-queue-type': 'quorum' },
    },
    { name: 'x', vhost: 'shop', durable: true, auto_delete: false, arguments: {} },
  ],
  exchanges: [
    {
      name: 'events',
      vhost: 'shop',
      type: 'topic',
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: { 'alternate-exchange': 'amq.fanout' },
    },
  ],
  bindings: [
    {
      source: 'events',
      vhost: 'shop',
      destination: 'orders',
      destination_type: 'queue',
      routing_key: 'order.#',
      arguments: {},
    },
  ],
};

it('of RabbitMQ 3.10 are all taken', async () => {
  expect(await send('POST', '/api/definitions', RABBITMQ_3_10)).toMatchObject({ status: 204 });
  const exported = (await get('/api/definitions')) as typeof RABBITMQ_3_10;
  const inShop = <Item extends { vhost: string }>(items: readonly Item[]): Item[] =>
    items.filter(({ vhost }) => vhost === 'shop');
  expect(exported.users).toContainEqual(RABBITMQ_3_10.users[0]);
  expect(exported.topic_permissions).toEqual(RABBITMQ_3_10.topic_permissions);
  expect(exported.parameters).toEqual(RABBITMQ_3_10.parameters);
  expect(exported.global_parameters).toEqual(RABBITMQ_3_10.global_parameters);
  expect(exported.policies).toEqual(RABBITMQ_3_10.policies);
  expect(inShop(exported.permissions)).toEqual(RABBITMQ_3_10.permissions);
  expect(inShop(exported.exchanges)).toEqual(RABBITMQ_3_10.exchanges);
  expect(inShop(exported.bindings)).toEqual(RABBITMQ_3_10.bindings);
  expect(inShop(exported.queues)).toMatchObject(RABBITMQ_3_10.queues);
});

it('leave what exists as it is', async () => {
  const other = { name: 'x', vhost: 'shop', durable: true, arguments: { 'x-max-length': 1 } };
  expect((await send('POST', '/api/definitions', { queues: [other] })).status).toBe(204);
  const queue = [...broker.topology.queues('shop')].find(({ name }) => name === 'x')!;
  expect(queue.arguments).not.toHaveProperty('x-max-length');
});

describe('of other releases', () => {
  it.each([
    ['tags as text', { users: [{ name: 'o', password_hash: HASH, tags: 'administrator' }] }],
    ['no tags at all', { users: [{ name: 'o', password_hash: HASH }] }],
    [
      'metadata of virtual hosts',
      {
        vhosts: [
          {
            name: 'new',
            description: '',
            tags: [],
            default_queue_type: 'undefined',
            limits: [],
            metadata: { description: 'd', tags: [], default_queue_type: 'classic' },
          },
        ],
      },
    ],
    [
      'types beside arguments',
      { queues: [{ name: 't', vhost: '/', type: 'quorum', arguments: {} }] },
    ],
    ['empty arguments as a list', { queues: [{ name: 'l', vhost: '/', arguments: [] }] }],
    ['nothing', {}],
  ])('with %s', async (_what, definitions) => {
    expect(await send('POST', '/api/definitions', definitions)).toMatchObject({ status: 204 });
  });

  it('are understood', async () => {
    expect(broker.users.find('o')!.tags).toEqual([]);
    const queue = [...broker.topology.queues('/')].find(({ name }) => name === 't')!;
    expect(queue.arguments).toMatchObject({ 'x-queue-type': 'quorum' });
  });
});

it.each([
  [{ users: 5 }, 'users should be a list'],
  [{ queues: [5] }, 'queues: an item is no object'],
  [{ permissions: [{ vhost: '/', user: 'no', configure: '' }] }, 'permissions: no such user: no'],
  [{ exchanges: [{ name: 'e', vhost: '/' }] }, 'exchanges: [{key_missing,type}]'],
  [{ exchanges: [{ name: 'e', vhost: '/', type: 'nope' }] }, 'exchanges: 4'],
  [{ bindings: [{ source: 'e', vhost: '/', destination: 'none' }] }, 'bindings: 404 NOT_FOUND'],
  [
    { bindings: [{ source: 'e', vhost: '/', destination: 'q', destination_type: 'x' }] },
    "bindings: destination_type is queue or exchange, got 'x'",
  ],
  [
    { policies: [{ vhost: '/', name: 'p', pattern: '(', definition: {} }] },
    'policies: Validation failed',
  ],
])('that are wrong say where: %j', async (definitions, reason) => {
  const reply = await send('POST', '/api/definitions', definitions);
  expect([reply.status, reply.reason]).toEqual([400, expect.stringContaining(reason)]);
});
