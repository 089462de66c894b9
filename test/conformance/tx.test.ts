// Test thread. Transactions (specification 1.9; RabbitMQ: docs/semantics, rabbit_channel): publishes
// and acks that wait for tx.commit, and what becomes of them.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { openMorgue } from '../support/dead-letters.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let observer: RawChannel;
let queue: string;

beforeEach(async () => {
  channel = await broker.channel();
  observer = await channel.client.channel();
  queue = await observer.exclusiveQueue();
  await channel.call('tx.select');
});

describe('publishes in a transaction', () => {
  test('are in the queue when tx.commit is answered, in order', async () => {
    const bodies = Array.from({ length: 50 }, (_, index) => String(index));
    for (const body of bodies) channel.publish({ routingKey: queue }, body);
    await channel.call('tx.commit');
    expect(await observer.drain(queue)).toEqual(bodies);
  });

  test('are nowhere before', async () => {
    channel.publish({ routingKey: queue }, 'x');
    await channel.call('channel.flow', { active: true });
    expect(await observer.get(queue)).toBeUndefined();
    await channel.call('tx.commit');
    expect(await observer.drain(queue)).toEqual(['x']);
  });

  test('are forgotten with tx.rollback', async () => {
    channel.publish({ routingKey: queue }, 'lost');
    await channel.call('tx.rollback');
    channel.publish({ routingKey: queue }, 'kept');
    await channel.call('tx.commit');
    expect(await observer.drain(queue)).toEqual(['kept']);
  });

  test('are forgotten when the channel closes', async () => {
    channel.publish({ routingKey: queue }, 'lost');
    await channel.call('channel.close');
    await publishAll(observer, queue, ['marker']);
    expect(await observer.drain(queue)).toEqual(['marker']);
  });

  test('reach several queues at one commit', async () => {
    const queues = [];
    for (let count = 0; count < 6; count += 1) queues.push(await observer.exclusiveQueue());
    for (const name of queues) channel.publish({ routingKey: name }, name, { deliveryMode: 2 });
    await channel.call('tx.commit');
    for (const name of queues) expect(await observer.drain(name)).toEqual([name]);
  });

  test('that are mandatory are returned at the commit, before it is answered', async () => {
    channel.publish({ routingKey: uniqueName('missing'), mandatory: true }, 'back');
    await channel.call('channel.flow', { active: true });
    channel.send('tx.commit');
    expect((await channel.expect('basic.return')).body.toString()).toBe('back');
    await channel.expect('tx.commit-ok');
  });

  test('to a missing exchange close the channel at once with 404', async () => {
    const exchange = uniqueName('missing');
    channel.publish({ exchange, routingKey: '' }, 'x');
    const text = `no exchange '${exchange}' in vhost '/'`;
    expect(await channel.refusal()).toEqual(channelRefusal(404, text));
  });

  test('that a full queue refuses fail the commit with 406', async () => {
    const args = { 'x-max-length': 0, 'x-overflow': 'reject-publish' };
    const full = await observer.exclusiveQueue({ arguments: args });
    channel.publish({ routingKey: full }, 'x');
    const refusal = await channel.refused('tx.commit');
    expect(refusal).toEqual(channelRefusal(406, 'partial tx completion'));
  });

  test('are delivered to a consumer of the same channel after the commit', async () => {
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'x');
    channel.send('tx.commit');
    const both = [await channel.next(), await channel.next()];
    expect(both.map(({ name }) => name).sort()).toEqual(['basic.deliver', 'tx.commit-ok']);
  });
});

