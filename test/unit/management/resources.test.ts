// Every resource over HTTP, with a broker that has no threads: RabbitMQ's fields, who sees what.
import { describe, expect, it, vi } from 'vitest';
import { ask } from './fixture.ts';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker, get, statusOf } = management;

describe('overview', () => {
  it('shows an administrator everything', async () => {
    expect(await get('/api/overview')).toMatchObject({
      product_name: 'WarrenMQ',
      product_version: expect.stringMatching(/^\d+\.\d+\.\d+$/u),
      rabbitmq_version: '4.2.0',
      management_version: '4.2.0',
      cluster_name: 'unit "test"',
      node: expect.stringMatching(/^rabbit@/u),
      queue_totals: { messages: 15, messages_ready: 13, messages_unacknowledged: 2 },
      message_stats: { publish: 25, deliver_get: 6, ack: 4, redeliver: 1 },
      object_totals: { channels: 3, connections: 2, consumers: 1, exchanges: 14, queues: 3 },
      listeners: [
        { protocol: 'amqp', ip_address: '::', port: 5672 },
        { protocol: 'http', ip_address: '127.0.0.1', port: management.port },
      ],
      warrenmq: {
        acceptors: [
          { acceptor: 0, blocked_connections: 1 },
          { acceptor: 1, stalled_connections: 1, slab_pages_used: 8 },
        ],
        shards: [
          { shard: 0, queues: 1, arena_bytes: 2, live_bytes: 3, slab_messages: 4, paced_queues: 1 },
          {
            shard: 1,
            paced_queues: 0,
            closed_queues: 0,
            log: { batches: 1, syncs: 2, bytes_written: 3, sync_micros: 4_500_000, segments: 6 },
            recovery: { backend: 'portable', messages: 5, clean: false, torn: true },
          },
        ],
      },
    });
  });

  it('shows others what they may look into, and nothing of the node', async () => {
    const overview: Record<string, unknown> = await get('/api/overview', 'manager:p');
    expect(overview).toMatchObject({
      queue_totals: { messages: 5 },
      message_stats: { publish: 9 },
      object_totals: { connections: 1, consumers: 1, exchanges: 7, queues: 2 },
    });
    for (const key of ['node', 'listeners', 'contexts', 'warrenmq']) {
      expect(overview).not.toHaveProperty(key);
    }
  });
});

it('whoami tells name and tags', async () => {
  expect(await get('/api/whoami')).toEqual({ name: 'guest', tags: ['administrator'] });
});

it('nodes has one node, for monitors only', async () => {
  const [node]: { name: string }[] = await get('/api/nodes', 'monitor:p');
  expect(node).toMatchObject({
    running: true,
    type: 'disc',
    os_pid: String(process.pid),
    mem_used: 100,
    mem_limit: 1000,
    mem_resident: expect.any(Number),
    uptime: expect.any(Number),
    mem_alarm: false,
    disk_free: 5000,
    disk_free_limit: 2000,
    disk_free_alarm: false,
    disk_full_logs: [],
  });
  expect(await get(`/api/nodes/${node.name}`)).toMatchObject({ name: node.name });
  expect(await statusOf('/api/nodes/rabbit@elsewhere')).toBe(404);
  expect(await statusOf('/api/nodes', 'manager:p')).toBe(401);
});

describe('vhosts', () => {
  const names = (vhosts: readonly { name: string }[]) => vhosts.map(({ name }) => name);

  it('lists those the user may know of', async () => {
    expect(names(await get('/api/vhosts'))).toEqual(['/', 'other']);
    expect(names(await get('/api/vhosts', 'monitor:p'))).toEqual(['/', 'other']);
    expect(names(await get('/api/vhosts', 'manager:p'))).toEqual(['/']);
  });

  it('shows one', async () => {
    expect(await get('/api/vhosts/%2F')).toMatchObject({
      name: '/',
      description: 'Default virtual host',
      messages: 5,
      messages_ready: 3,
      messages_unacknowledged: 2,
      message_stats: { publish: 9, deliver_get: 6, ack: 4, redeliver: 1 },
    });
    expect(await get('/api/vhosts/other', 'monitor:p')).toMatchObject({ description: '' });
    expect(await statusOf('/api/vhosts/other', 'manager:p')).toBe(401);
    expect(await statusOf('/api/vhosts/missing')).toBe(404);
  });
});

