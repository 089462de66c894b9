// A shard in one thread: what clients ask of queues, consumers and channels, and how it is answered.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  STATUS_EMPTY,
  STATUS_EXCLUSIVE_CONSUMER,
  STATUS_IN_USE,
  STATUS_NO_QUEUE,
  STATUS_NOT_EMPTY,
  STATUS_OK,
} from '../../../shards/mailbox/from-shard-layout.ts';
import {
  DELETE_IF_EMPTY_FLAG,
  DELETE_IF_UNUSED_FLAG,
  OUTCOME_REQUEUE,
} from '../../../shards/mailbox/to-shard-layout.ts';
import { reportOf } from '../../../shards/report.ts';
import type { AcceptorSide } from './acceptor-side.ts';
import { ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
const CONNECTION = 1;

let driver: ShardDriver;
let acceptor: AcceptorSide;

beforeEach(() => {
  driver = new ShardDriver();
  acceptor = driver.acceptor;
  driver.declare(QUEUE);
  acceptor.open(CHANNEL, CONNECTION);
});

function publish(...bodies: string[]): void {
  for (const body of bodies) acceptor.publish([QUEUE], { body });
}

function messageCount(): number {
  return driver.state.store.messageCount;
}

describe('get', () => {
  it('takes the head and tells how many remain', () => {
    publish('a', 'b', 'c');
    expect(driver.get(QUEUE, CHANNEL)).toMatchObject({ body: 'a', number: 1, remaining: 2 });
    expect(driver.get(QUEUE, CHANNEL, true)).toMatchObject({ body: 'b', number: -1, remaining: 1 });
    expect(driver.get(QUEUE, CHANNEL)).toMatchObject({ body: 'c', number: 2, remaining: 0 });
    expect(driver.get(QUEUE, CHANNEL)).toBe(STATUS_EMPTY);
    expect(driver.get(99, CHANNEL)).toBe(STATUS_NO_QUEUE);
  });

  it('leaves a message that is acked, requeued, or returned with its channel', () => {
    publish('a', 'b', 'c');
    for (let i = 0; i < 3; i += 1) driver.get(QUEUE, CHANNEL);
    acceptor.ack(CHANNEL, 1);
    acceptor.ack(CHANNEL, 2, 1, OUTCOME_REQUEUE);
    expect(driver.counts(QUEUE).ready).toBe(1);
    acceptor.closeChannel(CHANNEL);
    expect(driver.counts(QUEUE)).toEqual({ ready: 2, consumers: 0 });
    acceptor.open(4, CONNECTION);
    expect(driver.get(QUEUE, 4)).toMatchObject({ body: 'b', isRedelivered: true });
    expect(driver.get(QUEUE, 4)).toMatchObject({ body: 'c', isRedelivered: true });
  });

  it('is no consumer', () => {
    publish('a');
    driver.get(QUEUE, CHANNEL);
    expect(driver.counts(QUEUE).consumers).toBe(0);
    expect(driver.reply(acceptor.delete(QUEUE, DELETE_IF_UNUSED_FLAG)).status).toBe(STATUS_OK);
  });

  // A client that polls with a channel per get must not leave a row behind for each.
  it('of an empty queue leaves no consumer row behind when its channel closes', () => {
    for (let channel = 100; channel < 200; channel += 1) {
      acceptor.open(channel, CONNECTION);
      expect(driver.get(QUEUE, channel)).toBe(STATUS_EMPTY);
      acceptor.closeChannel(channel);
      driver.exchange();
    }
    acceptor.consume(QUEUE, CHANNEL, 1);
    driver.run();
    const [consumer] = driver.state.queues.get(QUEUE)!.consumers;
    expect(consumer.index).toBeLessThan(10);
  });
});

describe('consumers', () => {
  it('of a queue that does not exist are refused', () => {
    expect(driver.reply(acceptor.consume(99, CHANNEL, 1)).status).toBe(STATUS_NO_QUEUE);
  });

  it('are alone when they are exclusive', () => {
    expect(driver.reply(acceptor.consume(QUEUE, CHANNEL, 1, { exclusive: true })).status).toBe(
      STATUS_OK,
    );
    for (const exclusive of [true, false]) {
      const request = acceptor.consume(QUEUE, CHANNEL, 2, { exclusive });
      expect(driver.reply(request).status).toBe(STATUS_EXCLUSIVE_CONSUMER);
    }
    acceptor.cancel(CHANNEL, 1);
    expect(driver.reply(acceptor.consume(QUEUE, CHANNEL, 3)).status).toBe(STATUS_OK);
    const late = acceptor.consume(QUEUE, CHANNEL, 4, { exclusive: true });
    expect(driver.reply(late).status).toBe(STATUS_EXCLUSIVE_CONSUMER);
  });

  it('get nothing once they are cancelled, and what they hold stays theirs', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a');
    driver.run();
    acceptor.cancel(CHANNEL, 1);
    publish('b');
    driver.exchange();
    expect(driver.counts(QUEUE)).toEqual({ ready: 1, consumers: 0 });
    expect(driver.state.queues.get(QUEUE)!.unackedCount).toBe(1);
    acceptor.ack(CHANNEL, 1);
    driver.run();
    expect(messageCount()).toBe(1);
  });

  it('that are cancelled do not hold up those who wait for the same', () => {
    acceptor.open(4, CONNECTION, 1);
    acceptor.consume(QUEUE, 4, 1);
    acceptor.consume(QUEUE, 4, 2);
    publish('a', 'b');
    expect(driver.deliveries()).toHaveLength(1);
    acceptor.cancel(4, 1);
    driver.exchange();
    acceptor.ack(4, 1);
    expect(driver.deliveries()).toMatchObject([{ address: 2, body: 'b' }]);
  });

  it('that are cancelled without reading do not pile up while their connection reads nothing', () => {
    const slow = new ShardDriver({ windowBytes: 100 });
    const side = slow.acceptor;
    slow.declare(QUEUE);
    side.open(CHANNEL, CONNECTION);
    side.publish([QUEUE], { body: 'x'.repeat(200) });
    side.publish([QUEUE], { body: 'waits' });
    for (let consumer = 1; consumer <= 200; consumer += 1) {
      side.consume(QUEUE, CHANNEL, consumer);
      slow.run();
      side.cancel(CHANNEL, consumer);
      slow.exchange();
    }
    const window = slow.state.ports[0].windows.get(CONNECTION)!;
    expect(window.blocked.length).toBeLessThan(10);
  });
});

