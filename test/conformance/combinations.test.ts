// Test thread. Features of queues that meet in one queue or one message: limits and expiry,
// priorities and dead letters, transactions and all of them. Each is a rule that follows from the
// rules of the two and is easily got wrong where they are built apart.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { deathSummary, openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
});

function queueWith(args: FieldTable): Promise<string> {
  return channel.exclusiveQueue({ durable: true, arguments: args });
}

/** Publishes until it is acked; how many publishes were nacked before. */
async function nacksBeforeAck(queue: string): Promise<number> {
  const publisher = await channel.client.channel();
  await publisher.call('confirm.select');
  for (let number = 1; number < 500; number += 1) {
    publisher.publish({ routingKey: queue }, 'next');
    if ((await outcomes(publisher, number, number))[0] === 'ack') return number - 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('every publish was nacked');
}

describe('limits and expiry', () => {
  test('a message that expires makes room in a queue that refuses', async () => {
    const args = { 'x-max-length': 1, 'x-overflow': 'reject-publish', 'x-message-ttl': 200 };
    const queue = await queueWith(args);
    await publishAll(channel, queue, ['first']);
    expect(await nacksBeforeAck(queue)).toBeGreaterThan(0);
  });

  test('a message that is acked at once makes room in a queue that refuses', async () => {
    const queue = await queueWith({ 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await publishAll(channel, queue, ['first']);
    expect(await channel.drain(queue)).toEqual(['first']);
    expect(await nacksBeforeAck(queue)).toBe(0);
  });

  test('purging makes room in a queue that refuses', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 10, 'x-overflow': 'reject-publish' });
    await publishAll(channel, queue, ['0123456789']);
    await channel.call('queue.purge', { queue });
    expect(await nacksBeforeAck(queue)).toBe(0);
  });

  test('each reason is told of when both drop messages', async () => {
    const morgue = await openMorgue(channel);
    const args = { ...morgue.arguments, 'x-max-length': 1, 'x-message-ttl': 200 };
    const queue = await queueWith(args);
    await publishAll(channel, queue, ['too much', 'too old']);
    const dead = [await morgue.next(), await morgue.next()];
    expect(dead.map((message) => [message.body.toString(), ...deathSummary(message)])).toEqual([
      ['too much', ['maxlen', queue, 1]],
      ['too old', ['expired', queue, 1]],
    ]);
  });

  test('bytes of a message that came back count again', async () => {
    const queue = await queueWith({ 'x-max-length-bytes': 10 });
    await publishAll(channel, queue, ['aaaaa', 'bbbbb']);
    await channel.get(queue, false);
    await publishAll(channel, queue, ['ccccc']);
    channel.send('basic.nack', { deliveryTag: 1, requeue: true });
    await channel.awaitReady(queue, 2);
    expect(await channel.drain(queue)).toEqual(['bbbbb', 'ccccc']);
  });
});

describe('limits and messages that come back', () => {
  const RETURNS: Readonly<Record<string, (holder: RawChannel) => unknown>> = {
    'basic.nack of many': (holder) =>
      holder.send('basic.nack', { deliveryTag: 6, multiple: true, requeue: true }),
    'basic.recover': (holder) => holder.send('basic.recover', { requeue: true }),
    'closing the channel': (holder) => holder.call('channel.close'),
    'losing the connection': (holder) => holder.client.drop(),
  };

  test.each(Object.keys(RETURNS))(
    'what %s returns to a full queue dies in its order',
    async (how) => {
      const queue = uniqueName('full');
      const morgue = await openMorgue(channel);
      const args = { ...morgue.arguments, 'x-max-length': 2 };
      await channel.call('queue.declare', { queue, durable: true, arguments: args });
      const holder = await broker.channel();
      for (const body of ['1', '2', '3', '4', '5', '6']) {
        await publishAll(channel, queue, [body]);
        await holder.get(queue, false);
      }
      await publishAll(channel, queue, ['7', '8']);
      await RETURNS[how](holder);
      expect(await morgue.bodies(6)).toEqual(['1', '2', '3', '4', '5', '6']);
      expect(await channel.drain(queue)).toEqual(['7', '8']);
      await channel.call('queue.delete', { queue });
    },
  );
});

