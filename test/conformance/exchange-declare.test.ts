// Test thread. Declaring and deleting exchanges (specification 1.6; RabbitMQ: rabbit_channel,
// rabbit_exchange): names, flags, equivalence, what is predeclared, what goes away and when.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { exchangeExists } from '../support/presence.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let exchange: string;

beforeEach(async () => {
  channel = await broker.channel();
  exchange = uniqueName('x');
});

describe('exchange.declare', () => {
  test.each(['direct', 'fanout', 'topic', 'headers'])('of type %s is answered', async (type) => {
    await channel.call('exchange.declare', { exchange, type, autoDelete: true });
    expect(await exchangeExists(channel.client, exchange)).toBe(true);
  });

  test.each([
    'amq.direct',
    'amq.fanout',
    'amq.topic',
    'amq.headers',
    'amq.match',
    'amq.rabbitmq.trace',
  ])('%s is there from the start', async (name) => {
    await channel.call('exchange.declare', { exchange: name, passive: true });
  });

  test('again with the same properties is answered', async () => {
    for (let round = 0; round < 2; round += 1) {
      await channel.call('exchange.declare', { exchange, type: 'direct', durable: true });
    }
  });

  test.each([
    ['type', { type: 'topic' }, "received 'topic' but current is 'direct'"],
    ['durable', { durable: false }, "received 'false' but current is 'true'"],
    ['auto_delete', { autoDelete: true }, "received 'true' but current is 'false'"],
    ['internal', { internal: true }, "received 'true' but current is 'false'"],
    [
      'alternate-exchange',
      { arguments: { 'alternate-exchange': 'other' } },
      "received the value 'other' of type 'longstr' but current is none",
    ],
  ])('again with another %s is refused with 406', async (argument, change, values) => {
    const properties = { exchange, type: 'direct', durable: true };
    await channel.call('exchange.declare', properties);
    const refusal = await channel.refused('exchange.declare', { ...properties, ...change });
    const subject = `exchange '${exchange}' in vhost '/'`;
    const text = `inequivalent arg '${argument}' for ${subject}: ${values}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('again with another unknown argument is answered', async () => {
    await channel.call('exchange.declare', { exchange, type: 'direct', arguments: { 'x-a': 1 } });
    await channel.call('exchange.declare', { exchange, type: 'direct', arguments: { 'x-b': 2 } });
  });

  test('passive of a missing exchange is refused with 404', async () => {
    const refusal = await channel.refused('exchange.declare', { exchange, passive: true });
    expect(refusal).toEqual(channelRefusal(404, `no exchange '${exchange}' in vhost '/'`));
    expect(refusal).toMatchObject({ classId: 40, methodId: 10 });
  });

  test('passive compares neither type nor flags', async () => {
    await channel.call('exchange.declare', { exchange, type: 'direct', durable: true });
    await channel.call('exchange.declare', { exchange, type: 'fanout', passive: true });
  });

  test('with nowait is not answered but done', async () => {
    channel.send('exchange.declare', { exchange, type: 'fanout', nowait: true });
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
  });

  test('with an unknown type is refused', async () => {
    const refusal = await channel.refused('exchange.declare', { exchange, type: 'nonsense' });
    expect(refusal).toMatchObject({
      ...expectedOn(broker, differences.unknownExchangeType),
      text: expect.stringContaining("unknown exchange type 'nonsense'"),
    });
  });

  test("of a new name that starts with 'amq.' is refused with 403", async () => {
    const reserved = `amq.${exchange}`;
    const refusal = await channel.refused('exchange.declare', {
      exchange: reserved,
      type: 'topic',
    });
    const text = `exchange name '${reserved}' contains reserved prefix 'amq.*'`;
    expect(refusal).toEqual(channelRefusal(403, text));
  });

  test('of a predeclared exchange as it is, is answered', async () => {
    await channel.call('exchange.declare', { exchange: 'amq.topic', type: 'topic', durable: true });
  });

  test.each([
    ['active', false],
    ['passive', true],
  ])('of the default exchange (%s) is refused with 403', async (_, passive) => {
    const refusal = await channel.refused('exchange.declare', { type: 'direct', passive });
    expect(refusal).toEqual(channelRefusal(403, 'operation not permitted on the default exchange'));
  });

  test('strips line feeds and carriage returns from the name', async () => {
    const [head, tail] = [exchange.slice(0, 3), exchange.slice(3)];
    await channel.call('exchange.declare', { exchange: `${head}\r\n${tail}`, type: 'direct' });
    expect(await exchangeExists(channel.client, exchange)).toBe(true);
  });

  test('takes a name of 255 bytes, and of any letters', async () => {
    const long = exchange.padEnd(55, 'x') + 'é'.repeat(100);
    await channel.call('exchange.declare', { exchange: long, type: 'direct', autoDelete: true });
    expect(await exchangeExists(channel.client, long)).toBe(true);
  });
});

describe('exchange.delete', () => {
  test('removes the exchange and its bindings', async () => {
    const queue = await channel.exclusiveQueue();
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
    await channel.call('queue.bind', { queue, exchange });
    await channel.call('exchange.delete', { exchange });
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
    channel.publish({ exchange, routingKey: '' }, 'unroutable');
    expect(await channel.counts(queue)).toMatchObject({ messages: 0 });
  });

  test('of a missing exchange is answered', async () => {
    await channel.call('exchange.delete', { exchange });
  });

  test('with nowait is not answered but done', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
    channel.send('exchange.delete', { exchange, nowait: true });
    expect(await channel.refused('exchange.declare', { exchange, passive: true })).toEqual(
      channelRefusal(404),
    );
  });

  test('if-unused of an exchange with a binding is refused with 406', async () => {
    const queue = await channel.exclusiveQueue();
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    await channel.call('queue.bind', { queue, exchange });
    const refusal = await channel.refused('exchange.delete', { exchange, ifUnused: true });
    expect(refusal).toEqual(channelRefusal(406, `exchange '${exchange}' in vhost '/' in use`));
  });

  test('if-unused of an exchange without bindings is answered', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout' });
    await channel.call('exchange.delete', { exchange, ifUnused: true });
    expect(await exchangeExists(channel.client, exchange)).toBe(false);
  });

  test('of a predeclared exchange is refused with 403', async () => {
    const refusal = await channel.refused('exchange.delete', { exchange: 'amq.direct' });
    expect(refusal).toEqual(
      channelRefusal(403, "deletion of system exchange 'amq.direct' in vhost '/' not allowed"),
    );
  });

  test('of the default exchange is refused with 403', async () => {
    const refusal = await channel.refused('exchange.delete', { exchange: '' });
    expect(refusal).toEqual(channelRefusal(403, 'operation not permitted on the default exchange'));
  });
});

describe('an auto-delete exchange', () => {
  test('stays while it was never bound', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    await channel.client.close();
    const other = await broker.open();
    expect(await exchangeExists(other, exchange)).toBe(true);
    await (await other.channel()).call('exchange.delete', { exchange });
  });

  test('goes with its last queue binding', async () => {
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue, exchange, routingKey: 'a' });
    await channel.call('queue.bind', { queue, exchange, routingKey: 'b' });
    await channel.call('queue.unbind', { queue, exchange, routingKey: 'a' });
    expect(await exchangeExists(channel.client, exchange)).toBe(true);
    await channel.call('queue.unbind', { queue, exchange, routingKey: 'b' });
    expect(await exchangeExists(channel.client, exchange)).toBe(false);
  });

  test('goes with the deletion of the last queue bound to it', async () => {
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const queue = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue, exchange });
    await channel.call('queue.delete', { queue });
    expect(await exchangeExists(channel.client, exchange)).toBe(false);
  });

  test('goes with its last binding to another exchange, and so do those before it', async () => {
    const [first, second] = [exchange, uniqueName('x')];
    for (const name of [first, second]) {
      await channel.call('exchange.declare', { exchange: name, type: 'fanout', autoDelete: true });
    }
    const queue = await channel.exclusiveQueue();
    await channel.call('exchange.bind', { source: first, destination: second });
    await channel.call('queue.bind', { queue, exchange: second });
    await channel.call('queue.unbind', { queue, exchange: second });
    expect(await exchangeExists(channel.client, second)).toBe(false);
    expect(await exchangeExists(channel.client, first)).toBe(false);
  });

  test('stays when it is only the destination of the binding that goes', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    const binding = { source: 'amq.fanout', destination: exchange };
    await channel.call('exchange.bind', binding);
    await channel.call('exchange.unbind', binding);
    expect(await exchangeExists(channel.client, exchange)).toBe(true);
    await channel.call('exchange.delete', { exchange });
  });
});

describe('an internal exchange', () => {
  test('refuses a publish of a client with 403', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout', internal: true });
    channel.publish({ exchange, routingKey: '' }, 'no');
    expect(await channel.refusal()).toEqual(
      channelRefusal(403, `cannot publish to internal exchange '${exchange}' in vhost '/'`),
    );
  });

  test('takes messages from another exchange', async () => {
    await channel.call('exchange.declare', { exchange, type: 'fanout', internal: true });
    const source = uniqueName('x');
    await channel.call('exchange.declare', { exchange: source, type: 'fanout' });
    await channel.call('exchange.bind', { source, destination: exchange });
    const queue = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue, exchange });
    channel.publish({ exchange: source, routingKey: '' }, 'inside');
    expect(await channel.drain(queue)).toEqual(['inside']);
  });
});
