// Test thread. What makes a message a dead letter, and where it goes (RabbitMQ: docs/dlx;
// rabbit_dead_letter): causes, routing keys, the exchange's own rules, what stays of the message.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { deathSummary, type Morgue, openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let morgue: Morgue;

beforeEach(async () => {
  channel = await broker.channel();
  morgue = await openMorgue(channel);
});

function source(args: FieldTable = {}): Promise<string> {
  return channel.exclusiveQueue({ arguments: { ...morgue.arguments, ...args } });
}

/** Gets the next message of the queue and rejects it for good. */
async function rejectNext(queue: string): Promise<void> {
  const message = await channel.get(queue, false);
  channel.send('basic.reject', { deliveryTag: message!.fields.deliveryTag, requeue: false });
}

/** A queue that is consumed by a channel of its own; returns that channel. */
async function consumedQueue(exchange: string, routingKey: string): Promise<RawChannel> {
  const consumer = await channel.client.channel();
  const queue = await consumer.exclusiveQueue();
  await consumer.call('queue.bind', { queue, exchange, routingKey });
  await consumer.consume(queue, { noAck: true });
  return consumer;
}

describe('a message becomes a dead letter', () => {
  test('when basic.reject does not requeue it', async () => {
    const queue = await source();
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    const dead = await morgue.next();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['x', [['rejected', queue, 1]]]);
  });

  test('when basic.nack of many does not requeue them, in their order', async () => {
    const queue = await source();
    const bodies = Array.from({ length: 50 }, (_, index) => String(index));
    await publishAll(channel, queue, bodies);
    await channel.consume(queue);
    await channel.deliveries(50);
    channel.send('basic.nack', { deliveryTag: 50, multiple: true, requeue: false });
    expect(await morgue.bodies(50)).toEqual(bodies);
  });

  test('when its time in the queue is up', async () => {
    const queue = await source({ 'x-message-ttl': 30 });
    channel.publish({ routingKey: queue }, 'x');
    const dead = await morgue.next();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['x', [['expired', queue, 1]]]);
  });

  test('when it expires at once, with nobody waiting', async () => {
    const queue = await source();
    channel.publish({ routingKey: queue }, 'x', { expiration: '0' });
    expect(deathSummary(await morgue.next())).toEqual([['expired', queue, 1]]);
  });

  test('when the queue is too long for it', async () => {
    const queue = await source({ 'x-max-length': 1 });
    await publishAll(channel, queue, ['a', 'b', 'c']);
    const dead = [await morgue.next(), await morgue.next()];
    expect(dead.map(({ body }) => body.toString())).toEqual(['a', 'b']);
    expect(dead.map(deathSummary)).toEqual([[['maxlen', queue, 1]], [['maxlen', queue, 1]]]);
    expect(await channel.drain(queue)).toEqual(['c']);
  });

  test('with a body of several frames, intact', async () => {
    const queue = await source();
    const body = 'large '.repeat(100_000);
    await publishAll(channel, queue, [body]);
    await rejectNext(queue);
    expect((await morgue.next()).body.toString()).toBe(body);
  });
});

describe('a message does not become a dead letter', () => {
  /** Whatever was on its way to the morgue would come before the marker. */
  async function expectNoneBefore(): Promise<void> {
    channel.publish({ exchange: morgue.exchange, routingKey: '' }, 'marker');
    expect(await morgue.bodies(1)).toEqual(['marker']);
  }

  test('when it is acked, or rejected with requeue', async () => {
    const queue = await source();
    await publishAll(channel, queue, ['a', 'b']);
    await channel.consume(queue);
    const [first, second] = await channel.deliveries(2);
    channel.ack(first.fields.deliveryTag);
    channel.send('basic.reject', { deliveryTag: second.fields.deliveryTag, requeue: true });
    expect((await channel.delivery()).fields.redelivered).toBe(true);
    await expectNoneBefore();
  });

  test('when its channel closes with it unacked', async () => {
    const queue = await source();
    await publishAll(channel, queue, ['x']);
    const other = await channel.client.channel();
    await other.get(queue, false);
    await other.call('channel.close');
    await channel.awaitReady(queue, 1);
    await expectNoneBefore();
  });

  test('when the queue is purged or deleted', async () => {
    const queue = await source();
    await publishAll(channel, queue, ['a']);
    await channel.call('queue.purge', { queue });
    await publishAll(channel, queue, ['b']);
    await channel.call('queue.delete', { queue });
    await expectNoneBefore();
  });

  test('when the queue has no dead-letter exchange', async () => {
    const queue = await channel.exclusiveQueue();
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    await channel.awaitReady(queue, 0);
    await expectNoneBefore();
  });
});

