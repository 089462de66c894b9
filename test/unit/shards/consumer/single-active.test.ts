// A shard with a queue that has a single active consumer: one consumer gets everything until it
// goes, whatever becomes of it; then the next one does.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  STATUS_EXCLUSIVE_CONSUMER,
  STATUS_OK,
} from '../../../../shards/mailbox/from-shard-layout.ts';
import { consumersOf, reportOf } from '../../../../shards/report.ts';
import type { AcceptorSide, Consume } from '../acceptor-side.ts';
import { ShardDriver } from '../shard-driver.ts';

const QUEUE = 7;
const SINGLE_ACTIVE = { 'x-single-active-consumer': true };
const QUORUM = { ...SINGLE_ACTIVE, 'x-queue-type': 'quorum' };
/** As a client sends them: a quorum queue adds to them. */
const NO_PROPERTIES = '\0\0';
const FIRST = 11;
const SECOND = 12;
const THIRD = 13;

let driver: ShardDriver;
let acceptor: AcceptorSide;

beforeEach(() => {
  driver = new ShardDriver();
  acceptor = driver.acceptor;
});

/** Consumer n is on channel n. */
function consume(consumer: number, options: Consume = {}): void {
  acceptor.open(consumer, 1);
  expect(driver.reply(acceptor.consume(QUEUE, consumer, consumer, options)).status).toBe(STATUS_OK);
}

function publish(...bodies: string[]): void {
  for (const body of bodies) acceptor.publish([QUEUE], { body, props: NO_PROPERTIES });
}

/** Who got what. */
function delivered(): [number, string][] {
  return driver.deliveries().map(({ address, body }) => [address, body]);
}

const active = (): (string | undefined)[] => [
  reportOf(driver.state).queues[0].singleActiveConsumer,
  ...consumersOf(driver.state).flatMap(({ tag, activity }) =>
    activity === 'waiting' ? [] : [tag],
  ),
];

describe('a single active consumer', () => {
  beforeEach(() => driver.declare(QUEUE, { arguments: SINGLE_ACTIVE }));

  it('is the first to come, for all messages', () => {
    consume(FIRST);
    consume(SECOND);
    publish('a', 'b', 'c');
    expect(delivered()).toEqual([
      [FIRST, 'a'],
      [FIRST, 'b'],
      [FIRST, 'c'],
    ]);
    expect(active()).toEqual(['c-1', 'c-1']);
  });

  it('gets what needs no acks straight from the ring, and nobody else does', () => {
    consume(FIRST, { noAck: true });
    consume(SECOND, { noAck: true });
    publish('a', 'b');
    expect(delivered()).toEqual([
      [FIRST, 'a'],
      [FIRST, 'b'],
    ]);
  });

  it('that can take no more makes the others no busier', () => {
    consume(FIRST, { prefetch: 1 });
    consume(SECOND);
    publish('a', 'b');
    expect(delivered()).toEqual([[FIRST, 'a']]);
    acceptor.ack(FIRST, 1);
    expect(delivered()).toEqual([[FIRST, 'b']]);
  });

  it('is followed by the one that came next', () => {
    for (const consumer of [FIRST, SECOND, THIRD]) consume(consumer);
    driver.reply(acceptor.cancel(FIRST, FIRST));
    publish('a');
    expect(delivered()).toEqual([[SECOND, 'a']]);
    expect(active()).toEqual(['c-2', 'c-2']);
    driver.reply(acceptor.cancel(THIRD, THIRD));
    publish('b');
    expect(delivered()).toEqual([[SECOND, 'b']]);
    driver.reply(acceptor.cancel(SECOND, SECOND));
    expect(active()).toEqual([undefined]);
    consume(THIRD);
    publish('c');
    expect(delivered()).toEqual([[THIRD, 'c']]);
  });

  it('leaves what it held to its successor, in order, when its channel closes', () => {
    consume(FIRST, { prefetch: 2 });
    consume(SECOND);
    publish('a', 'b', 'c');
    expect(delivered().length).toBe(2);
    acceptor.closeChannel(FIRST);
    expect(delivered()).toEqual([
      [SECOND, 'a'],
      [SECOND, 'b'],
      [SECOND, 'c'],
    ]);
  });

  it('goes with its channel even if the next one is on that channel, too', () => {
    consume(FIRST);
    driver.reply(acceptor.consume(QUEUE, FIRST, SECOND));
    consume(THIRD);
    acceptor.closeChannel(FIRST);
    publish('a');
    expect(delivered()).toEqual([[THIRD, 'a']]);
  });

  it('gives way to nobody, but a higher priority goes before in the line', () => {
    consume(FIRST);
    consume(SECOND);
    consume(THIRD, { priority: 5 });
    publish('a');
    expect(delivered()).toEqual([[FIRST, 'a']]);
    driver.reply(acceptor.cancel(FIRST, FIRST));
    publish('b');
    expect(delivered()).toEqual([[THIRD, 'b']]);
  });

  it('has no exclusive one beside it', () => {
    acceptor.open(FIRST, 1);
    const request = acceptor.consume(QUEUE, FIRST, FIRST, { exclusive: true });
    expect(driver.reply(request).status).toBe(STATUS_EXCLUSIVE_CONSUMER);
  });

  it('that waits for the way out is there again when there is room', () => {
    driver = new ShardDriver({ windowBytes: 200 });
    acceptor = driver.acceptor;
    driver.declare(QUEUE, { arguments: SINGLE_ACTIVE });
    consume(FIRST);
    consume(SECOND);
    publish('x'.repeat(300), 'b');
    const [first] = driver.deliveries();
    expect(first.address).toBe(FIRST);
    expect(delivered()).toEqual([]);
    acceptor.credit(1, first.costBytes);
    expect(delivered()).toEqual([[FIRST, 'b']]);
  });
});