describe('queues', () => {
  it('tell their counts after what was published before', () => {
    publish('a', 'b');
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    expect(driver.reply(acceptor.stat(QUEUE))).toMatchObject({ status: STATUS_OK, a: 1, b: 1 });
    expect(driver.counts(QUEUE)).toEqual({ ready: 1, consumers: 1 });
    expect(driver.reply(acceptor.stat(99)).status).toBe(STATUS_NO_QUEUE);
  });

  it('purge what is ready, not what is unacked', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    publish('a', 'b', 'c');
    driver.run();
    expect(driver.reply(acceptor.purge(QUEUE))).toMatchObject({ status: STATUS_OK, a: 2 });
    expect(messageCount()).toBe(1);
    acceptor.ack(CHANNEL, 1, 1, OUTCOME_REQUEUE);
    expect(driver.deliveries()).toMatchObject([{ body: 'a', isRedelivered: true }]);
  });

  it('are deleted with their messages, and their consumers are told', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    publish('a', 'b', 'c');
    driver.run();
    acceptor.receive();
    acceptor.delete(QUEUE);
    expect(driver.exchange()).toMatchObject([
      { kind: 'consumer-gone', consumer: 1 },
      { kind: 'reply', status: STATUS_OK, a: 2 },
    ]);
    expect(driver.notices).toEqual([{ kind: 'queue-gone', queueId: QUEUE }]);
    expect(driver.reply(acceptor.stat(QUEUE)).status).toBe(STATUS_NO_QUEUE);
    expect(driver.reply(acceptor.delete(QUEUE)).status).toBe(STATUS_NO_QUEUE);
    expect(messageCount()).toBe(1);
  });

  it.each(['ack', 'requeue', 'channel close'])('let go of what is unacked by %s', (how) => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish('a', 'b');
    driver.run();
    acceptor.delete(QUEUE);
    driver.run();
    if (how === 'channel close') acceptor.closeChannel(CHANNEL);
    else acceptor.ack(CHANNEL, 1, 2, how === 'ack' ? undefined : OUTCOME_REQUEUE);
    driver.run();
    expect(messageCount()).toBe(0);
    expect(driver.state.store.liveBytes).toBe(0);
  });

  it('are deleted only if unused or empty when that is asked', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    publish('a', 'b');
    expect(driver.reply(acceptor.delete(QUEUE, DELETE_IF_UNUSED_FLAG)).status).toBe(STATUS_IN_USE);
    expect(driver.reply(acceptor.delete(QUEUE, DELETE_IF_EMPTY_FLAG)).status).toBe(
      STATUS_NOT_EMPTY,
    );
    acceptor.purge(QUEUE);
    acceptor.cancel(CHANNEL, 1);
    const both = DELETE_IF_UNUSED_FLAG | DELETE_IF_EMPTY_FLAG;
    expect(driver.reply(acceptor.delete(QUEUE, both)).status).toBe(STATUS_OK);
  });

  it('that are auto-delete go with their last consumer, not before the first', () => {
    driver.declare(8, { autoDelete: true });
    acceptor.consume(8, CHANNEL, 1);
    acceptor.consume(8, CHANNEL, 2);
    acceptor.publish([8], { body: 'a' });
    acceptor.cancel(CHANNEL, 1);
    driver.run();
    expect(driver.notices).toEqual([]);
    acceptor.cancel(CHANNEL, 2);
    driver.run();
    expect(driver.notices).toEqual([{ kind: 'queue-gone', queueId: 8 }]);
    acceptor.closeChannel(CHANNEL);
    driver.run();
    expect(messageCount()).toBe(0);
  });

  it('that are auto-delete go with the channel of their last consumer', () => {
    driver.declare(8, { autoDelete: true });
    acceptor.consume(8, CHANNEL, 1);
    acceptor.publish([8], { body: 'a' });
    driver.run();
    acceptor.closeChannel(CHANNEL);
    driver.run();
    expect(driver.notices).toEqual([{ kind: 'queue-gone', queueId: 8 }]);
    expect(messageCount()).toBe(0);
  });

  it('that main deletes are gone, and declared twice are kept', () => {
    publish('a');
    driver.run();
    driver.declare(QUEUE);
    expect(driver.counts(QUEUE).ready).toBe(1);
    const queue = driver.state.queues.get(QUEUE)!.spec;
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    driver.exchange();
    driver.state.apply([{ kind: 'queue-deleted', vhost: '/', queue }]);
    driver.state.apply([{ kind: 'queue-deleted', vhost: '/', queue }]);
    expect(driver.exchange()).toEqual([{ kind: 'consumer-gone', consumer: 1 }]);
    expect(driver.notices).toEqual([]);
  });
});

describe('the report', () => {
  it('counts what happened', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 2 });
    publish('a', 'b', 'c');
    driver.run();
    acceptor.ack(CHANNEL, 1);
    acceptor.ack(CHANNEL, 2, 1, OUTCOME_REQUEUE);
    driver.run();
    const report = reportOf(driver.state);
    expect(report).toMatchObject({ messages: 2, slabMessages: 0, log: undefined });
    expect(report.queues).toEqual([
      {
        id: QUEUE,
        ready: 0,
        unacked: 2,
        onDisk: 0,
        onDiskBytes: 0,
        consumers: 1,
        published: 3,
        delivered: 4,
        acked: 1,
        redelivered: 1,
        publishRateLimit: 0,
        readyBytes: 0,
        unackedBytes: 6,
        dead: 0,
        deadBytes: 0,
        isClosed: false,
      },
    ]);
  });

  it('forgets connections that have ended', () => {
    acceptor.closeChannel(CHANNEL);
    acceptor.closeConnection(CONNECTION);
    driver.run();
    const port = driver.state.ports[0];
    expect(port.channels.size + port.windows.size).toBe(0);
  });
});
