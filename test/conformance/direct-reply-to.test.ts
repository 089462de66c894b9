// Test thread. Replies without a queue (RabbitMQ: docs/direct-reply-to; rabbit_channel,
// rabbit_direct_reply_to): the pseudo-queue amq.rabbitmq.reply-to and the names it gives.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';

const broker = useBroker();
let client: RawChannel;
let server: RawChannel;
let service: string;

beforeEach(async () => {
  client = await broker.channel();
  server = await broker.channel();
  service = await server.exclusiveQueue();
  await server.consume(service, { noAck: true });
});

function awaitReplies(on: RawChannel = client, consumerTag = ''): Promise<string> {
  return on.consume(REPLY_TO, { noAck: true, consumerTag });
}

/** Sends a request and returns the reply-to that the server sees. */
async function request(on: RawChannel = client): Promise<string> {
  on.publish({ routingKey: service }, 'request', { replyTo: REPLY_TO });
  const { content } = await server.delivery();
  return content.properties.replyTo!;
}

describe('a request with reply-to amq.rabbitmq.reply-to', () => {
  test('arrives with a name of its own', async () => {
    await awaitReplies();
    expect(await request()).toMatch(/^amq\.rabbitmq\.reply-to\../u);
  });

  test('is answered through the default exchange', async () => {
    const consumerTag = await awaitReplies();
    const replyTo = await request();
    server.publish({ routingKey: replyTo }, 'reply', { correlationId: '7' });
    const { fields, body, content } = await client.delivery();
    expect(body.toString()).toBe('reply');
    expect(content.properties).toEqual({ correlationId: '7' });
    expect(fields).toMatchObject({ consumerTag, exchange: '', routingKey: replyTo });
    expect(fields).toMatchObject({ deliveryTag: 1, redelivered: false });
  });

  test('keeps its other properties', async () => {
    await awaitReplies();
    const properties = { correlationId: 'c', headers: { own: 1 }, messageId: 'm' };
    client.publish({ routingKey: service }, '', { ...properties, replyTo: REPLY_TO });
    expect((await server.delivery()).content.properties).toMatchObject(properties);
  });

  test('may be answered any number of times, in order, with bodies of any size', async () => {
    await awaitReplies();
    const replyTo = await request();
    const bodies = ['', 'small', 'x'.repeat(300_000), 'last'];
    for (const body of bodies) server.publish({ routingKey: replyTo }, body);
    expect(await client.bodies(4)).toEqual(bodies);
  });

  test('has the same name for every request of a channel, and another on another', async () => {
    await awaitReplies();
    const second = await client.client.channel();
    await awaitReplies(second);
    const names = [await request(), await request(), await request(second)];
    expect(names[1]).toBe(names[0]);
    expect(names[2]).not.toBe(names[0]);
    server.publish({ routingKey: names[2] }, 'second');
    expect(await second.bodies(1)).toEqual(['second']);
  });

  test('may go through any exchange', async () => {
    await awaitReplies();
    await server.call('queue.bind', {
      queue: service,
      exchange: 'amq.topic',
      routingKey: `${service}.#`,
    });
    const target = { exchange: 'amq.topic', routingKey: `${service}.x` };
    client.publish(target, 'request', { replyTo: REPLY_TO });
    const replyTo = (await server.delivery()).content.properties.replyTo!;
    server.publish({ routingKey: replyTo }, 'reply');
    expect(await client.bodies(1)).toEqual(['reply']);
  });

  test('without a consumer for replies is refused with 406', async () => {
    client.publish({ routingKey: service }, 'request', { replyTo: REPLY_TO });
    const refusal = await client.refusal();
    expect(refusal).toEqual(channelRefusal(406, 'fast reply consumer does not exist'));
  });
});

