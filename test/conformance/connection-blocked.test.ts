// Test thread. connection.blocked and unblocked with a real broker that has little memory: who is told,
// when, and what goes on meanwhile. A broker from outside has a watermark of its own: skipped there.
// https://www.rabbitmq.com/docs/connection-blocked, https://www.rabbitmq.com/docs/memory
import { type ChannelModel, connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { Inbox } from '../support/inbox.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { ALL_CAPABILITIES } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';

const MIB = 1024 * 1024;
const BODY = Buffer.alloc(MIB, 1);

/** A queue with 9 MiB of messages: a MiB more than the watermark. */
async function fill(channel: RawChannel): Promise<string> {
  const queue = uniqueName('full');
  await channel.call('queue.declare', { queue });
  for (let i = 0; i < 9; i += 1) channel.publish({ routingKey: queue }, BODY);
  return queue;
}

describe.skipIf(process.env['CONFORMANCE_URL'] !== undefined)('with a watermark of 8 MiB', () => {
  const broker = useBroker({
    acceptors: 2,
    shards: 2,
    set: { 'vm_memory_high_watermark.absolute': '8MiB' },
  });

  test('publishers are told, wait, and go on when messages have been consumed', async () => {
    const publisher = await broker.channel();
    await publisher.call('confirm.select');
    const queue = await fill(publisher);
    // What is published from the moment of the alarm on is not taken.
    const feed = setInterval(() => publisher.publish({ routingKey: queue }, 'late'), 5);
    const blocked = await publisher.client.expect(0, 'connection.blocked');
    clearInterval(feed);
    // One more, in case the alarm was quicker than the first.
    publisher.publish({ routingKey: queue }, 'late');
    expect(blocked.fields.reason).toMatch(/^low on memory/u);
    const quiet = await broker.open({
      capabilities: { ...ALL_CAPABILITIES, 'connection.blocked': false },
    });
    const untold = await quiet.channel();
    untold.publish({ routingKey: queue }, 'untold');
    const consumer = await broker.channel();
    // A connection that does not publish is not told, and gets what is there.
    const before = (await consumer.counts(queue)).messages;
    await consumer.consume(queue, { noAck: true });
    await consumer.deliveries(before);
    await publisher.client.expect(0, 'connection.unblocked');
    // What was held back comes now, in whatever order the two publishers get their turn; the last
    // of the large messages may be among it.
    const rest = new Set<string>();
    while (!rest.has('untold') || !rest.has('late')) {
      rest.add((await consumer.delivery()).body.toString('latin1', 0, 6));
    }
    expect([quiet.inbox(0).size, consumer.client.inbox(0).size]).toEqual([0, 0]);
    await publisher.client.close();
    await quiet.close();
  });

  test('amqplib emits blocked and unblocked', async () => {
    const connection: ChannelModel = await connect(broker.url);
    const events = new Inbox<string>();
    connection.on('blocked', (reason: string) => events.push(`blocked: ${reason}`));
    connection.on('unblocked', () => events.push('unblocked'));
    const filler = await broker.channel();
    const queue = await fill(filler);
    const channel = await connection.createChannel();
    const feed = setInterval(() => channel.sendToQueue(queue, Buffer.from('x')), 5);
    expect(await events.next('blocked')).toMatch(/^blocked: low on memory/u);
    clearInterval(feed);
    const consumer = await broker.channel();
    await consumer.call('queue.purge', { queue });
    expect(await events.next('unblocked')).toBe('unblocked');
    await connection.close();
    expect(events.size).toBe(0);
  });
});

describe.skipIf(process.env['CONFORMANCE_URL'] !== undefined)('with budgets of 1 MiB', () => {
  const broker = useBroker({
    shards: 2,
    set: { 'memory.queue_budget': '1MiB', 'memory.vhost_budget': '4MiB' },
  });

  test('a full queue blocks its publishers until it is purged, and nobody else', async () => {
    const publisher = await broker.channel();
    const queue = uniqueName('full');
    await publisher.call('queue.declare', { queue });
    publisher.publish({ routingKey: queue }, BODY);
    const feed = setInterval(() => publisher.publish({ routingKey: queue }, 'late'), 5);
    const blocked = await publisher.client.expect(0, 'connection.blocked');
    clearInterval(feed);
    expect(blocked.fields.reason).toBe(
      `queue is low on memory: it holds all of its 1 MiB (memory.queue_budget): ${queue}`,
    );
    const other = await broker.channel();
    const free = await other.exclusiveQueue();
    other.publish({ routingKey: free }, 'x');
    await other.awaitReady(free, 1);
    await other.call('queue.purge', { queue });
    await publisher.client.expect(0, 'connection.unblocked');
    await publisher.client.close();
    await other.call('queue.delete', { queue });
  });

  test('a full virtual host blocks whoever publishes in it, to whatever queue', async () => {
    const filler = await broker.channel();
    const queues: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      queues.push(await filler.exclusiveQueue());
      filler.publish({ routingKey: queues[i] }, BODY.subarray(0, 900_000));
    }
    const publisher = await broker.channel();
    const queue = await publisher.exclusiveQueue();
    const feed = setInterval(() => publisher.publish({ routingKey: queue }, 'x'), 5);
    const blocked = await publisher.client.expect(0, 'connection.blocked');
    clearInterval(feed);
    expect(blocked.fields.reason).toMatch(
      /^virtual host is low on memory: it holds \S+ MiB of 4 MiB \(memory\.vhost_budget\): \/$/u,
    );
    // Its exclusive queues go with the connection.
    await filler.client.drop();
    await publisher.client.expect(0, 'connection.unblocked');
  });
});
