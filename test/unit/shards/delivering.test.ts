// A shard in one thread: publish, deliver, settle. What a client sees through an acceptor, without one.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  OUTCOME_REJECT,
  OUTCOME_REQUEUE,
  OUTCOME_UNDELIVERED,
  PERSISTENT_FLAG,
} from '../../../shards/mailbox/to-shard-layout.ts';
import type { AcceptorSide } from './acceptor-side.ts';
import { ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
const CONNECTION = 1;

let driver: ShardDriver;
let acceptor: AcceptorSide;

beforeEach(() => {
  driver = new ShardDriver({ windowBytes: 4096 });
  acceptor = driver.acceptor;
  driver.declare(QUEUE);
  acceptor.open(CHANNEL, CONNECTION);
});

function publish(...bodies: string[]): void {
  for (const body of bodies) acceptor.publish([QUEUE], { body });
}

describe('a delivery', () => {
  it('carries what was published, and is numbered from 1', () => {
    acceptor.consume(QUEUE, CHANNEL, 11);
    acceptor.publish([QUEUE], { exrk: 'ek', props: 'ppp', body: 'body', flags: PERSISTENT_FLAG });
    publish('second');
    expect(driver.deliveries()).toMatchObject([
      { address: 11, number: 1, exrk: 'ek', props: 'ppp', body: 'body', isRedelivered: false },
      { address: 11, number: 2, body: 'second' },
    ]);
    expect(acceptor.confirmed).toBe(2);
  });

  it('comes after consume-ok', () => {
    publish('waiting');
    acceptor.consume(QUEUE, CHANNEL, 11);
    expect(driver.exchange().map(({ kind }) => kind)).toEqual(['reply', 'deliver']);
  });

  it('has number -1 without acks, and leaves nothing behind', () => {
    acceptor.consume(QUEUE, CHANNEL, 11, { noAck: true });
    publish('a', 'b');
    expect(driver.deliveries().map(({ number }) => number)).toEqual([-1, -1]);
    expect(driver.state.store.messageCount).toBe(0);
  });

  it('goes round the consumers of a queue', () => {
    for (const consumer of [1, 2, 3]) acceptor.consume(QUEUE, CHANNEL, consumer);
    publish('a', 'b', 'c', 'd', 'e', 'f', 'g');
    expect(driver.deliveries().map(({ address }) => address)).toEqual([1, 2, 3, 1, 2, 3, 1]);
  });

  it('goes to the highest priority that can take it', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { priority: -5 });
    acceptor.consume(QUEUE, CHANNEL, 2, { priority: 10, prefetch: 2 });
    acceptor.consume(QUEUE, CHANNEL, 3, { priority: 0, prefetch: 1 });
    publish('a', 'b', 'c', 'd');
    expect(driver.deliveries().map(({ address }) => address)).toEqual([2, 2, 3, 1]);
    acceptor.ack(CHANNEL, 2);
    publish('e', 'f');
    expect(driver.deliveries().map(({ address }) => address)).toEqual([2, 1]);
  });

  it('goes to each queue of a message once', () => {
    driver.declare(8);
    acceptor.consume(QUEUE, CHANNEL, 1);
    acceptor.consume(8, CHANNEL, 2);
    acceptor.publish([QUEUE, 8], { body: 'both' });
    const received = driver.deliveries().map(({ address, body }) => `${address} ${body}`);
    expect(new Set(received)).toEqual(new Set(['1 both', '2 both']));
    acceptor.ack(CHANNEL, 1);
    driver.run();
    expect(driver.state.store.messageCount).toBe(1);
    acceptor.ack(CHANNEL, 2);
    driver.run();
    expect(driver.state.store.messageCount).toBe(0);
  });

  it('reaches the queues of a message that still exist', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { noAck: true });
    acceptor.publish([QUEUE, 99], { body: 'one is gone' });
    acceptor.publish([98, 99], { body: 'both are gone' });
    acceptor.publish([99], { body: 'the only one is gone' });
    expect(driver.bodies()).toEqual(['one is gone']);
    expect(acceptor.confirmed).toBe(3);
    expect(driver.state.store.messageCount).toBe(0);
  });
});

describe('prefetch', () => {
  it('of a consumer holds deliveries back until acks come', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 2 });
    publish('a', 'b', 'c', 'd', 'e');
    expect(driver.bodies()).toEqual(['a', 'b']);
    acceptor.ack(CHANNEL, 1);
    expect(driver.bodies()).toEqual(['c']);
    acceptor.ack(CHANNEL, 2, 2);
    expect(driver.bodies()).toEqual(['d', 'e']);
  });

  it('of a channel is shared by its consumers, and those without acks wait while it is used up', () => {
    acceptor.open(4, CONNECTION, 2);
    acceptor.consume(QUEUE, 4, 1);
    acceptor.consume(QUEUE, 4, 2);
    publish('a', 'b', 'c');
    expect(driver.bodies()).toEqual(['a', 'b']);
    acceptor.ack(4, 1);
    expect(driver.bodies()).toEqual(['c']);
    acceptor.consume(QUEUE, 4, 3, { noAck: true });
    publish('d', 'e');
    expect(driver.bodies()).toEqual([]);
    acceptor.ack(4, 2, 2);
    expect(driver.bodies()).toEqual(['d', 'e']);
  });

  it('of a channel can be raised', () => {
    acceptor.open(4, CONNECTION, 1);
    acceptor.consume(QUEUE, 4, 1);
    publish('a', 'b', 'c', 'd');
    expect(driver.bodies()).toEqual(['a']);
    acceptor.qos(4, 3);
    expect(driver.bodies()).toEqual(['b', 'c']);
    acceptor.qos(4, 0);
    driver.run();
    acceptor.ack(4, 1, 3);
    expect(driver.bodies()).toEqual([]);
    acceptor.qos(4, -1);
    expect(driver.bodies()).toEqual(['d']);
  });

  it('of a channel does not count what was taken by get', () => {
    acceptor.open(4, CONNECTION, 1);
    publish('a', 'b', 'c', 'd');
    expect([driver.get(QUEUE, 4), driver.get(QUEUE, 4)]).toMatchObject([
      { body: 'a' },
      { body: 'b' },
    ]);
    acceptor.consume(QUEUE, 4, 1);
    expect(driver.bodies()).toEqual(['c']);
    acceptor.ack(4, 1, 2);
    expect(driver.bodies()).toEqual([]);
    acceptor.ack(4, 3);
    expect(driver.bodies()).toEqual(['d']);
  });
});

