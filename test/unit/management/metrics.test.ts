// GET /metrics: the text is in Prometheus's format, the figures are the broker's, and a login is
// needed from other machines only.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeathCounter } from '../../../shards/deadletter/death-counter.ts';
import { routes } from '../../../src/management/api/routes.ts';
import { BrokerView } from '../../../src/management/broker-view.ts';
import { RequestHandler } from '../../../src/management/request-handler.ts';
import { queueSettings } from '../../../src/routing/queue-settings.ts';
import {
  acceptorReport,
  ask,
  FakeBroker,
  LOG_REPORT,
  memoryLog,
  queueReport,
  RECOVERY,
  shardReport,
} from './fixture.ts';
import { parsePrometheus } from './prometheus-parser.ts';

const deaths = new DeathCounter();
const deadLettered = { 'x-dead-letter-exchange': 'dlx' };
const spec = { id: 1, shard: 0, name: 'q', durable: true, autoDelete: false, exclusiveOwner: 0 };
deaths.count('expired', queueSettings({ ...spec, arguments: {} }));
deaths.count('rejected', queueSettings({ ...spec, arguments: deadLettered }));
deaths.count('rejected', queueSettings({ ...spec, arguments: deadLettered }));
const broker = new FakeBroker();
const { log } = memoryLog();
const view = new BrokerView(broker, () => [
  { protocol: 'http', address: { host: '::', port: 15672 } },
]);
const limits = { bodyBytesMax: 1024, answerMillisMax: 10_000 };
const handler = new RequestHandler(view, routes, limits, log);
/** Where requests seem to come from. */
let remoteAddress: string | undefined;
const server = createServer((request, response) => {
  if (remoteAddress !== undefined) {
    Object.defineProperty(request.socket, 'remoteAddress', { value: remoteAddress });
  }
  void handler.handle(request, response);
});
let port = 0;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  const id = broker.declareQueue('q');
  const figures = { resource: 'memory', usedBytes: 95, limitBytes: 90 } as const;
  const alarms = [
    { vhost: undefined, ...figures },
    { vhost: 'other', ...figures },
  ];
  broker.memory = { ...figures, alarms };
  broker.disk = {
    freeBytes: 30,
    limitBytes: 40,
    alarm: { resource: 'disk', vhost: undefined, freeBytes: 31, limitBytes: 40, shortLogs: [] },
  };
  broker.recoveries[1] = RECOVERY;
  broker.reports = {
    shards: [
      shardReport(
        queueReport(id, {
          ready: 3,
          unacked: 2,
          consumers: 4,
          publishRateLimit: 1,
          readyBytes: 300,
          unackedBytes: 200,
          dead: 0,
          deadBytes: 0,
          isClosed: true,
          onDisk: 1,
          onDiskBytes: 60,
        }),
      ),
      {
        ...shardReport(queueReport(77, { ready: 6, readyBytes: 60, nextDue: 1 })),
        log: LOG_REPORT,
        deaths: deaths.report(),
      },
    ],
    acceptors: [
      acceptorReport({ connections: 9, channels: 6, published: 70, delivered: 50, unroutable: 8 }),
      acceptorReport({
        channels: 1,
        published: 7,
        stalledConnections: 5,
        slabPagesUsed: 3,
        blockedConnections: [4, 5],
        unreadConnections: 2,
        forwarded: 12,
        forwardedUnroutable: 3,
      }),
    ],
  };
});
afterAll(() => void server.close());

