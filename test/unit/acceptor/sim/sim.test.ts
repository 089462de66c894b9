// The one-thread broker itself: it does what a broker does, so that the tests built on it mean something.
import { afterEach, describe, expect, it } from 'vitest';
import { SimBroker } from './sim-broker.ts';

let broker: SimBroker;
afterEach(() => broker.stop());

describe('the one-thread broker', () => {
  it.each([
    [1, 1],
    [2, 3],
  ])('with %i acceptors and %i shards passes a message on', async (acceptors, shards) => {
    broker = await SimBroker.start({ acceptors, shards });
    const publisher = await broker.open(1, 0);
    const consumer = await broker.open(1, acceptors - 1);
    publisher.method(1, 'queue.declare', { queue: 'q' });
    await broker.settle();
    consumer.method(1, 'basic.consume', { queue: 'q', consumerTag: 't' });
    publisher.method(1, 'confirm.select');
    publisher.publish(1, 'q', 'hello');
    publisher.publish(1, 'q', Buffer.alloc(200_000, 7));
    await broker.settle();
    const names = publisher.take().map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['queue.declare-ok', 'confirm.select-ok']);
    // One ack for both or one for each: the two may be read in different turns.
    expect(new Set(names.slice(2))).toEqual(new Set(['basic.ack']));
    const [ok, first, second, ...more] = consumer.take();
    expect(ok.name).toBe('basic.consume-ok');
    expect(first.body.toString()).toBe('hello');
    expect(second.body.equals(Buffer.alloc(200_000, 7))).toBe(true);
    expect(more).toEqual([]);
    consumer.method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    await broker.settle();
    expect(broker.shards.reduce((sum, shard) => sum + shard.store.messageCount, 0)).toBe(0);
    const { slab } = broker.acceptors[0];
    expect(slab.freePages).toBe(slab.pageCount);
  });
});