describe('the byte window of a connection', () => {
  const large = 'x'.repeat(1500);

  it('holds deliveries back until credit comes', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    for (let i = 0; i < 6; i += 1) publish(large);
    const first = driver.deliveries();
    expect(first).toHaveLength(3);
    acceptor.credit(CONNECTION, first[0].costBytes - 1);
    expect(driver.deliveries()).toHaveLength(1);
    acceptor.credit(CONNECTION, first[0].costBytes * 3);
    expect(driver.deliveries()).toHaveLength(2);
  });

  it('is shared by the channels of the connection, not with others', () => {
    acceptor.open(4, CONNECTION);
    acceptor.open(5, 2);
    for (const channel of [CHANNEL, 4, 5]) acceptor.consume(QUEUE, channel, channel);
    for (let i = 0; i < 9; i += 1) publish(large);
    const takers = driver.deliveries().map(({ address }) => address);
    expect(takers.filter((taker) => taker === 5)).toHaveLength(3);
    expect(takers).toHaveLength(6);
  });

  it('lets one message pass that is larger than itself', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('y'.repeat(5000), 'next');
    const [only, ...rest] = driver.deliveries();
    expect(rest).toEqual([]);
    acceptor.credit(CONNECTION, only.costBytes);
    expect(driver.bodies()).toEqual(['next']);
  });
});

describe('a message that comes back', () => {
  it('takes its old place and is marked as redelivered', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 4 });
    publish('a', 'b', 'c', 'd', 'e', 'f');
    driver.run();
    acceptor.receive();
    acceptor.cancel(CHANNEL, 1);
    driver.run();
    acceptor.ack(CHANNEL, 4, 1, OUTCOME_REQUEUE);
    acceptor.ack(CHANNEL, 2, 1, OUTCOME_REQUEUE);
    driver.run();
    acceptor.receive();
    acceptor.consume(QUEUE, CHANNEL, 2);
    expect(driver.deliveries().map(({ body, isRedelivered }) => [body, isRedelivered])).toEqual([
      ['b', true],
      ['d', true],
      ['e', false],
      ['f', false],
    ]);
  });

  it('is not marked when it was never shown to the client', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    publish('a');
    driver.run();
    acceptor.cancel(CHANNEL, 1);
    driver.run();
    acceptor.ack(CHANNEL, 1, 1, OUTCOME_UNDELIVERED);
    driver.run();
    acceptor.receive();
    expect(driver.get(QUEUE, CHANNEL)).toMatchObject({ body: 'a', isRedelivered: false });
  });

  it('is gone when it is rejected', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a', 'b');
    driver.run();
    acceptor.ack(CHANNEL, 1, 2, OUTCOME_REJECT);
    driver.run();
    expect(driver.state.store.messageCount).toBe(0);
    expect(driver.counts(QUEUE)).toEqual({ ready: 0, consumers: 1 });
  });

  it('comes with all others when the channel closes', () => {
    acceptor.open(4, CONNECTION);
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a', 'b', 'c');
    driver.run();
    acceptor.receive();
    acceptor.ack(CHANNEL, 2);
    const request = acceptor.closeChannel(CHANNEL);
    expect(driver.reply(request).status).toBe(0);
    expect(driver.counts(QUEUE)).toEqual({ ready: 2, consumers: 0 });
    publish('d');
    acceptor.consume(QUEUE, 4, 2);
    expect(driver.deliveries().map(({ body, isRedelivered }) => [body, isRedelivered])).toEqual([
      ['a', true],
      ['c', true],
      ['d', false],
    ]);
  });
});

describe('settling', () => {
  it('what is not there, or on a channel that is not there, changes nothing', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a');
    driver.run();
    acceptor.ack(CHANNEL, 2);
    acceptor.ack(CHANNEL, 1);
    acceptor.ack(CHANNEL, 1);
    acceptor.ack(99, 1);
    acceptor.credit(99, 1);
    driver.run();
    expect(driver.state.store.messageCount).toBe(0);
    expect(driver.state.queues.get(QUEUE)).toMatchObject({ unackedCount: 0, ackedCount: 1 });
  });

  it('before an operation that was sent after it', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a', 'b');
    driver.run();
    acceptor.receive();
    acceptor.closeChannel(CHANNEL);
    acceptor.ack(CHANNEL, 1);
    driver.run();
    expect(driver.counts(QUEUE).ready).toBe(1);
  });
});