test('of messages that come back to a full queue the oldest dies first, whatever its tag', async () => {
  const morgue = await openMorgue(channel);
  const queue = await queueWith({ ...morgue.arguments, 'x-max-length': 2 });
  for (const body of ['1', '2', '3']) {
    await publishAll(channel, queue, [body]);
    await channel.get(queue, false);
  }
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  expect((await channel.get(queue, false))?.fields).toMatchObject({ deliveryTag: 4 });
  await publishAll(channel, queue, ['4', '5']);
  await channel.call('channel.close');
  expect(await morgue.bodies(3)).toEqual(['1', '2', '3']);
});

describe('priorities and dead letters', () => {
  test('a dead letter keeps its priority in the queue that it comes to', async () => {
    const graves = await queueWith({ 'x-max-priority': 5 });
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': graves };
    const queue = await queueWith(args);
    for (const priority of [1, 5, 3]) {
      await publishAll(channel, queue, [String(priority)], { priority });
    }
    await channel.consume(queue);
    await channel.deliveries(3);
    channel.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: false });
    const other = await channel.client.channel();
    await other.awaitReady(graves, 3);
    expect(await other.drain(graves)).toEqual(['5', '3', '1']);
  });

  test('what comes back keeps its priority, time to live and place', async () => {
    const morgue = await openMorgue(channel);
    const queue = await queueWith({ ...morgue.arguments, 'x-max-priority': 5 });
    await publishAll(channel, queue, ['long', 'longer'], { priority: 2 });
    await publishAll(channel, queue, ['short'], { priority: 4, expiration: '300' });
    const message = await channel.get(queue, false);
    expect(message?.body.toString()).toBe('short');
    channel.send('basic.nack', { deliveryTag: 1, requeue: true });
    const dead = await morgue.next();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['short', [['expired', queue, 1]]]);
    expect(await channel.drain(queue)).toEqual(['long', 'longer']);
  });
});

describe('dead letters and routing', () => {
  test('a headers exchange can tell dead letters by how they died first', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'headers', autoDelete: true });
    const [expired, rejected] = [await channel.exclusiveQueue(), await channel.exclusiveQueue()];
    for (const [queue, reason] of [
      [expired, 'expired'],
      [rejected, 'rejected'],
    ] as const) {
      const match = { 'x-match': 'all-with-x', 'x-first-death-reason': reason };
      await channel.call('queue.bind', { queue, exchange, arguments: match });
    }
    const queue = await queueWith({ 'x-dead-letter-exchange': exchange });
    await publishAll(channel, queue, ['expires'], { expiration: '0' });
    await publishAll(channel, queue, ['is rejected']);
    const message = await channel.get(queue, false);
    const { deliveryTag } = message!.fields;
    channel.send('basic.reject', { deliveryTag, requeue: false });
    await channel.awaitReady(expired, 1);
    await channel.awaitReady(rejected, 1);
    expect(await channel.drain(expired)).toEqual(['expires']);
    expect(await channel.drain(rejected)).toEqual(['is rejected']);
  });

  test('a queue may be its own dead-letter target beside others', async () => {
    const exchange = uniqueName('dlx');
    await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
    const queue = await queueWith({ 'x-dead-letter-exchange': exchange });
    const other = await channel.exclusiveQueue();
    for (const name of [queue, other]) await channel.call('queue.bind', { queue: name, exchange });
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    const { fields } = await channel.delivery();
    channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: false });
    expect(deathSummary(await channel.delivery())).toEqual([['rejected', queue, 1]]);
    await channel.awaitReady(other, 1);
  });

  test('many dead letters of a large queue all arrive, in order', async () => {
    const morgue = await openMorgue(channel);
    const queue = await queueWith({ ...morgue.arguments, 'x-message-ttl': 300 });
    const bodies = Array.from({ length: 3000 }, (_, index) => `${index}`);
    for (const body of bodies) channel.publish({ routingKey: queue }, body, { deliveryMode: 2 });
    expect(await morgue.bodies(3000)).toEqual(bodies);
  });

  test('the queue that a dead letter should go to may be gone meanwhile', async () => {
    const grave = await channel.exclusiveQueue();
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': grave };
    const queue = await queueWith({ ...args, 'x-message-ttl': 50 });
    for (let count = 0; count < 100; count += 1) channel.publish({ routingKey: queue }, 'x');
    await channel.call('queue.delete', { queue: grave });
    await publishAll(channel, queue, ['last']);
    await channel.awaitReady(queue, 0);
    expect(await channel.get(queue)).toBeUndefined();
  });

  test('the source may be deleted while its dead letters are on their way', async () => {
    const morgue = await openMorgue(channel);
    const queue = await queueWith(morgue.arguments);
    const bodies = Array.from({ length: 2000 }, (_, index) => `${index}`);
    await publishAll(channel, queue, bodies);
    await channel.consume(queue, { consumerTag: 'mine' });
    await channel.deliveries(2000);
    channel.send('basic.nack', { deliveryTag: 2000, multiple: true, requeue: false });
    channel.send('queue.delete', { queue });
    expect(await morgue.bodies(2000)).toEqual(bodies);
  });
});

