// Test thread. Quorum queues that keep a dead letter until its targets have confirmed it (RabbitMQ:
// docs/quorum-queues#dead-lettering, strategy at-least-once with overflow reject-publish). RabbitMQ
// 3.10 tries again after three minutes unless its advanced.config sets
// dead_letter_worker_publisher_confirm_timeout (500 here).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { deathSummary } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable } from '../support/wire/field-values.ts';

const broker = useBroker();
let channel: RawChannel;
/** A direct exchange; nothing is bound to it yet. */
let exchange: string;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  exchange = uniqueName('dlx');
  queue = uniqueName('source');
  await channel.call('exchange.declare', { exchange, type: 'direct' });
});

afterEach(async () => {
  const cleaner = await broker.channel();
  await cleaner.call('queue.delete', { queue });
  await cleaner.call('exchange.delete', { exchange });
});

async function declareSource(args: FieldTable = {}): Promise<void> {
  await channel.call('queue.declare', {
    queue,
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-dead-letter-exchange': exchange,
      'x-dead-letter-routing-key': 'grave',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      ...args,
    },
  });
}

/** A queue that gets the dead letters, consumed on a channel of its own. */
async function openGrave(): Promise<RawChannel> {
  const grave = await channel.client.channel();
  const target = await grave.exclusiveQueue();
  await grave.call('queue.bind', { queue: target, exchange, routingKey: 'grave' });
  await grave.consume(target, { noAck: true });
  return grave;
}

describe('a dead letter at least once', () => {
  test('of each reason arrives with its x-death', async () => {
    const grave = await openGrave();
    await declareSource({ 'x-delivery-limit': 0 });
    await publishAll(channel, queue, ['rejected', 'poison']);
    await channel.consume(queue, { consumerTag: 'mine' });
    const [first, second] = await channel.deliveries(2);
    channel.send('basic.reject', { deliveryTag: first.fields.deliveryTag, requeue: false });
    channel.send('basic.reject', { deliveryTag: second.fields.deliveryTag, requeue: true });
    await channel.call('basic.cancel', { consumerTag: 'mine' });
    await publishAll(channel, queue, ['expired'], { expiration: '30' });
    const dead = await grave.deliveries(3);
    const found = dead.map((message) => [message.body.toString(), ...deathSummary(message)]);
    expect(found).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        ['expired', ['expired', queue, 1]],
        ['poison', ['delivery_limit', queue, 1]],
        ['rejected', ['rejected', queue, 1]],
      ]),
    );
  });

  test('arrive in their order', async () => {
    const grave = await openGrave();
    await declareSource();
    const bodies = Array.from({ length: 50 }, (_, index) => String(index));
    await publishAll(channel, queue, bodies);
    await channel.consume(queue);
    await channel.deliveries(50);
    channel.send('basic.nack', { deliveryTag: 50, multiple: true, requeue: false });
    expect(await grave.bodies(50)).toEqual(bodies);
  });

  test('waits until there is a queue to take it', async () => {
    await declareSource();
    await publishAll(channel, queue, ['x']);
    const message = await channel.get(queue, false);
    const { deliveryTag } = message!.fields;
    channel.send('basic.reject', { deliveryTag, requeue: false });
    await channel.awaitReady(queue, 0);
    const grave = await openGrave();
    expect(await grave.bodies(1)).toEqual(['x']);
  });

  test('waits until there is the exchange', async () => {
    await declareSource();
    await channel.call('exchange.delete', { exchange });
    await publishAll(channel, queue, ['x']);
    const message = await channel.get(queue, false);
    const { deliveryTag } = message!.fields;
    channel.send('basic.reject', { deliveryTag, requeue: false });
    await channel.awaitReady(queue, 0);
    await channel.call('exchange.declare', { exchange, type: 'direct' });
    const grave = await openGrave();
    expect(await grave.bodies(1)).toEqual(['x']);
  });

  test('does not keep the queue from taking and giving others', async () => {
    await declareSource();
    await publishAll(channel, queue, ['dead', 'alive']);
    const message = await channel.get(queue, false);
    const { deliveryTag } = message!.fields;
    channel.send('basic.reject', { deliveryTag, requeue: false });
    expect(await channel.drain(queue)).toEqual(['alive']);
  });

  test('that nobody takes counts towards the length of its queue, which refuses more', async () => {
    await declareSource({ 'x-max-length': 2 });
    await publishAll(channel, queue, ['a', 'b']);
    for (let i = 0; i < 2; i += 1) {
      const { fields } = (await channel.get(queue, false))!;
      channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: false });
    }
    await channel.awaitReady(queue, 0);
    const publisher = await channel.client.channel();
    await publisher.call('confirm.select');
    publisher.publish({ routingKey: queue }, 'c');
    expect(await outcomes(publisher, 1)).toEqual(['nack']);
    const grave = await openGrave();
    expect((await grave.bodies(2)).toSorted()).toEqual(['a', 'b']);
  });
});
