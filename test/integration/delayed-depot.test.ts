// Test thread. Delayed messages that wait in the depot, as clients (amqplib), the HTTP API and
// `warrenmq inspect` see them: over kill -9, restarts and another number of shards, cancelled and
// listed, each delivered once, in order, with all that it came with. Periods are a quarter of a
// second, so that seconds are far away. WarrenMQ only.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { afterAll, expect, test } from 'vitest';
import { readDepots } from '../../src/cli/inspect/depots.ts';
import type { InspectReport } from '../../src/cli/inspect/report.ts';
import { type BrokerOptions, TestBroker } from '../support/broker.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const AUTHORIZATION = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
const MONTH = 30 * 24 * 3_600_000;
const SHORT = { WARRENMQ_TEST_DEPOT_SHIFT: '8' };
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) fs.rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-depot-'));
  directories.push(directory);
  return directory;
}

async function withBroker(
  options: BrokerOptions,
  ending: 'stop' | 'kill',
  run: (channel: ConfirmChannel, broker: TestBroker) => Promise<void>,
): Promise<void> {
  const broker = new TestBroker();
  await broker.start({ environment: SHORT, ...options });
  try {
    const client = await connect(broker.url);
    client.on('error', () => undefined);
    await run(await client.createConfirmChannel(), broker);
    if (ending === 'stop') await client.close();
  } finally {
    await (ending === 'stop' ? broker.stop() : broker.kill());
  }
}

async function declare(channel: ConfirmChannel): Promise<void> {
  const args = { 'x-delayed-type': 'direct' };
  await channel.assertExchange('later', 'x-delayed-message', { durable: true, arguments: args });
  await channel.assertQueue('due', { durable: true });
  await channel.bindQueue('due', 'later', 'k');
}

function send(channel: ConfirmChannel, body: string, delay: number, priority = 0): void {
  const options = { persistent: true, messageId: `id ${body}`, priority };
  channel.publish('later', 'k', Buffer.from(body), { ...options, headers: { 'x-delay': delay } });
}

interface Waiting {
  readonly messages_delayed: number;
  readonly bytes_delayed: number;
  readonly next_due: string | null;
}

interface Entry {
  readonly id: number;
  readonly due: string;
  readonly routing_key: string;
  readonly payload_bytes: number;
  readonly properties: { readonly message_id: string };
}

async function api(broker: TestBroker, method: string, at: string): Promise<Response> {
  return fetch(`${broker.managementUrl}/api/${at}`, {
    method,
    headers: { authorization: AUTHORIZATION },
  });
}

async function waiting(broker: TestBroker): Promise<Waiting> {
  return (await (await api(broker, 'GET', 'exchanges/%2F/later')).json()) as Waiting;
}

async function listed(broker: TestBroker): Promise<Entry[]> {
  const answer = await api(broker, 'GET', 'delayed/%2F/later?page_size=500');
  return ((await answer.json()) as { items: Entry[] }).items;
}

