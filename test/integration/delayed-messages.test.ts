// Test thread. Delayed messages as a client (amqplib) meets them: by the exchange type
// x-delayed-message, in order of their due times, over a restart, whatever their size. WarrenMQ only:
// the reference lacks the plugin.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { afterAll, describe, expect, test } from 'vitest';
import { metricSum } from '../soak/samples.ts';
import { type BrokerOptions, type BrokerShape, TestBroker } from '../support/broker.ts';

const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-delays-'));
afterAll(() => fs.rmSync(dataDirectory, { recursive: true, force: true }));

const SHAPES: readonly BrokerShape[] = [
  { acceptors: 1, shards: 1 },
  { acceptors: 2, shards: 3 },
];

async function withBroker(
  options: BrokerOptions,
  run: (channel: ConfirmChannel, broker: TestBroker) => Promise<void>,
): Promise<void> {
  const broker = new TestBroker();
  await broker.start(options);
  try {
    const client = await connect(broker.url);
    await run(await client.createConfirmChannel(), broker);
    await client.close();
  } finally {
    await broker.stop();
  }
}

async function declare(channel: ConfirmChannel, type = 'direct'): Promise<void> {
  const args = { 'x-delayed-type': type };
  await channel.assertExchange('later', 'x-delayed-message', { durable: true, arguments: args });
  await channel.assertQueue('due', { durable: true });
  await channel.bindQueue('due', 'later', 'k');
}

function send(channel: ConfirmChannel, body: Buffer | string, delay?: number): void {
  const headers = delay === undefined ? {} : { 'x-delay': delay };
  channel.publish('later', 'k', Buffer.from(body), { headers, persistent: true });
}

async function take(channel: ConfirmChannel, count: number): Promise<ConsumeMessage[]> {
  const taken: ConsumeMessage[] = [];
  await new Promise<void>((resolve) => {
    void channel.consume('due', (message) => {
      taken.push(message!);
      channel.ack(message!);
      if (taken.length === count) resolve();
    });
  });
  return taken;
}

const bodies = (messages: readonly ConsumeMessage[]): string[] =>
  messages.map(({ content }) => content.toString());

describe.each(SHAPES)('a delayed message ($acceptors acceptors, $shards shards)', (shape) => {
  test('comes when its time has come, with its delay negated; others at once', async () => {
    await withBroker(shape, async (channel) => {
      await declare(channel);
      send(channel, 'third', 600);
      send(channel, 'second', 300);
      send(channel, 'first');
      send(channel, 'also third', 600);
      await channel.waitForConfirms();
      const messages = await take(channel, 4);
      expect(bodies(messages)).toEqual(['first', 'second', 'third', 'also third']);
      const delays = messages.map(({ properties }) => properties.headers!['x-delay']);
      expect(delays).toEqual([undefined, -300, -600, -600]);
      expect(messages[1].fields).toMatchObject({ exchange: 'later', routingKey: 'k' });
    });
  });

  test('with a large body is intact, and leaves no memory behind', async () => {
    await withBroker(shape, async (channel, broker) => {
      await declare(channel);
      const body = Buffer.alloc(300_000, 'large');
      send(channel, body, 150);
      await channel.waitForConfirms();
      const [message] = await take(channel, 1);
      expect(message.content.equals(body)).toBe(true);
      const used = 'warrenmq_acceptor_slab_pages_used';
      await expect.poll(() => metricSum(broker.managementUrl, used)).toBe(0);
    });
  });
});

test('outlives a restart', { timeout: 60_000 }, async () => {
  const options = { dataDirectory, shards: 2 };
  await withBroker(options, async (channel) => {
    await declare(channel);
    for (const [body, delay] of [
      ['b', 4000],
      ['a', 3000],
    ] as const)
      send(channel, body, delay);
    send(channel, 'far away', 3_000_000_000);
    await channel.waitForConfirms();
    expect((await channel.checkQueue('due')).messageCount).toBe(0);
  });
  await withBroker(options, async (channel) => {
    expect(bodies(await take(channel, 2))).toEqual(['a', 'b']);
  });
});
