// A shard whose way out is full sleeps, and has to be woken when the acceptor has made room: by the ring
// alone, for credit may come late or never (windows larger than the ring) and acks need not come at all.
import { afterEach, describe, expect, it } from 'vitest';
import { SimBroker } from './sim/sim-broker.ts';

const MESSAGES = 600;
const BODY = Buffer.alloc(1000, 1);

let broker: SimBroker;

afterEach(() => broker.stop());

describe('a delivery ring smaller than the windows', () => {
  it.each([
    ['waits with the messages', false],
    ['comes later', true],
  ])('holds nothing back when the consumer %s', async (_case, isLate) => {
    broker = await SimBroker.start({ ringBytes: 64 * 1024, inlineBodyBytesMax: 2048 });
    const publisher = await broker.open(1);
    const consumer = await broker.open(1);
    publisher.method(1, 'queue.declare', { queue: 'q' });
    await broker.settle();
    if (!isLate) consumer.method(1, 'basic.consume', { queue: 'q', noAck: true });
    await broker.settle();
    for (let i = 0; i < MESSAGES; i += 1) publisher.publish(1, 'q', BODY);
    await broker.settle();
    if (isLate) consumer.method(1, 'basic.consume', { queue: 'q', noAck: true });
    const received = await consumer.exchange();
    expect(received.filter(({ name }) => name === 'basic.deliver')).toHaveLength(MESSAGES);
  });

  it('answers gets that found it full', async () => {
    broker = await SimBroker.start({ ringBytes: 64 * 1024, inlineBodyBytesMax: 2048 });
    const publisher = await broker.open(1);
    publisher.method(1, 'queue.declare', { queue: 'q' });
    for (let i = 0; i < MESSAGES; i += 1) publisher.publish(1, 'q', BODY);
    await broker.settle();
    const getter = await broker.open(200);
    for (let channel = 1; channel <= 200; channel += 1) {
      getter.method(channel, 'basic.get', { queue: 'q', noAck: true });
    }
    const received = await getter.exchange();
    expect(received.filter(({ name }) => name === 'basic.get-ok')).toHaveLength(200);
  });
});
