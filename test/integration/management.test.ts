// Test thread. The management API of a real broker: a child process, a client that declares and
// publishes, and what JSON and metrics then say. WarrenMQ only: RabbitMQ's API has more fields.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDeadline } from '../support/inbox.ts';
import { parsePrometheus } from '../unit/management/prometheus-parser.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SHARDS = 2;
const ACCEPTORS = 2;

let broker: ChildProcess;
let dataDirectory: string;
let output = '';
let amqpPort = 0;
let api = '';

let connection: ChannelModel;
let channel: ConfirmChannel;

beforeAll(async () => {
  dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
  const shape = ['--shards', `${SHARDS}`, '--acceptors', `${ACCEPTORS}`];
  const ports = ['--host', '127.0.0.1', '--port', '0', '--management-port', '0'];
  const args = ['src/cli/main.ts', 'server', '--data-dir', dataDirectory, ...ports, ...shape];
  broker = spawn(process.execPath, [...args, '--set', 'management.tcp.ip=127.0.0.1'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  broker.stderr!.on('data', (bytes) => (output += bytes));
  const ready = new Promise<void>((resolve, reject) => {
    broker.stdout!.on('data', (bytes) => {
      output += bytes;
      if (output.includes('Consume')) resolve();
    });
    broker.on('exit', () => reject(new Error(`the broker did not start:\n${output}`)));
  });
  await withDeadline('the broker to start', ready, 20_000);
  amqpPort = Number(/AMQP 0-9-1 +127\.0\.0\.1:(\d+)/u.exec(output)?.[1]);
  api = /Management +(http:\S+)/u.exec(output)![1]!;
  connection = await connect(`amqp://guest:guest@127.0.0.1:${amqpPort}`);
  channel = await connection.createConfirmChannel();
});

afterAll(async () => {
  try {
    await connection?.close();
    const exit = once(broker, 'exit');
    broker.kill('SIGTERM');
    const [code] = await withDeadline('the broker to stop', exit);
    expect([code, output.includes(' error ')]).toEqual([0, false]);
  } finally {
    broker.kill('SIGKILL');
    fs.rmSync(dataDirectory, { recursive: true, force: true });
  }
});

const LOGIN = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };

async function get(resource: string): Promise<never> {
  const reply = await fetch(`${api}/api/${resource}`, { headers: LOGIN });
  expect(reply.status).toBe(200);
  return (await reply.json()) as never;
}

async function metric(name: string): Promise<number> {
  const reply = await fetch(`${api}/metrics`);
  expect(reply.status).toBe(200);
  const family = parsePrometheus(await reply.text()).get(name);
  return [...family!.samples.values()].reduce((sum, value) => sum + value, 0);
}

/** For what the client has sent without waiting for an answer. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await check();
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe('after declaring and publishing', () => {
  beforeAll(async () => {
    await channel.assertExchange('events/all', 'topic', { alternateExchange: 'amq.fanout' });
    await channel.assertQueue('work/1', { durable: true, arguments: { 'x-max-priority': 5 } });
    await channel.assertQueue('private', { exclusive: true, durable: false });
    await channel.bindQueue('work/1', 'events/all', 'order.*');
    for (let index = 0; index < 10; index += 1) {
      channel.publish('events/all', 'order.new', Buffer.from('hello'));
    }
    channel.publish('events/all', 'elsewhere', Buffer.from('nobody wants this'));
    await channel.waitForConfirms();
    const first = (await channel.get('work/1')) as GetMessage;
    const second = (await channel.get('work/1')) as GetMessage;
    await channel.get('work/1');
    channel.ack(first);
    channel.nack(second);
  });

  const counts = { messages: 9, messages_ready: 8, messages_unacknowledged: 1 };

  it('the queue shows its counts and arguments', async () => {
    await eventually(async () => {
      expect(await get('queues/%2F/work%2F1')).toMatchObject({
        name: 'work/1',
        vhost: '/',
        type: 'classic',
        state: 'running',
        durable: true,
        auto_delete: false,
        exclusive: false,
        arguments: { 'x-max-priority': 5 },
        consumers: 0,
        ...counts,
        message_stats: { publish: 10, deliver_get: 3, ack: 1 },
      });
    });
  });

  it('the overview and the virtual host show the totals', async () => {
    await eventually(async () => {
      expect(await get('overview')).toMatchObject({
        queue_totals: counts,
        message_stats: { publish: 11, deliver_get: 3, ack: 1 },
        object_totals: { connections: 1, channels: 1, consumers: 0, exchanges: 8, queues: 2 },
      });
      expect(await get('vhosts/%2F')).toMatchObject(counts);
    });
    const overview: Record<string, never> = await get('overview');
    expect(overview['warrenmq']).toMatchObject({
      acceptors: Array.from({ length: ACCEPTORS }, (_, acceptor) => ({ acceptor })),
      shards: Array.from({ length: SHARDS }, (_, shard) => ({ shard })),
    });
    expect(overview['listeners']).toMatchObject([
      { protocol: 'amqp', port: amqpPort },
      { protocol: 'http', port: Number(new URL(api).port) },
    ]);
  });

  it('the metrics agree', async () => {
    await eventually(async () => {
      expect(await metric('rabbitmq_queue_messages_ready')).toBe(8);
      expect(await metric('rabbitmq_queue_messages_unacked')).toBe(1);
    });
    expect(await metric('rabbitmq_queue_messages')).toBe(9);
    expect(await metric('rabbitmq_connections')).toBe(1);
    expect(await metric('rabbitmq_channels')).toBe(1);
    expect(await metric('rabbitmq_queues')).toBe(2);
    expect(await metric('rabbitmq_global_messages_received_total')).toBe(11);
    expect(await metric('warrenmq_global_messages_unroutable_total')).toBe(1);
    expect(await metric('warrenmq_acceptor_messages_received_total')).toBe(11);
    expect(await metric('warrenmq_shard_messages')).toBe(9);
    expect(await metric('warrenmq_shard_arena_bytes')).toBeGreaterThan(0);
  });

  it('exchanges, bindings and connections are listed', async () => {
    expect(await get('exchanges/%2F/events%2Fall')).toMatchObject({
      type: 'topic',
      arguments: { 'alternate-exchange': 'amq.fanout' },
    });
    expect(await get('queues/%2F/work%2F1/bindings')).toMatchObject([
      { source: '', routing_key: 'work/1' },
      { source: 'events/all', routing_key: 'order.*', properties_key: 'order.%2A' },
    ]);
    const connections: { name: string; connected_at: number }[] = await get('connections');
    expect(connections).toMatchObject([
      { user: 'guest', vhost: '/', client_properties: { product: 'amqplib' } },
    ]);
    expect(Math.abs(Date.now() - connections[0].connected_at)).toBeLessThan(3_600_000);
    expect(await get('queues/%2F/private')).toMatchObject({
      exclusive: true,
      owner_pid_details: { name: connections[0].name },
    });
  });

  it('consumers count, and deliveries to them', async () => {
    let received = 0;
    await channel.consume('work/1', () => (received += 1), { noAck: true });
    await eventually(async () => {
      expect(received).toBe(8);
      expect(await get('queues/%2F/work%2F1')).toMatchObject({
        consumers: 1,
        messages: 1,
        messages_unacknowledged: 1,
        message_stats: { deliver_get: 11, redeliver: 1 },
      });
    });
    expect(await metric('rabbitmq_consumers')).toBe(1);
    expect(await metric('rabbitmq_global_messages_delivered_total')).toBe(8);
  });

  it('what has been deleted is gone', async () => {
    await channel.deleteQueue('work/1');
    const reply = await fetch(`${api}/api/queues/%2F/work%2F1`, { headers: LOGIN });
    expect(reply.status).toBe(404);
    expect(await reply.json()).toEqual({ error: 'Object Not Found', reason: 'Not Found' });
    expect(await metric('rabbitmq_queues')).toBe(1);
    expect(await metric('rabbitmq_global_messages_delivered_total')).toBe(8);
  });
});

it('the listeners pass their health check, and the node', async () => {
  for (const port of [amqpPort, new URL(api).port]) {
    expect(await get(`health/checks/port-listener/${port}`)).toEqual({
      status: 'ok',
      port: Number(port),
    });
  }
  expect(await get('healthchecks/node')).toEqual({ status: 'ok' });
});

it('nobody gets in with a wrong password', async () => {
  const headers = { authorization: `Basic ${Buffer.from('guest:wrong').toString('base64')}` };
  expect((await fetch(`${api}/api/whoami`, { headers })).status).toBe(401);
  expect((await fetch(`${api}/api/whoami`)).status).toBe(401);
});

it('a second broker on the same management port does not start, and says which port', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
  const { port } = new URL(api);
  const args = ['src/cli/main.ts', 'server', '--data-dir', directory, '--port', '0'];
  args.push('--management-port', port, '--set', 'management.tcp.ip=127.0.0.1');
  const second = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  second.stderr.on('data', (bytes) => (said += bytes));
  const [code] = await withDeadline('the second broker to give up', once(second, 'close'), 15_000);
  fs.rmSync(directory, { recursive: true, force: true });
  expect(said).toContain(`Port ${port} on 127.0.0.1 is already in use`);
  expect(code).toBe(1);
});