describe('exchanges', () => {
  it('lists them by virtual host and name', async () => {
    const all: { vhost: string; name: string }[] = await get('/api/exchanges');
    expect(all.map(({ vhost, name }) => `${vhost}:${name}`)).toEqual(
      ['/', 'other'].flatMap((vhost) =>
        ['', 'amq.direct', 'amq.fanout', 'amq.headers', 'amq.match', 'amq.rabbitmq.trace']
          .map((name) => `${vhost}:${name}`)
          .concat(`${vhost}:amq.topic`),
      ),
    );
    expect(await get('/api/exchanges/other')).toHaveLength(7);
    expect(await get('/api/exchanges', 'manager:p')).toHaveLength(7);
    expect(await get('/api/exchanges', 'monitor:p')).toEqual([]);
  });

  it('shows one', async () => {
    expect(await get('/api/exchanges/%2F/amq.rabbitmq.trace')).toEqual({
      name: 'amq.rabbitmq.trace',
      vhost: '/',
      type: 'topic',
      durable: true,
      auto_delete: false,
      internal: true,
      arguments: {},
    });
    expect(await get('/api/exchanges/%2F/amq.default')).toMatchObject({ name: '', type: 'direct' });
    expect(await statusOf('/api/exchanges/%2F/missing')).toBe(404);
    expect(await statusOf('/api/exchanges/missing')).toBe(404);
  });
});

describe('queues', () => {
  it('shows one', async () => {
    const queue: { shard: number } = await get('/api/queues/%2F/a%2Fb');
    expect(queue).toEqual({
      name: 'a/b',
      vhost: '/',
      type: 'classic',
      durable: true,
      auto_delete: false,
      exclusive: false,
      arguments: {},
      policy: null,
      operator_policy: null,
      effective_policy_definition: {},
      node: expect.any(String),
      shard: expect.any(Number),
      state: 'running',
      consumers: 1,
      single_active_consumer_tag: '',
      messages: 5,
      messages_ready: 3,
      messages_unacknowledged: 2,
      message_stats: { publish: 9, deliver_get: 6, ack: 4, redeliver: 1 },
      message_bytes: 42,
      message_bytes_ready: 30,
      message_bytes_unacknowledged: 12,
      messages_dlx: 0,
      message_bytes_dlx: 0,
      messages_ram: 3,
      messages_ready_ram: 1,
      messages_unacknowledged_ram: 2,
      messages_paged_out: 2,
      message_bytes_ram: 20,
      message_bytes_paged_out: 22,
      publish_rate_limit: 500,
      publishers_blocked: true,
    });
  });

  it('shows the policies of a queue and an exchange, and what they come to', async () => {
    expect(await get('/api/queues/other/b')).toMatchObject({
      policy: 'lengths',
      operator_policy: 'caps',
      effective_policy_definition: { 'max-length': 10, 'message-ttl': 5 },
    });
    expect(await get('/api/exchanges/other/amq.topic')).toMatchObject({ policy: 'lengths' });
    expect(await get('/api/exchanges/other/amq.topic')).not.toHaveProperty('operator_policy');
  });

  it('leaves out what changes, and counts the messages when asked to', async () => {
    const asked = vi.spyOn(broker, 'collectReports');
    try {
      const bare = '/api/queues/other?disable_stats=true';
      const [queue] = (await get(bare)) as object[];
      expect(queue).toMatchObject({ name: 'b', state: 'running', arguments: {} });
      for (const member of ['messages', 'consumers', 'message_stats']) {
        expect(queue).not.toHaveProperty(member);
      }
      expect(await get('/api/queues/other/b?disable_stats=true')).toEqual(queue);
      expect(asked).not.toHaveBeenCalled();
      const counts = { messages: 10, messages_ready: 10, messages_unacknowledged: 0 };
      const counted = { ...queue, ...counts };
      expect(await get(`${bare}&enable_queue_totals=true`)).toEqual([counted]);
    } finally {
      asked.mockRestore();
    }
  });

  it('counts a queue that no shard has reported yet as empty', async () => {
    expect(await get('/api/queues/%2F/mine')).toMatchObject({
      exclusive: true,
      owner_pid_details: { name: 'z -> s' },
      messages: 0,
      message_stats: { publish: 0 },
    });
  });

  it('lists them by virtual host and name', async () => {
    const names = (queues: readonly { name: string }[]) => queues.map(({ name }) => name);
    expect(names(await get('/api/queues'))).toEqual(['a/b', 'mine', 'b']);
    expect(names(await get('/api/queues/other/'))).toEqual(['b']);
    expect(names(await get('/api/queues', 'manager:p'))).toEqual(['a/b', 'mine']);
    expect(await statusOf('/api/queues/other', 'manager:p')).toBe(401);
    expect(await statusOf('/api/queues/other/b', 'manager:p')).toBe(401);
    expect(await statusOf('/api/queues/missing')).toBe(404);
    expect(await statusOf('/api/queues/%2F/b')).toBe(404);
  });
});

