// A shard with priority queues: messages leave by priority, equals in order; what is above the
// queue's maximum counts as that; what comes back goes to its place.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  OUTCOME_REQUEUE,
  PRIORITY_SHIFT,
  priorityCode,
} from '../../../../shards/mailbox/to-shard-layout.ts';
import { PriorityReady } from '../../../../shards/queue/priority-ready.ts';
import { ReadyList } from '../../../../shards/queue/ready-list.ts';
import type { FieldTable } from '../../../../src/protocol/field-table.ts';
import type { AcceptorSide } from '../acceptor-side.ts';
import { ShardDriver } from '../shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
const CONSUMER = 11;

let driver: ShardDriver;
let acceptor: AcceptorSide;

beforeEach(() => {
  driver = new ShardDriver();
  acceptor = driver.acceptor;
  acceptor.open(CHANNEL, 1);
});

function declare(args: FieldTable): void {
  driver.declare(QUEUE, { arguments: args });
}

/** Bodies that begin with their priority, `-` for none. */
function publish(...bodies: string[]): void {
  for (const body of bodies) {
    const [priority] = body.split(':');
    const code = priority === '-' ? 0 : priorityCode(Number(priority));
    acceptor.publish([QUEUE], { body, flags: code << PRIORITY_SHIFT });
  }
}

function consume(prefetch = 0): void {
  acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch });
}

describe('a classic queue with x-max-priority', () => {
  beforeEach(() => declare({ 'x-max-priority': 5 }));

  it('delivers the highest priority first, and equals in order', () => {
    publish('1:a', '5:b', '-:c', '3:d', '0:e', '5:f', '3:g');
    consume();
    expect(driver.bodies()).toEqual(['5:b', '5:f', '3:d', '3:g', '1:a', '-:c', '0:e']);
  });

  it('takes a priority above its maximum for the maximum', () => {
    publish('5:a', '255:b', '9:c', '5:d', '4:e');
    consume();
    expect(driver.bodies()).toEqual(['5:a', '255:b', '9:c', '5:d', '4:e']);
  });

  it('lets a message of a higher priority pass those that wait', () => {
    publish('1:a', '1:b', '1:c');
    consume(1);
    expect(driver.bodies()).toEqual(['1:a']);
    publish('2:d');
    acceptor.ack(CHANNEL, 1);
    expect(driver.bodies()).toEqual(['2:d']);
    acceptor.ack(CHANNEL, 2);
    expect(driver.bodies()).toEqual(['1:b']);
  });

  it('puts what comes back to its place in its level', () => {
    publish('2:a', '2:b', '2:c', '1:d');
    consume(3);
    expect(driver.bodies()).toEqual(['2:a', '2:b', '2:c']);
    publish('3:e');
    driver.run();
    acceptor.ack(CHANNEL, 2, 2, OUTCOME_REQUEUE);
    acceptor.ack(CHANNEL, 1, 1, OUTCOME_REQUEUE);
    const again = driver.deliveries();
    expect(again.map(({ body }) => body)).toEqual(['3:e', '2:a', '2:b']);
    expect(again.map(({ isRedelivered }) => isRedelivered)).toEqual([false, true, true]);
  });

  it('answers a get with its highest, and says how many remain', () => {
    publish('1:a', '4:b');
    expect(driver.get(QUEUE, CHANNEL)).toMatchObject({ body: '4:b', remaining: 1 });
    expect(driver.get(QUEUE, CHANNEL)).toMatchObject({ body: '1:a', remaining: 0 });
  });

  it('can be purged, and counts as any other', () => {
    publish('1:a', '4:b', '-:c');
    expect(driver.counts(QUEUE).ready).toBe(3);
    expect(driver.reply(acceptor.purge(QUEUE)).a).toBe(3);
    expect(driver.counts(QUEUE).ready).toBe(0);
    expect(driver.state.store.messageCount).toBe(0);
  });
});

describe('a quorum queue', () => {
  it('takes a message without a priority for one of 4', () => {
    declare({ 'x-queue-type': 'quorum' });
    publish('3:a', '-:b', '5:c', '4:d', '0:e', '31:f', '40:g');
    consume();
    expect(driver.bodies()).toEqual(['31:f', '40:g', '5:c', '-:b', '4:d', '3:a', '0:e']);
  });
});

describe('a queue', () => {
  const readyOf = (): unknown => driver.state.queues.get(QUEUE)!.ready;

  it('without priorities does not look at them, and pays nothing for them', () => {
    declare({});
    publish('1:a', '5:b');
    consume();
    expect(driver.bodies()).toEqual(['1:a', '5:b']);
    expect(readyOf()).toBeInstanceOf(ReadyList);
  });

  it('with a maximum of 0 has one priority', () => {
    declare({ 'x-max-priority': 0 });
    expect(readyOf()).toBeInstanceOf(ReadyList);
    driver.declare(8, { arguments: { 'x-max-priority': 1 } });
    expect(driver.state.queues.get(8)!.ready).toBeInstanceOf(PriorityReady);
  });
});
