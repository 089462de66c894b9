// Test thread. Deliveries that nobody settles (RabbitMQ: docs/consumers#acknowledgement-timeout;
// rabbit_channel): the channel is closed with 406 and its messages go back. RabbitMQ 3.10 must be
// started with consumer_timeout = 2500, and channel_tick_interval 250 in its advanced.config.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const TIMEOUT_MILLIS = 2500;

const broker = useBroker({ set: { consumer_timeout: String(TIMEOUT_MILLIS) } });
let channel: RawChannel;
let owner: RawChannel;
let queue: string;

beforeEach(async () => {
  owner = await broker.channel();
  queue = await owner.exclusiveQueue();
  channel = await owner.client.channel();
});

function timedOut(on: RawChannel, millis = TIMEOUT_MILLIS): unknown {
  const text =
    `delivery acknowledgement on channel ${on.number} timed out. ` +
    `Timeout value used: ${millis} ms`;
  return channelRefusal(406, text);
}

/** These wait together. */
describe('a delivery that nobody settles in time', () => {
  test('closes its channel with 406 and goes back; what is settled or no_ack does not', async () => {
    const [settled, unasked, getter] = [
      await owner.client.channel(),
      await owner.client.channel(),
      await owner.client.channel(),
    ];
    const queues = [];
    for (const body of ['settled', 'unasked', 'got']) {
      queues.push(await owner.exclusiveQueue());
      await publishAll(owner, queues.at(-1)!, [body]);
    }
    await publishAll(owner, queue, ['held']);
    await settled.consume(queues[0]);
    settled.ack((await settled.delivery()).fields.deliveryTag);
    await unasked.consume(queues[1], { noAck: true });
    await unasked.delivery();
    await getter.get(queues[2], false);
    await channel.consume(queue);
    await channel.delivery();
    expect(await channel.refusal()).toEqual(timedOut(channel));
    expect(await getter.refusal()).toEqual(timedOut(getter));
    await owner.awaitReady(queue, 1);
    const message = await owner.get(queue);
    expect([message?.body.toString(), message?.fields.redelivered]).toEqual(['held', true]);
    for (const other of [settled, unasked]) await other.call('channel.flow', { active: true });
  });
});

describe('x-consumer-timeout', () => {
  const MILLIS = 300;
  const args = { 'x-consumer-timeout': MILLIS };

  test('of a queue counts for its deliveries', async () => {
    if (!expectedOn(broker, differences.consumerTimeoutIsAnArgument)) return;
    const short = await owner.exclusiveQueue({ arguments: args });
    await publishAll(owner, short, ['held']);
    await channel.consume(short);
    await channel.delivery();
    expect(await channel.refusal()).toEqual(timedOut(channel, MILLIS));
    await owner.awaitReady(short, 1);
  });

  test('of a consumer counts for its deliveries', async () => {
    if (!expectedOn(broker, differences.consumerTimeoutIsAnArgument)) return;
    await publishAll(owner, queue, ['held']);
    await channel.consume(queue, { arguments: args });
    await channel.delivery();
    expect(await channel.refusal()).toEqual(timedOut(channel, MILLIS));
  });

  test('of a quorum queue ends the consumer, and its messages go to others', async () => {
    if (!expectedOn(broker, differences.consumerTimeoutIsAnArgument)) return;
    const quorum = uniqueName('quorum');
    const quorumArguments = { 'x-queue-type': 'quorum', ...args };
    const declare = { queue: quorum, durable: true, arguments: quorumArguments };
    await owner.call('queue.declare', declare);
    await publishAll(owner, quorum, ['held']);
    await channel.consume(quorum, { consumerTag: 'slow' });
    await channel.delivery();
    expect((await channel.expect('basic.cancel')).fields.consumerTag).toBe('slow');
    await owner.awaitReady(quorum, 1);
    await channel.call('channel.flow', { active: true });
    await owner.call('queue.delete', { queue: quorum });
  });
});