describe('bindings', () => {
  const implicit = (vhost: string, name: string) => ({
    source: '',
    vhost,
    destination: name,
    destination_type: 'queue',
    routing_key: name,
    arguments: {},
    properties_key: encodeURIComponent(name),
  });
  const explicit = {
    source: 'amq.topic',
    vhost: '/',
    destination: 'a/b',
    destination_type: 'queue',
    routing_key: 'x.#',
    arguments: { n: 1 },
    properties_key: expect.stringMatching(/^x\.%23~/u),
  };

  it('lists those of the default exchange too', async () => {
    expect(await get('/api/bindings')).toEqual([
      implicit('/', 'a/b'),
      implicit('/', 'mine'),
      explicit,
      implicit('other', 'b'),
    ]);
    expect(await get('/api/bindings/other')).toEqual([implicit('other', 'b')]);
    expect(await statusOf('/api/bindings/missing')).toBe(404);
    expect(await statusOf('/api/bindings/other', 'manager:p')).toBe(401);
  });

  it('lists those of one queue', async () => {
    expect(await get('/api/queues/%2F/a%2Fb/bindings')).toEqual([implicit('/', 'a/b'), explicit]);
    expect(await get('/api/queues/other/b/bindings')).toEqual([implicit('other', 'b')]);
    expect(await statusOf('/api/queues/%2F/missing/bindings')).toBe(404);
  });
});

it('connections are all for monitors, and for others their own', async () => {
  const mine = {
    name: 'a -> s',
    user: 'manager',
    vhost: '/',
    node: expect.any(String),
    type: 'network',
    protocol: 'AMQP 0-9-1',
    state: 'running',
    connected_at: 1_700_000_000_123,
    client_properties: {},
    pid: expect.stringMatching(/^<rabbit@.*\.1\.8\.0>$/u),
    user_who_performed_action: 'manager',
    channels: 0,
    ssl: false,
    ssl_protocol: null,
    ssl_key_exchange: null,
    ssl_cipher: null,
    ssl_hash: null,
    peer_cert_subject: null,
    peer_cert_issuer: null,
    peer_cert_validity: null,
  };
  expect(await get('/api/connections', 'manager:p')).toEqual([mine]);
  const { body } = await ask(management.port, '/api/connections');
  expect(JSON.parse(body)).toMatchObject([
    mine,
    { name: 'z -> s', user_provided_name: 'my app', state: 'blocked' },
  ]);
  expect(body).toContain('"big":9007199254740993');
});