describe('a dead letter', () => {
  test('keeps its routing key', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: `${queue}.#` });
    const consumer = await consumedQueue(exchange, `${queue}.key`);
    await publishAll(channel, { exchange: 'amq.topic', routingKey: `${queue}.key` }, ['x']);
    await rejectNext(queue);
    const { fields } = await consumer.delivery();
    expect(fields).toMatchObject({ exchange, routingKey: `${queue}.key`, redelivered: false });
  });

  test('takes the key of x-dead-letter-routing-key instead', async () => {
    const queue = await source({ 'x-dead-letter-routing-key': 'grave' });
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    const { fields } = await morgue.next();
    expect(fields).toMatchObject({ exchange: morgue.exchange, routingKey: 'grave' });
  });

  test('goes to a queue by the default exchange', async () => {
    const target = await channel.exclusiveQueue();
    const queue = await source({
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': target,
    });
    await publishAll(channel, queue, ['x']);
    await channel.consume(target, { noAck: true });
    await rejectNext(queue);
    const message = await channel.next('basic.get-ok or basic.deliver');
    expect(message).toMatchObject({ name: 'basic.deliver', fields: { exchange: '' } });
  });

  test('keeps the keys of CC and BCC', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    const consumers = [];
    for (const key of expectedOn(broker, differences.deadLettersKeepBcc)) {
      consumers.push(await consumedQueue(exchange, key));
    }
    await publishAll(channel, queue, ['x'], { headers: { CC: ['cc'], BCC: ['bcc'] } });
    await rejectNext(queue);
    for (const consumer of consumers) {
      const { content, fields } = await consumer.delivery();
      expect(content.properties.headers).toMatchObject({ CC: ['cc'] });
      expect(Object.keys(content.properties.headers!)).not.toContain('BCC');
      expect(fields.routingKey).toBe(queue);
    }
  });

  test('loses CC to x-dead-letter-routing-key', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await source({
      'x-dead-letter-exchange': exchange,
      'x-dead-letter-routing-key': 'grave',
    });
    const [byKey, byCc] = [
      await consumedQueue(exchange, 'grave'),
      await consumedQueue(exchange, 'cc'),
    ];
    await publishAll(channel, queue, ['x'], { headers: { CC: ['cc'] } });
    await rejectNext(queue);
    const { content } = await byKey.delivery();
    expect(Object.keys(content.properties.headers!)).not.toContain('CC');
    channel.publish({ exchange, routingKey: 'cc' }, 'marker');
    expect(await byCc.bodies(1)).toEqual(['marker']);
  });

  test('keeps its properties, but for the expiration', async () => {
    const queue = await source();
    const properties = {
      contentType: 'text/plain',
      contentEncoding: 'identity',
      deliveryMode: 2,
      priority: 3,
      correlationId: 'correlation',
      replyTo: 'reply',
      messageId: 'message',
      timestamp: 1_700_000_000,
      type: 'type',
      userId: 'guest',
      appId: 'app',
    };
    const headers = { own: 'header', number: 7 };
    await publishAll(channel, queue, ['x'], { ...properties, headers, expiration: '3600000' });
    await rejectNext(queue);
    const { content } = await morgue.next();
    expect(content.properties).toEqual({
      ...properties,
      headers: expect.objectContaining(headers),
    });
  });

  test('of an expiration does not expire again behind the exchange', async () => {
    const graveyard = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue: graveyard, exchange: morgue.exchange });
    const queue = await source();
    await publishAll(channel, queue, ['x'], { expiration: '30' });
    await morgue.next();
    await channel.awaitReady(graveyard, 1);
    expect((await channel.get(graveyard))?.content.properties.expiration).toBeUndefined();
  });

  test('is dropped while the exchange is missing, without harm to anyone', async () => {
    const exchange = uniqueName('dlx');
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    await publishAll(channel, queue, ['lost', 'found']);
    await rejectNext(queue);
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    await channel.call('exchange.bind', { destination: morgue.exchange, source: exchange });
    await rejectNext(queue);
    expect(await morgue.bodies(1)).toEqual(['found']);
  });

  test('that the exchange routes nowhere is dropped', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    await publishAll(channel, queue, ['lost']);
    await rejectNext(queue);
    await channel.awaitReady(queue, 0);
    await publishAll(channel, queue, ['next']);
    expect(await channel.drain(queue)).toEqual(['next']);
  });

  test('goes to the alternate exchange where no queue matches', async () => {
    const exchange = uniqueName('dlx');
    const args = { 'alternate-exchange': morgue.exchange };
    await channel.call('exchange.declare', { exchange, type: 'direct', arguments: args });
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    expect(await morgue.bodies(1)).toEqual(['x']);
    await channel.call('exchange.delete', { exchange });
  });

  test('goes through an internal exchange', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'fanout', internal: true });
    await channel.call('exchange.bind', { destination: morgue.exchange, source: exchange });
    const queue = await source({ 'x-dead-letter-exchange': exchange });
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    expect(await morgue.bodies(1)).toEqual(['x']);
    await channel.call('exchange.delete', { exchange });
  });

  test('reaches every queue that is bound', async () => {
    const consumers = [];
    for (let count = 0; count < 5; count += 1) {
      consumers.push(await consumedQueue(morgue.exchange, ''));
    }
    const queue = await source();
    await publishAll(channel, queue, ['x']);
    await rejectNext(queue);
    for (const consumer of consumers) expect(await consumer.bodies(1)).toEqual(['x']);
  });

  test('confirms of the publish do not wait for it', async () => {
    const queue = await source({ 'x-max-length': 0 });
    const publisher = await channel.client.channel();
    await publisher.call('confirm.select');
    for (let count = 0; count < 20; count += 1) publisher.publish({ routingKey: queue }, 'x');
    expect(new Set(await outcomes(publisher, 20))).toEqual(new Set(['ack']));
    await morgue.bodies(20);
  });
});

describe('x-dead-letter-exchange', () => {
  test('of a wrong type is refused with 406', async () => {
    const args = { 'x-dead-letter-exchange': 5 };
    const refusal = await channel.refused('queue.declare', { queue: 'refused', arguments: args });
    const text = "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'refused'";
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('missing beside x-dead-letter-routing-key is refused with 406', async () => {
    const args = { 'x-dead-letter-routing-key': 'key' };
    const refusal = await channel.refused('queue.declare', { queue: 'refused', arguments: args });
    const text =
      "invalid arg 'x-dead-letter-routing-key' for queue 'refused' in vhost '/': " +
      'routing_key_but_no_dlx_defined';
    expect(refusal).toEqual(channelRefusal(406, text));
  });
});