describe('the metrics', () => {
  it('are those of the broker', async () => {
    remoteAddress = undefined;
    const { status, headers, body } = await ask(port, '/metrics', { login: undefined });
    expect([status, headers['content-type']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    const families = parsePrometheus(body);
    const figures = Object.fromEntries(
      [...families].flatMap(([name, { samples }]) =>
        [...samples].map(([labels, value]) => [name + labels, value]),
      ),
    );
    expect(figures).toMatchObject({
      rabbitmq_connections: 0,
      rabbitmq_channels: 7,
      rabbitmq_consumers: 4,
      rabbitmq_queues: 1,
      rabbitmq_queue_messages_ready: 3,
      rabbitmq_queue_messages_unacked: 2,
      rabbitmq_queue_messages: 5,
      rabbitmq_queue_messages_ready_bytes: 300,
      rabbitmq_queue_messages_unacked_bytes: 200,
      rabbitmq_queue_messages_bytes: 500,
      rabbitmq_queue_messages_ram: 4,
      rabbitmq_queue_messages_ram_bytes: 440,
      rabbitmq_queue_messages_paged_out: 1,
      rabbitmq_queue_messages_paged_out_bytes: 60,
      rabbitmq_alarms_free_disk_space_watermark: 1,
      rabbitmq_disk_space_available_bytes: 30,
      rabbitmq_disk_space_available_limit_bytes: 40,
      'warrenmq_log_batches_total{shard="1"}': 1,
      'warrenmq_log_syncs_total{shard="1"}': 2,
      'warrenmq_log_written_bytes_total{shard="1"}': 3,
      'warrenmq_log_sync_seconds_total{shard="1"}': 4.5,
      'warrenmq_log_segments{shard="1"}': 6,
      'warrenmq_log_disk_bytes{shard="1"}': 7,
      'warrenmq_log_lost_messages_total{shard="1"}': 11,
      'warrenmq_log_corrupt_ranges{shard="1"}': 1,
      rabbitmq_alarms_memory_used_watermark: 1,
      rabbitmq_resident_memory_limit_bytes: 90,
      warrenmq_memory_used_bytes: 95,
      warrenmq_vhosts_blocked: 1,
      'warrenmq_shard_closed_queues{shard="0"}': 1,
      'warrenmq_acceptor_blocked_connections{acceptor="1"}': 2,
      'warrenmq_acceptor_unread_connections{acceptor="1"}': 2,
      'rabbitmq_global_messages_received_total{protocol="amqp091"}': 77,
      'rabbitmq_global_messages_delivered_total{protocol="amqp091",queue_type="rabbit_classic_queue"}': 50,
      'warrenmq_global_messages_unroutable_total{protocol="amqp091"}': 8,
      'rabbitmq_global_messages_dead_lettered_expired_total{queue_type="rabbit_classic_queue",dead_letter_strategy="disabled"}': 1,
      'rabbitmq_global_messages_dead_lettered_rejected_total{queue_type="rabbit_classic_queue",dead_letter_strategy="at_most_once"}': 2,
      'rabbitmq_global_messages_dead_lettered_confirmed_total{queue_type="rabbit_quorum_queue",dead_letter_strategy="at_least_once"}': 0,
      warrenmq_delayed_messages: 6,
      warrenmq_delayed_message_bytes: 60,
      warrenmq_messages_forwarded_total: 12,
      warrenmq_messages_forwarded_unroutable_total: 3,
      'rabbitmq_auth_attempts_total{protocol="amqp091"}': 5,
      'rabbitmq_auth_attempts_failed_total{protocol="http"}': 0,
      'rabbitmq_auth_attempts_succeeded_total{protocol="amqp091"}': 3,
      'rabbitmq_auth_attempts_failed_total{protocol="amqp091"}': 2,
      rabbitmq_process_resident_memory_bytes: expect.any(Number),
      process_start_time_seconds: 1_700_000_000,
      'warrenmq_shard_arena_bytes{shard="1"}': 2,
      'warrenmq_shard_live_bytes{shard="0"}': 3,
      'warrenmq_shard_slab_messages{shard="0"}': 4,
      'warrenmq_shard_queues{shard="0"}': 1,
      'warrenmq_shard_paced_queues{shard="0"}': 1,
      'warrenmq_shard_paced_queues{shard="1"}': 0,
      'warrenmq_acceptor_connections{acceptor="0"}': 9,
      'warrenmq_acceptor_stalled_connections{acceptor="1"}': 5,
      'warrenmq_acceptor_slab_pages_used{acceptor="1"}': 3,
    });
    // The other shard keeps nothing on disk.
    expect([...families.get('warrenmq_log_batches_total')!.samples.keys()]).toEqual([
      '{shard="1"}',
    ]);
    const [identity] = families.get('rabbitmq_identity_info')!.samples.keys();
    expect(identity).toContain('rabbitmq_cluster="unit \\"test\\""');
    const [build] = families.get('rabbitmq_build_info')!.samples.keys();
    expect(build).toContain('rabbitmq_version="4.2.0"');
  });

  it('end in _total exactly when they are counters', async () => {
    remoteAddress = undefined;
    const { body } = await ask(port, '/metrics', { login: undefined });
    for (const [name, { type, help }] of parsePrometheus(body)) {
      expect([name, type]).toEqual([name, name.endsWith('_total') ? 'counter' : 'gauge']);
      expect(help).not.toBe('');
    }
  });
});

describe('from another machine', () => {
  it.each([
    [undefined, 401],
    ['guest:guest', 401],
    ['manager:p', 401],
    ['monitor:wrong', 401],
    ['monitor:p', 200],
  ])('%s gets %d', async (login, status) => {
    remoteAddress = '192.0.2.1';
    expect((await ask(port, '/metrics', { login })).status).toBe(status);
  });

  it('guest may not use the API', async () => {
    remoteAddress = '192.0.2.1';
    expect((await ask(port, '/api/whoami')).status).toBe(401);
    expect((await ask(port, '/api/whoami', { login: 'manager:p' })).status).toBe(200);
  });
});