describe('a single active consumer of a quorum queue', () => {
  beforeEach(() => driver.declare(QUEUE, { arguments: QUORUM }));

  it('gives way to a higher priority when it has settled what it holds', () => {
    consume(FIRST);
    publish('a', 'b');
    expect(delivered().length).toBe(2);
    consume(SECOND, { priority: 1 });
    publish('c');
    expect(delivered()).toEqual([]);
    acceptor.ack(FIRST, 1);
    expect(delivered()).toEqual([]);
    acceptor.ack(FIRST, 2);
    expect(delivered()).toEqual([[SECOND, 'c']]);
    expect(active()).toEqual(['c-2', 'c-2']);
    // And is the next one again.
    driver.reply(acceptor.cancel(SECOND, SECOND));
    acceptor.closeChannel(SECOND);
    expect(delivered()).toEqual([[FIRST, 'c']]);
  });

  it('gives way at once when it holds nothing, and to no equal', () => {
    consume(FIRST, { priority: 3 });
    consume(SECOND, { priority: 3 });
    publish('a');
    expect(delivered()).toEqual([[FIRST, 'a']]);
    acceptor.ack(FIRST, 1);
    consume(THIRD, { priority: 4 });
    publish('b');
    expect(delivered()).toEqual([[THIRD, 'b']]);
  });

  it('goes on when whoever it was to give way to has gone', () => {
    consume(FIRST);
    publish('a');
    expect(delivered().length).toBe(1);
    consume(SECOND, { priority: 1 });
    publish('b');
    expect(delivered()).toEqual([]);
    driver.reply(acceptor.cancel(SECOND, SECOND));
    publish('c');
    // The reply brought the one that waited.
    expect(delivered()).toEqual([[FIRST, 'c']]);
    expect(driver.counts(QUEUE).ready).toBe(0);
  });

  it('that goes while it is to give way is followed at once', () => {
    consume(FIRST);
    publish('a');
    expect(delivered().length).toBe(1);
    consume(SECOND, { priority: 1 });
    publish('b');
    acceptor.closeChannel(FIRST);
    expect(delivered()).toEqual([
      [SECOND, 'a'],
      [SECOND, 'b'],
    ]);
  });
});