function inspect(directory: string): InspectReport {
  const args = [path.join(ROOT, 'src/cli/main.ts'), 'inspect', directory, '--json'];
  return JSON.parse(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
}

/** So many messages are in files of the depot. */
async function stowed(directory: string, count: number): Promise<void> {
  const find = async (): Promise<number> => {
    const depots = await readDepots(directory, undefined);
    return depots.reduce((sum, { messages }) => sum + messages, 0);
  };
  await expect.poll(find, { timeout: 20_000, interval: 200 }).toBe(count);
}

/** What has come to the queue when no more is expected. */
async function take(channel: ConfirmChannel, count: number): Promise<ConsumeMessage[]> {
  const taken: ConsumeMessage[] = [];
  await channel.consume('due', (message) => {
    taken.push(message!);
    channel.ack(message!);
  });
  await expect.poll(() => taken.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  // What came twice would be here soon.
  await sleep(300);
  return taken;
}

const bodies = (messages: readonly ConsumeMessage[]): string[] =>
  messages.map(({ content }) => content.toString());

test.each([
  { acceptors: 1, shards: 1, next: 1 },
  { acceptors: 2, shards: 3, next: 1 },
  { acceptors: 1, shards: 1, next: 3 },
])(
  'what is far away outlives kill -9 and another number of shards ($shards, then $next)',
  { timeout: 90_000 },
  async ({ acceptors, shards, next }) => {
    const dataDirectory = newDirectory();
    const COUNT = 120;
    let ids: number[] = [];
    await withBroker({ acceptors, shards, dataDirectory }, 'kill', async (channel, broker) => {
      await declare(channel);
      for (let i = 0; i < COUNT; i += 1)
        send(channel, `far ${i}`, MONTH + ((i * 37) % COUNT) * 1000);
      await channel.waitForConfirms();
      await stowed(dataDirectory, COUNT);
      const entries = await listed(broker);
      ids = entries.map(({ id }) => id);
      expect(entries.map(({ due }) => Date.parse(due))).toEqual(
        entries.map(({ due }) => Date.parse(due)).toSorted((a, b) => a - b),
      );
      expect(new Set(ids).size).toBe(COUNT);
      expect(await waiting(broker)).toMatchObject({
        messages_delayed: COUNT,
        next_due: entries[0].due,
      });
      const cancelled = await api(broker, 'DELETE', `delayed/%2F/later/${ids[5]}`);
      expect(cancelled.status).toBe(204);
      const again = await api(broker, 'DELETE', `delayed/%2F/later/${ids[5]}`);
      expect(again.status).toBe(404);
    });
    ids.splice(5, 1);
    expect(inspect(dataDirectory)).toMatchObject({
      findings: [],
      depots: [{ queue: 'amq.delayed.later', messages: COUNT - 1, isOrphan: false }],
    });
    await withBroker(
      { acceptors, shards: next, dataDirectory },
      'stop',
      async (channel, broker) => {
        const entries = await listed(broker);
        expect(entries.map(({ id }) => id)).toEqual(ids);
        const first = entries[0];
        expect(first).toMatchObject({ routing_key: 'k', payload_bytes: 'far 0'.length });
        expect(first.properties.message_id).toBe('id far 0');
        const now = await api(broker, 'POST', `delayed/%2F/later/${ids[50]}/deliver`);
        expect(now.status).toBe(204);
        const [message, ...others] = await take(channel, 1);
        expect(others).toEqual([]);
        expect(message.properties.messageId).toBe(entries[50].properties.message_id);
        expect(message.properties.headers!['x-delay']).toBeLessThan(-MONTH + 1);
        expect(message.properties.deliveryMode).toBe(2);
        expect(await waiting(broker)).toMatchObject({ messages_delayed: COUNT - 2 });
      },
    );
    // In order, and so for good: nothing comes again.
    await withBroker({ shards: next, dataDirectory }, 'stop', async (channel, broker) => {
      ids.splice(50, 1);
      expect((await listed(broker)).map(({ id }) => id)).toEqual(ids);
      send(channel, 'new', MONTH);
      await channel.waitForConfirms();
      // Numbers go on where they were.
      expect((await listed(broker)).map(({ id }) => id)).toContain(COUNT);
      expect((await api(broker, 'DELETE', 'delayed/%2F/later')).status).toBe(204);
      expect(await listed(broker)).toEqual([]);
      expect(await waiting(broker)).toMatchObject({ messages_delayed: 0, next_due: null });
      await channel.deleteExchange('later');
      const files = (): string[] => fs.readdirSync(path.join(dataDirectory, 'delayed'));
      await expect.poll(files).toEqual([]);
    });
  },
);

test('each comes once and in order, with its priority', { timeout: 60_000 }, async () => {
  const dataDirectory = newDirectory();
  const COUNT = 200;
  await withBroker({ dataDirectory }, 'stop', async (channel, broker) => {
    await declare(channel);
    for (let i = 0; i < COUNT; i += 1)
      send(channel, String(i), 4000 + ((i * 73) % COUNT) * 8, i % 4);
    await channel.waitForConfirms();
    await expect
      .poll(() => fs.existsSync(path.join(dataDirectory, 'delayed')), { timeout: 10_000 })
      .toBe(true);
    // Those that still wait, in the order of their due times.
    const order = (await listed(broker)).map(({ properties }) => properties.message_id);
    const messages = await take(channel, COUNT);
    expect(new Set(bodies(messages)).size).toBe(COUNT);
    expect(messages).toHaveLength(COUNT);
    const came = messages.map(({ properties }) => properties.messageId as string);
    const waited = new Set(order);
    expect(came.filter((id) => waited.has(id))).toEqual(order);
    for (const { content, properties } of messages) {
      expect(properties.priority).toBe(Number(content.toString()) % 4);
    }
  });
  await withBroker({ dataDirectory }, 'stop', async (channel, broker) => {
    expect(await waiting(broker)).toMatchObject({ messages_delayed: 0, bytes_delayed: 0 });
    expect(await channel.get('due')).toBe(false);
  });
});

test('the directory of an exchange that is no more goes at the start', async () => {
  const dataDirectory = newDirectory();
  await withBroker({ dataDirectory }, 'stop', declare);
  fs.mkdirSync(path.join(dataDirectory, 'delayed', '4711'), { recursive: true });
  expect(inspect(dataDirectory).depots).toMatchObject([{ queueId: 4711, isOrphan: true }]);
  await withBroker({ dataDirectory }, 'stop', async () => {
    expect(fs.readdirSync(path.join(dataDirectory, 'delayed'))).toEqual([]);
  });
});