describe('transactions and the rest', () => {
  test('a message of a transaction that expires at once is delivered to one who waits', async () => {
    const queue = await channel.exclusiveQueue();
    const publisher = await channel.client.channel();
    await publisher.call('tx.select');
    await channel.consume(queue, { noAck: true });
    publisher.publish({ routingKey: queue }, 'x', { expiration: '0' });
    await publisher.call('tx.commit');
    expect(await channel.bodies(1)).toEqual(['x']);
  });

  test('keys of CC and BCC count in a transaction', async () => {
    const queues = [];
    while (queues.length < 3) queues.push(await channel.exclusiveQueue());
    const publisher = await channel.client.channel();
    await publisher.call('tx.select');
    const headers = { CC: [queues[1]], BCC: [queues[2]] };
    publisher.publish({ routingKey: queues[0] }, 'x', { headers });
    await publisher.call('tx.commit');
    for (const queue of queues) expect(await channel.drain(queue)).toEqual(['x']);
  });

  test('a reply of a transaction arrives with the commit', async () => {
    const service = await channel.exclusiveQueue();
    await channel.consume(service, { noAck: true, consumerTag: 'service' });
    const client = await broker.channel();
    await client.consume('amq.rabbitmq.reply-to', { noAck: true });
    client.publish({ routingKey: service }, 'request', { replyTo: 'amq.rabbitmq.reply-to' });
    const { replyTo } = (await channel.delivery()).content.properties;
    const server = await channel.client.channel();
    await server.call('tx.select');
    server.publish({ routingKey: replyTo! }, 'rolled back');
    await server.call('tx.rollback');
    server.publish({ routingKey: replyTo! }, 'committed');
    await server.call('tx.commit');
    const waits = expectedOn(broker, differences.repliesWaitForTheCommit);
    expect(await client.bodies(1)).toEqual([waits ? 'committed' : 'rolled back']);
  });

  test('a wrong expiration in a transaction closes the channel at once', async () => {
    const publisher = await channel.client.channel();
    await publisher.call('tx.select');
    publisher.publish({ routingKey: 'anywhere' }, 'x', { expiration: 'soon' });
    expect(await publisher.refusal()).toMatchObject({ scope: 'channel', code: 406 });
  });
});

describe('consumers and the rest', () => {
  test('what expires is not delivered to the consumer that takes over', async () => {
    const queue = await queueWith({ 'x-single-active-consumer': true, 'x-message-ttl': 150 });
    const first = await channel.client.channel();
    const second = await channel.client.channel();
    await first.consume(queue);
    await second.consume(queue);
    await publishAll(channel, queue, ['old']);
    await first.delivery();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await first.call('channel.close');
    await publishAll(channel, queue, ['fresh']);
    expect(await second.bodies(1)).toEqual(['fresh']);
  });

  test('basic.recover gives back what is unexpired only', async () => {
    const queue = await queueWith({});
    await publishAll(channel, queue, ['short'], { expiration: '150' });
    await publishAll(channel, queue, ['long']);
    await channel.consume(queue);
    await channel.deliveries(2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    channel.send('basic.recover', { requeue: true });
    await channel.expect('basic.recover-ok');
    const again = await channel.delivery();
    expect([again.body.toString(), again.fields.redelivered]).toEqual(['long', true]);
  });

  test('one of several targets that refuses makes no difference to the others', async () => {
    const full = await queueWith({ 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    const queues = [await channel.exclusiveQueue(), await channel.exclusiveQueue()];
    const publisher = await channel.client.channel();
    await publisher.call('confirm.select');
    const headers = { BCC: [full, queues[1]] };
    publisher.publish({ routingKey: queues[0] }, 'x', { headers });
    expect(await outcomes(publisher, 1)).toEqual(['nack']);
    for (const queue of queues) expect(await channel.drain(queue)).toEqual(['x']);
  });
});
