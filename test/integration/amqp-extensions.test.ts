// Test thread. RabbitMQ's extensions with amqplib and the HTTP API: requests and replies without a
// queue, copies by CC and BCC, the firehose, message interceptors, and what listings show of
// transactions and reply consumers.
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeName } from '../../src/base/node-name.ts';
import { useBroker } from '../support/broker.ts';
import { Inbox } from '../support/inbox.ts';
import { ManagementApi } from '../support/management-api.ts';
import { uniqueName } from '../support/unique-name.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';
const NODE_KEY = 'message_interceptors.incoming.set_header_routing_node.overwrite';

const broker = useBroker({ acceptors: 2, shards: 3, set: { [NODE_KEY]: 'false' } });
const api = new ManagementApi(broker);
let connection: ChannelModel;
let channel: Channel;

beforeAll(async () => {
  connection = await connect(broker.url);
  channel = await connection.createChannel();
});

afterAll(() => connection.close());

async function inboxOf(on: Channel, queue: string): Promise<Inbox<ConsumeMessage>> {
  const inbox = new Inbox<ConsumeMessage>();
  await on.consume(queue, (message) => inbox.push(message!), { noAck: true });
  return inbox;
}

describe('direct reply-to with amqplib', () => {
  test('carries a thousand requests and replies, and is in no listing', async () => {
    const queue = uniqueName('rpc');
    const serverConnection = await connect(broker.url);
    const server = await serverConnection.createChannel();
    await server.assertQueue(queue, { exclusive: true });
    await server.consume(
      queue,
      (request) => {
        const { replyTo, correlationId } = request!.properties;
        const answer = Buffer.from(request!.content.toString().toUpperCase());
        server.sendToQueue(replyTo as string, answer, { correlationId: correlationId as string });
      },
      { noAck: true },
    );
    const replies = await inboxOf(channel, REPLY_TO);
    for (let i = 0; i < 1000; i += 1) {
      const options = { replyTo: REPLY_TO, correlationId: `${i}` };
      channel.sendToQueue(queue, Buffer.from(`question ${i}`), options);
    }
    for (let i = 0; i < 1000; i += 1) {
      const { content, properties } = await replies.next(`reply ${i}`);
      expect([content.toString(), properties.correlationId]).toEqual([`QUESTION ${i}`, `${i}`]);
    }
    const queues = await api.get<{ name: string }[]>('queues');
    const consumers = await api.get<{ queue: { name: string } }[]>('consumers');
    const names = [...queues.map(({ name }) => name), ...consumers.map((one) => one.queue.name)];
    expect(names).toContain(queue);
    expect(names.filter((name) => name.startsWith(REPLY_TO))).toEqual([]);
    await serverConnection.close();
  });
});

describe('CC and BCC with amqplib', () => {
  test('copy a message; every copy says which node it was', async () => {
    const [to, cc, bcc] = [uniqueName('to'), uniqueName('cc'), uniqueName('bcc')];
    const inboxes: Inbox<ConsumeMessage>[] = [];
    for (const queue of [to, cc, bcc]) {
      await channel.assertQueue(queue, { exclusive: true });
      inboxes.push(await inboxOf(channel, queue));
    }
    channel.sendToQueue(to, Buffer.from('letter'), { CC: [cc], BCC: [bcc] });
    for (const inbox of inboxes) {
      const { fields, properties } = await inbox.next('a copy');
      expect(fields.routingKey).toBe(to);
      expect(properties.headers).toEqual({ CC: [cc], 'x-routed-by': nodeName() });
    }
  });
});

describe('the firehose', () => {
  test('is turned on and off by the HTTP API', async () => {
    const vhost = await api.vhost();
    const own = await connect(`${broker.url}/${encodeURIComponent(vhost)}`);
    const traced = await own.createConfirmChannel();
    await traced.assertQueue('q');
    await traced.assertQueue('traces', { exclusive: true });
    await traced.bindQueue('traces', 'amq.rabbitmq.trace', '#');
    const traces = await inboxOf(traced, 'traces');
    await api.put(['vhosts', vhost], { tracing: true });
    traced.sendToQueue('q', Buffer.from('seen'));
    await traced.waitForConfirms();
    expect((await traced.get('q', { noAck: true })) !== false).toBe(true);
    const seen = [await traces.next('a publish'), await traces.next('a delivery')];
    expect(seen.map(({ fields }) => fields.routingKey)).toEqual(['publish.', 'deliver.q']);
    expect(seen[0].properties.headers).toMatchObject({ vhost, routed_queues: ['q'] });
    await api.put(['vhosts', vhost], { tracing: false });
    traced.sendToQueue('q', Buffer.from('unseen'));
    await traced.waitForConfirms();
    await api.put(['vhosts', vhost], { tracing: true });
    traced.sendToQueue('q', Buffer.from('seen again'));
    expect((await traces.next('a publish')).content.toString()).toBe('seen again');
    await own.close();
    await api.removeAll();
  });
});

describe('the listing of channels', () => {
  test('shows transactions', async () => {
    const raw = await broker.channel();
    const queue = await raw.exclusiveQueue();
    await raw.call('tx.select');
    for (const body of ['one', 'two', 'three']) raw.publish({ routingKey: queue }, body);
    await raw.call('channel.flow', { active: true });
    const channels = await api.get<Record<string, unknown>[]>('channels');
    const shown = channels.filter(({ transactional }) => transactional === true);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({
      confirm: false,
      messages_uncommitted: 3,
      acks_uncommitted: 0,
    });
    await raw.call('tx.commit');
    expect(await raw.drain(queue)).toEqual(['one', 'two', 'three']);
  });
});