describe('acks in a transaction', () => {
  beforeEach(async () => {
    await publishAll(observer, queue, ['a', 'b', 'c']);
  });

  /** What comes back to the queue when the transaction's channel closes. */
  async function leftAfterClose(): Promise<string[]> {
    await channel.call('channel.close');
    return observer.drain(queue);
  }

  test('count from tx.commit', async () => {
    await channel.consume(queue);
    await channel.deliveries(3);
    channel.ack(2, true);
    await channel.call('tx.commit');
    expect(await leftAfterClose()).toEqual(['c']);
  });

  test('without a commit are none when the channel closes', async () => {
    await channel.consume(queue);
    await channel.deliveries(3);
    channel.ack(3, true);
    expect(await leftAfterClose()).toEqual(['a', 'b', 'c']);
  });

  test('are undone by tx.rollback: they can be acked again, and nothing is redelivered', async () => {
    await channel.consume(queue);
    await channel.deliveries(3);
    channel.ack(3, true);
    await channel.call('tx.rollback');
    channel.ack(1);
    await channel.call('tx.commit');
    expect(await channel.settled(queue, 0)).toEqual([]);
    expect(await leftAfterClose()).toEqual(['b', 'c']);
  });

  test('of an unknown tag close the channel at once with 406', async () => {
    channel.ack(17);
    const text = 'unknown delivery tag 17';
    expect(await channel.refusal()).toEqual(channelRefusal(406, text));
  });

  test('twice of the same tag close the channel with 406', async () => {
    await channel.get(queue, false);
    channel.ack(1);
    channel.ack(1);
    expect(await channel.refusal()).toEqual(channelRefusal(406, 'unknown delivery tag 1'));
  });

  test('of messages that basic.get took with no_ack do not matter', async () => {
    await channel.get(queue);
    await channel.call('tx.rollback');
    expect(await leftAfterClose()).toEqual(['b', 'c']);
  });

  test('that are rejections requeue or drop from the commit on', async () => {
    await channel.get(queue, false);
    await channel.get(queue, false);
    channel.send('basic.reject', { deliveryTag: 1, requeue: true });
    channel.send('basic.reject', { deliveryTag: 2, requeue: false });
    await observer.awaitReady(queue, 1);
    await channel.call('tx.commit');
    await observer.awaitReady(queue, 2);
    expect(await leftAfterClose()).toEqual(['a', 'c']);
  });

  test('that are rejections make dead letters at the commit', async () => {
    const morgue = await openMorgue(observer);
    const source = await observer.exclusiveQueue({ arguments: morgue.arguments });
    await publishAll(observer, source, ['x']);
    await channel.get(source, false);
    channel.send('basic.nack', { deliveryTag: 1, requeue: false });
    await channel.call('channel.flow', { active: true });
    observer.publish({ exchange: morgue.exchange, routingKey: '' }, 'marker');
    expect(await morgue.bodies(1)).toEqual(['marker']);
    await channel.call('tx.commit');
    expect(await morgue.bodies(1)).toEqual(['x']);
  });

  test('go together with publishes', async () => {
    const target = await observer.exclusiveQueue();
    const message = await channel.get(queue, false);
    channel.publish({ routingKey: target }, message!.body);
    channel.ack(message!.fields.deliveryTag);
    await channel.call('tx.commit');
    expect(await observer.drain(target)).toEqual(['a']);
    expect(await leftAfterClose()).toEqual(['b', 'c']);
  });
});

describe('the state of a channel', () => {
  test('tx.select twice is answered', async () => {
    await channel.call('tx.select');
  });

  test('an empty commit and an empty rollback are answered', async () => {
    await channel.call('tx.commit');
    await channel.call('tx.rollback');
  });

  test('a transaction begins anew after each commit', async () => {
    for (const body of ['a', 'b', 'c']) {
      channel.publish({ routingKey: queue }, body);
      await channel.call('tx.commit');
      expect(await observer.drain(queue)).toEqual([body]);
    }
  });

  test.each(['tx.commit', 'tx.rollback'] as const)(
    '%s without tx.select is refused with 406',
    async (name) => {
      const plain = await channel.client.channel();
      expect(await plain.refused(name)).toEqual(
        channelRefusal(406, 'channel is not transactional'),
      );
    },
  );

  test('confirm.select after tx.select is refused with 406', async () => {
    const text = 'cannot switch from tx to confirm mode';
    expect(await channel.refused('confirm.select')).toEqual(channelRefusal(406, text));
  });

  test('tx.select after confirm.select is refused with 406', async () => {
    const confirming = await channel.client.channel();
    await confirming.call('confirm.select');
    const text = 'cannot switch from confirm to tx mode';
    expect(await confirming.refused('tx.select')).toEqual(channelRefusal(406, text));
  });
});
