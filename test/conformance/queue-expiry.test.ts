// Test thread. Queues that go when nobody uses them (RabbitMQ: docs/ttl#queue-ttl): what counts as
// use, and what goes along. A passive declare would be use, so whether a queue is there is asked
// with a mandatory publish.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable, FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const POLL_MILLIS = 20;
const POLLS_MAX = 500;

const broker = useBroker();
let channel: RawChannel;
let probe: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
  probe = await broker.channel();
  await probe.call('confirm.select');
});

/** Whether a message gets through to the queue; what it leaves there does not count as use. */
async function isThere(name: string, on: RawChannel = probe): Promise<boolean> {
  on.publish({ routingKey: name, mandatory: true }, 'probe');
  const answer = await on.next('basic.return or basic.ack');
  if (answer.name === 'basic.return') await on.expect('basic.ack');
  return answer.name !== 'basic.return';
}

async function awaitGone(name: string, meanwhile = (): unknown => undefined): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (!(await isThere(name))) return;
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
  throw new Error(`queue ${name} did not expire`);
}

async function queueThatExpires(millis: number, args: FieldTable = {}): Promise<string> {
  const queue = uniqueName('expires');
  await channel.call('queue.declare', {
    queue,
    durable: true,
    arguments: { 'x-expires': millis, ...args },
  });
  return queue;
}

describe('x-expires', () => {
  test('removes a queue that nobody uses, with its messages', async () => {
    const queue = await queueThatExpires(100);
    channel.publish({ routingKey: queue }, 'x');
    await awaitGone(queue);
    const refusal = await channel.refused('queue.declare', { queue, passive: true });
    expect(refusal).toEqual(channelRefusal(404, `no queue '${queue}' in vhost '/'`));
  });

  test('removes an exclusive queue too', async () => {
    const queue = await channel.exclusiveQueue({ arguments: { 'x-expires': 100 } });
    await awaitGone(queue);
  });

  test('removes the bindings along', async () => {
    const queue = await queueThatExpires(100);
    await channel.call('queue.bind', { queue, exchange: 'amq.direct', routingKey: queue });
    await awaitGone(queue);
    channel.publish({ exchange: 'amq.direct', routingKey: queue, mandatory: true }, 'unroutable');
    expect((await channel.expect('basic.return')).fields.code).toBe(312);
  });

  test('begins when the last consumer is gone', async () => {
    const queue = await queueThatExpires(100);
    const tags = [await channel.consume(queue), await channel.consume(queue)];
    for (const consumerTag of tags) await channel.call('basic.cancel', { consumerTag });
    await awaitGone(queue);
  });

  test('begins when the connection of the last consumer is dropped', async () => {
    const queue = await queueThatExpires(100);
    await channel.consume(queue);
    await channel.client.drop();
    await awaitGone(queue);
  });

  test('does not dead-letter what the queue holds', async () => {
    const morgue = await openMorgue(channel);
    const queue = await queueThatExpires(100, morgue.arguments);
    channel.publish({ routingKey: queue }, 'lost');
    await awaitGone(queue);
    channel.publish({ exchange: morgue.exchange, routingKey: '' }, 'marker');
    expect(await morgue.bodies(1)).toEqual(['marker']);
  });

  test('makes later acks of its deliveries harmless', async () => {
    const queue = await queueThatExpires(100);
    channel.publish({ routingKey: queue }, 'x');
    const message = await channel.get(queue, false);
    await awaitGone(queue);
    channel.ack(message!.fields.deliveryTag);
    await channel.call('channel.flow', { active: true });
  });

  test('of a queue that is gone leaves the name free', async () => {
    const queue = await queueThatExpires(100);
    await awaitGone(queue);
    await channel.call('queue.declare', { queue, exclusive: true });
  });

  test.each<[string, FieldValue, string]>([
    ['0', 0, '{value_zero,0}'],
    ['negative', -5, '{value_negative,-5}'],
    ['a string', '5000', '"expected integer, got longstr"'],
  ])('that is %s is refused with 406', async (_, value, term) => {
    const refusal = await channel.refused('queue.declare', {
      queue: 'refused',
      arguments: { 'x-expires': value },
    });
    const text = `invalid arg 'x-expires' for queue 'refused' in vhost '/': ${term}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });
});

/** All wait together for one queue that nobody uses; a pause of a second would fail them. */
describe('a queue with x-expires is in use', () => {
  const LEASE_MILLIS = 1000;
  const present = new Map<string, boolean>();

  beforeAll(async () => {
    const user = await broker.channel();
    const prober = await broker.channel();
    await prober.call('confirm.select');
    const declare = async (): Promise<string> => {
      const queue = uniqueName('in-use');
      await user.call('queue.declare', {
        queue,
        exclusive: true,
        arguments: { 'x-expires': LEASE_MILLIS },
      });
      return queue;
    };
    const consumed = await declare();
    await user.consume(consumed, { noAck: true });
    const [redeclared, asked, got] = [await declare(), await declare(), await declare()];
    const unused = await declare();
    const reader = await user.client.channel();
    for (let poll = 0; poll < POLLS_MAX && (await isThere(unused, prober)); poll += 1) {
      const args = { 'x-expires': LEASE_MILLIS };
      const again = { queue: redeclared, exclusive: true, arguments: args };
      await reader.call('queue.declare', again);
      await reader.counts(asked);
      await reader.get(got);
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
    present.set('unused', await isThere(unused, prober));
    for (const [how, name] of Object.entries({ consumed, redeclared, asked, got })) {
      present.set(how, await isThere(name, prober));
    }
  });

  test('not when messages are published to it', () => expect(present.get('unused')).toBe(false));

  test.each([
    ['while it has a consumer', 'consumed'],
    ['when it is declared again', 'redeclared'],
    ['when it is declared passively', 'asked'],
    ['when basic.get asks it', 'got'],
  ])('%s', (_, how) => expect(present.get(how)).toBe(true));
});
