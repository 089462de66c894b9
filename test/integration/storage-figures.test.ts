// Test thread. What API and metrics say about the disk, with a real broker: messages that are there
// only, what the log has done, and what came of reading it when the broker started again.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBroker } from '../support/broker.ts';
import { parsePrometheus } from '../unit/management/prometheus-parser.ts';

/** More than a queue keeps in memory (shards/store/residency.ts). */
const MESSAGES = 20_000;
const BODY = Buffer.alloc(100, 1);
/** Routing key `figures` and the body; amqplib's delivery mode and content type come on top. */
const BYTES_MIN = 'figures'.length + BODY.length;
const LOGIN = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };

const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
let broker: TestBroker;
let channel: ConfirmChannel;
let closeClient: () => Promise<void>;

async function start(): Promise<void> {
  broker = new TestBroker();
  await broker.start({ shards: 1, acceptors: 1, dataDirectory });
  const connection = await connect(broker.url);
  channel = await connection.createConfirmChannel();
  closeClient = () => connection.close();
}

async function stop(): Promise<void> {
  await closeClient();
  await broker.stop();
}

beforeAll(start);
afterAll(async () => {
  await stop();
  fs.rmSync(dataDirectory, { recursive: true, force: true });
});

async function get<Answer>(resource: string): Promise<Answer> {
  const reply = await fetch(`${broker.managementUrl}/api/${resource}`, { headers: LOGIN });
  return (await reply.json()) as Answer;
}

interface QueueFigures {
  readonly messages: number;
  readonly messages_ram: number;
  readonly messages_paged_out: number;
  readonly message_bytes: number;
  readonly message_bytes_ram: number;
  readonly message_bytes_paged_out: number;
}

interface ShardFigures {
  readonly log: { readonly messages: number; readonly bytes_written: number };
  readonly recovery: { readonly messages: number; readonly clean: boolean };
}

const queueFigures = () => get<QueueFigures>('queues/%2F/figures');

async function shardFigures(): Promise<ShardFigures> {
  const overview = await get<{ warrenmq: { shards: ShardFigures[] } }>('overview');
  return overview.warrenmq.shards[0];
}

async function metric(name: string): Promise<number | undefined> {
  const reply = await fetch(`${broker.managementUrl}/metrics`, { headers: LOGIN });
  const samples =
    parsePrometheus(await reply.text())
      .get(name)
      ?.samples.values() ?? [];
  return [...samples][0];
}

function expectToAddUp(figures: QueueFigures): void {
  expect(figures.messages_ram + figures.messages_paged_out).toBe(figures.messages);
  expect(figures.message_bytes_ram + figures.message_bytes_paged_out).toBe(figures.message_bytes);
  const { messages, message_bytes: bytes } = figures;
  expect(figures.message_bytes_paged_out).toBe((bytes / messages) * figures.messages_paged_out);
}

test('a deep queue has messages on disk only, and the log counts them all', async () => {
  await channel.assertQueue('figures');
  for (let i = 0; i < MESSAGES; i += 1) {
    channel.sendToQueue('figures', BODY, { persistent: true });
  }
  await channel.waitForConfirms();
  const figures = await queueFigures();
  expectToAddUp(figures);
  expect(figures.messages).toBe(MESSAGES);
  expect(figures.messages_paged_out).toBeGreaterThan(0);
  expect(await metric('rabbitmq_queue_messages_paged_out')).toBe(figures.messages_paged_out);
  const { log, recovery } = await shardFigures();
  expect(log.messages).toBe(MESSAGES);
  expect(log.bytes_written).toBeGreaterThan(MESSAGES * BYTES_MIN);
  expect(recovery.messages).toBe(0);
  expect(await metric('warrenmq_log_messages')).toBe(MESSAGES);
  expect(await metric('warrenmq_log_syncs_total')).toBeGreaterThan(0);
});

test('after a restart all are on disk only, until they are consumed', async () => {
  await stop();
  await start();
  const figures = await queueFigures();
  expectToAddUp(figures);
  expect(figures).toMatchObject({ messages: MESSAGES, messages_paged_out: MESSAGES });
  expect((await shardFigures()).recovery).toMatchObject({ messages: MESSAGES, clean: true });
  expect(await metric('warrenmq_log_recovered_messages')).toBe(MESSAGES);
  let left = MESSAGES;
  await new Promise<void>((resolve, reject) => {
    const take = (message: ConsumeMessage | null): void => {
      left -= 1;
      channel.ack(message!);
      if (left === 0) resolve();
    };
    channel.consume('figures', take, { consumerTag: 'all' }).catch(reject);
  });
  await channel.cancel('all');
  // Acks are not answered, but the answer to this comes behind them.
  await channel.checkQueue('figures');
  expect(await queueFigures()).toMatchObject({
    messages: 0,
    messages_ram: 0,
    messages_paged_out: 0,
    message_bytes_ram: 0,
    message_bytes_paged_out: 0,
  });
});

test('a purge leaves nothing on disk', async () => {
  for (let i = 0; i < MESSAGES; i += 1) {
    channel.sendToQueue('figures', BODY, { persistent: true });
  }
  await channel.waitForConfirms();
  expect((await queueFigures()).messages_paged_out).toBeGreaterThan(0);
  await channel.purgeQueue('figures');
  expect(await queueFigures()).toMatchObject({ messages_paged_out: 0, message_bytes_paged_out: 0 });
  expect((await shardFigures()).log.messages).toBe(0);
});
