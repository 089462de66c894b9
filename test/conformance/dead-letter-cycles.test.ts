// Test thread. Dead letters that come round again (RabbitMQ: docs/dlx#routing; rabbit_dead_letter):
// a message that reaches a queue it died in before is dropped, unless somebody rejected it on the
// way: then a consumer has a hand in it.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { deathSummary } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
});

/** Queues whose dead letters go to the next one, and from the last to the first. */
async function ring(...argumentsOfEach: FieldTable[]): Promise<string[]> {
  const names = argumentsOfEach.map(() => uniqueName('ring'));
  for (const [index, queue] of names.entries()) {
    const target = names[(index + 1) % names.length];
    await channel.call('queue.declare', {
      queue,
      exclusive: true,
      arguments: {
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': target,
        ...argumentsOfEach[index],
      },
    });
  }
  return names;
}

const EXPIRES = { 'x-message-ttl': 30 };

describe('a message that only expires', () => {
  test('is dropped when it would come back to its own queue', async () => {
    const [queue] = await ring(EXPIRES);
    await publishAll(channel, queue, ['x']);
    await channel.awaitReady(queue, 0);
    await channel.consume(queue, { noAck: true });
    await publishAll(channel, queue, ['marker']);
    expect(await channel.bodies(1)).toEqual(['marker']);
  });

  test('is dropped when it comes round over two queues', async () => {
    const [one, two] = await ring(EXPIRES, EXPIRES);
    await publishAll(channel, one, ['x']);
    await channel.awaitReady(one, 0);
    await channel.awaitReady(two, 0);
    await channel.consume(one, { noAck: true });
    await publishAll(channel, one, ['marker']);
    expect(await channel.bodies(1)).toEqual(['marker']);
  });

  test('is dropped when it was too much for a queue twice', async () => {
    const [queue] = await ring({ 'x-max-length': 0 });
    await publishAll(channel, queue, ['x']);
    await channel.awaitReady(queue, 0);
  });

  test('is dropped for the queue of the cycle only, not for others beside it', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    const args = { 'x-dead-letter-exchange': exchange, ...EXPIRES };
    const queue = await channel.exclusiveQueue({ arguments: args });
    const beside = await channel.exclusiveQueue();
    for (const name of [queue, beside]) {
      await channel.call('queue.bind', { queue: name, exchange });
    }
    await channel.consume(beside, { noAck: true });
    channel.publish({ routingKey: queue }, 'x');
    const dead = await channel.delivery();
    expect(deathSummary(dead)).toEqual([['expired', queue, 1]]);
    // A second round would bring a second copy before the marker.
    await channel.awaitReady(queue, 0);
    channel.publish({ routingKey: beside }, 'marker');
    expect(await channel.bodies(1)).toEqual(['marker']);
  });
});

describe('a message that is rejected on the way', () => {
  test('comes back to its own queue again and again', async () => {
    const [queue] = await ring({});
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    for (let round = 0; round < 10; round += 1) {
      const delivery = await channel.delivery();
      expect(deathSummary(delivery)).toEqual(round === 0 ? [] : [['rejected', queue, round]]);
      const { deliveryTag } = delivery.fields;
      channel.send('basic.nack', { deliveryTag, requeue: false });
    }
    await channel.delivery();
  });

  test('comes round over a queue that delays it', async () => {
    const [work, delay] = await ring({}, EXPIRES);
    await publishAll(channel, work, ['x']);
    await channel.consume(work);
    for (let round = 0; round < 3; round += 1) {
      const delivery = await channel.delivery();
      const { deliveryTag } = delivery.fields;
      const expected = [
        ['expired', delay, round],
        ['rejected', work, round],
      ];
      expect(deathSummary(delivery)).toEqual(round === 0 ? [] : expected);
      channel.send('basic.reject', { deliveryTag, requeue: false });
    }
  });

  test('comes round over three queues, and every one is told of', async () => {
    const [work, one, two] = await ring({}, EXPIRES, EXPIRES);
    await publishAll(channel, work, ['x']);
    await channel.consume(work);
    for (let round = 0; round < 2; round += 1) {
      const { fields } = await channel.delivery();
      channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: false });
    }
    if (!expectedOn(broker, differences.olderDeathsKeepTheirOrder)) return;
    expect(deathSummary(await channel.delivery())).toEqual([
      ['expired', two, 2],
      ['expired', one, 2],
      ['rejected', work, 2],
    ]);
  });
});