describe('a reply', () => {
  test('to a channel that is gone is dropped; a mandatory one is returned', async () => {
    await awaitReplies();
    const replyTo = await request();
    await client.call('channel.close');
    server.publish({ routingKey: replyTo }, 'dropped');
    server.publish({ routingKey: replyTo, mandatory: true }, 'returned');
    expect((await server.expect('basic.return')).body.toString()).toBe('returned');
  });

  test('to a name that was never given is returned when it is mandatory', async () => {
    server.publish({ routingKey: `${REPLY_TO}.nobody`, mandatory: true }, 'returned');
    expect((await server.expect('basic.return')).fields.code).toBe(312);
  });

  test('that is mandatory is delivered and not returned', async () => {
    await awaitReplies();
    const replyTo = await request();
    server.publish({ routingKey: replyTo, mandatory: true }, 'reply');
    expect(await client.bodies(1)).toEqual(['reply']);
    server.send('channel.flow', { active: true });
    const isReturned = expectedOn(broker, differences.mandatoryReplyIsReturnedToo);
    expect((await server.next()).name).toBe(isReturned ? 'basic.return' : 'channel.flow-ok');
  });

  test('is confirmed', async () => {
    await awaitReplies();
    const replyTo = await request();
    const publisher = await server.client.channel();
    await publisher.call('confirm.select');
    publisher.publish({ routingKey: replyTo }, 'reply');
    expect(await outcomes(publisher, 1)).toEqual(['ack']);
    expect(await client.bodies(1)).toEqual(['reply']);
  });

  test('with an expiration of 0 is delivered all the same', async () => {
    await awaitReplies();
    const replyTo = await request();
    server.publish({ routingKey: replyTo }, 'reply', { expiration: '0' });
    expect(await client.bodies(1)).toEqual(['reply']);
  });
});

describe('the pseudo-queue amq.rabbitmq.reply-to', () => {
  test('must be consumed with no_ack: 406', async () => {
    const refusal = await client.refused('basic.consume', { queue: REPLY_TO });
    expect(refusal).toEqual(channelRefusal(406, 'reply consumer cannot acknowledge'));
  });

  test('is consumed once per channel: 406', async () => {
    await awaitReplies();
    const refusal = await client.refused('basic.consume', { queue: REPLY_TO, noAck: true });
    expect(refusal).toEqual(channelRefusal(406, 'reply consumer already set'));
  });

  test('may be consumed again after a cancel', async () => {
    const consumerTag = await awaitReplies();
    await client.call('basic.cancel', { consumerTag });
    await awaitReplies();
    const replyTo = await request();
    server.publish({ routingKey: replyTo }, 'reply');
    expect(await client.bodies(1)).toEqual(['reply']);
  });

  test('takes no replies after a cancel', async () => {
    const consumerTag = await awaitReplies(client, 'mine');
    const replyTo = await request();
    await client.call('basic.cancel', { consumerTag });
    await publishAll(server, replyTo, ['late']);
    await client.call('channel.flow', { active: true });
  });

  test('uses the tag that the client chose', async () => {
    expect(await awaitReplies(client, 'mine')).toBe('mine');
    server.publish({ routingKey: await request() }, 'reply');
    expect((await client.delivery()).fields.consumerTag).toBe('mine');
  });

  test('is answered a declare: no messages and one consumer', async () => {
    const ok = await client.call('queue.declare', { queue: REPLY_TO, passive: true });
    expect(ok).toEqual({ queue: REPLY_TO, messageCount: 0, consumerCount: 1 });
  });

  test('a name that is given is there as long as its channel is', async () => {
    await awaitReplies();
    const replyTo = await request();
    const ok = await server.call('queue.declare', { queue: replyTo, passive: true });
    expect(ok).toEqual({ queue: replyTo, messageCount: 0, consumerCount: 1 });
    await client.client.close();
    const gone = await server.client.channel();
    const text = `no queue '${replyTo}' in vhost '/'`;
    expect(await gone.refused('queue.declare', { queue: replyTo, passive: true })).toEqual(
      channelRefusal(404, text),
    );
  });
});

test('a reply-to of any other name is passed on as it is', async () => {
  await publishAll(client, service, ['x'], { replyTo: 'somewhere' });
  expect((await server.delivery()).content.properties.replyTo).toBe('somewhere');
});
