// A shard in one thread: what queues hold is counted, a queue that holds its budget is closed until
// it is below 90 %, one that holds most of it is slowed without a floor, and main hears the figures.
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PACE_CLOSED } from '../../../shards/mailbox/from-shard-layout.ts';
import type { AcceptorSide, FromShard } from './acceptor-side.ts';
import { ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
/** With the key of two bytes: ten messages are the whole budget. */
const BODY = 'b'.repeat(98);
const BUDGET = 1000;

let driver: ShardDriver;
let acceptor: AcceptorSide;
let now: number;

function start(options: { queueBudgetBytes?: number; vhostBudgetBytes?: number }): void {
  driver = new ShardDriver({
    acceptors: 2,
    ringBytes: 1024 * 1024,
    flowPublishRateFloor: 100_000,
    ...options,
  });
  acceptor = driver.acceptor;
  driver.declare(QUEUE);
  acceptor.open(CHANNEL, 1);
}

function publish(count: number, queues: readonly number[] = [QUEUE]): void {
  for (let i = 0; i < count; i += 1) acceptor.publish(queues, { body: BODY });
}

const ratesIn = (records: readonly FromShard[]): number[] =>
  records.filter((record) => record.kind === 'pace').map(({ rate }) => rate);

/** The shard runs `millis` later: what the first acceptor is told of the queue's pace. */
function paces(millis = 0): number[] {
  now += millis;
  return ratesIn(driver.exchange());
}

beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  return () => vi.restoreAllMocks();
});

describe("a queue's budget", () => {
  beforeEach(() => start({ queueBudgetBytes: BUDGET }));
  const queue = () => driver.state.queues.get(QUEUE)!;

  it('closes the queue for all acceptors when it is used up, not before', () => {
    publish(9);
    expect([paces(), queue().isClosed]).toEqual([[], false]);
    publish(1);
    expect([paces(), queue().isClosed]).toEqual([[PACE_CLOSED], true]);
    expect(ratesIn(driver.acceptors[1].receive())).toEqual([PACE_CLOSED]);
    // What was on its way is taken, and nobody is told twice.
    publish(3);
    expect([paces(10), queue().heldBytes]).toEqual([[], 1300]);
  });

  it('counts unacked messages, and opens below 90 % of it', () => {
    publish(10);
    paces();
    acceptor.consume(QUEUE, CHANNEL, 1);
    expect([paces(), queue().readyBytes, queue().unackedBytes]).toEqual([[], 0, 1000]);
    acceptor.ack(CHANNEL, 1);
    expect([paces(), queue().heldBytes]).toEqual([[], 900]);
    acceptor.ack(CHANNEL, 2);
    // In the same turn, though no interval has passed: the shard may sleep after it.
    expect([paces(), queue().isClosed]).toEqual([[0], false]);
  });

  it.each([
    ['purged', () => acceptor.purge(QUEUE)],
    ['deleted', () => acceptor.delete(QUEUE)],
  ])('opens when the queue is %s', (_how, empty) => {
    publish(10);
    paces();
    empty();
    expect(paces()).toEqual([0]);
    expect(driver.state.memories.of('/').bytes).toBe(0);
  });

  it('opens when the queue is deleted though all of it is still unacked', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish(10);
    paces();
    acceptor.delete(QUEUE);
    expect([paces(), driver.state.memories.of('/').bytes]).toEqual([[0], 1000]);
  });

  it('counts what a deleted queue leaves unacked until it is settled', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish(4);
    paces();
    acceptor.delete(QUEUE);
    paces();
    expect(driver.state.memories.of('/').bytes).toBe(400);
    acceptor.ack(CHANNEL, 1);
    acceptor.closeChannel(CHANNEL);
    paces();
    expect(driver.state.memories.of('/').bytes).toBe(0);
  });

  it('leaves other queues open', () => {
    driver.declare(8);
    publish(10, [QUEUE]);
    publish(9, [8]);
    const told = driver.exchange().filter((record) => record.kind === 'pace');
    expect(told.map((record) => [record.kind, record.queue])).toEqual([['pace', QUEUE]]);
  });

  /** Each step is 20 ms: `acks` messages go, as many come. */
  function drain(steps: number, acks: number): number[] {
    const told: number[] = [];
    for (let step = 0; step < steps; step += 1) {
      acceptor.ack(CHANNEL, nextAck, acks);
      nextAck += acks;
      publish(acks);
      told.push(...paces(20));
    }
    return told;
  }
  let nextAck: number;

  it('slows publishers from 80 % on to what leaves the queue, without a floor', () => {
    nextAck = 1;
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish(7);
    expect([...paces(), ...drain(20, 1)]).toEqual([]);
    publish(1);
    drain(50, 1);
    // One in 20 ms are 50 a second, far below the floor of 100000; two acceptors share them.
    const rate = driver.state.governor.rateOf(queue());
    expect(rate).toBeGreaterThan(45);
    expect(rate).toBeLessThan(55);
    acceptor.ack(CHANNEL, nextAck, 1);
    // 700 bytes are less than 72 %: free again.
    expect(paces(20)).toEqual([0]);
  });

  it('opens at the pace of its consumers, not at full speed', () => {
    nextAck = 1;
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish(8);
    paces();
    drain(50, 1);
    publish(2);
    expect(paces(20)).toEqual([PACE_CLOSED]);
    acceptor.ack(CHANNEL, nextAck, 2);
    // No interval has passed. 85 % of 50 a second for two acceptors, and a little less by now.
    const [share, ...more] = paces();
    expect([share > 15, share < 30, more]).toEqual([true, true, []]);
  });

  it('slows evenly to a queue that drains in steps', () => {
    nextAck = 1;
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish(8);
    paces();
    const rates = new Set<number>();
    for (let round = 0; round < 60; round += 1) {
      drain(1, 1);
      // Nothing for a while, but the shard is at work.
      for (let quiet = 0; quiet < 4; quiet += 1) paces(20);
      if (round >= 20) rates.add(driver.state.governor.rateOf(queue()));
    }
    // Ten a second, though it looks like fifty and then none.
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(7);
    expect(Math.max(...rates)).toBeLessThanOrEqual(14);
  });

  it('does not slow for want of anything that leaves: the budget ends it', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch: 1 });
    publish(9);
    for (let i = 0; i < 600; i += 1) paces(20);
    expect(driver.state.governor.rateOf(queue())).toBe(0);
    publish(1);
    expect(paces()).toEqual([PACE_CLOSED]);
  });
});

it("a virtual host that is slowed has its large queues paced, other hosts' not", () => {
  start({ vhostBudgetBytes: 4000 });
  driver.declare(8);
  acceptor.consume(QUEUE, CHANNEL, 1);
  acceptor.consume(8, CHANNEL, 2);
  publish(10, [QUEUE]);
  publish(1, [8]);
  driver.run();
  driver.state.memories.setSlow(['other']);
  const turn = (number: number): void => {
    acceptor.ack(CHANNEL, number);
    publish(1, [QUEUE]);
    paces(20);
  };
  for (let number = 1; number <= 20; number += 1) turn(number);
  const rateOf = (id: number) => driver.state.governor.rateOf(driver.state.queues.get(id)!);
  expect([rateOf(QUEUE), rateOf(8)]).toEqual([0, 0]);
  driver.state.memories.setSlow(['/']);
  for (let number = 21; number <= 60; number += 1) turn(number);
  // 200 bytes, a twentieth of the budget, make a queue a large one.
  expect([rateOf(QUEUE) > 0, rateOf(8)]).toEqual([true, 0]);
  driver.state.memories.setSlow([]);
  for (let number = 61; number <= 64; number += 1) turn(number);
  expect(rateOf(QUEUE)).toBe(0);
});

describe('main', () => {
  const told = () => driver.notices.filter((notice) => notice.kind === 'memory');

  it('hears what the store and each virtual host hold, when it has changed', async () => {
    start({ vhostBudgetBytes: 4000 });
    driver.run();
    await setTimeout(70);
    expect(told()).toEqual([]);
    publish(3);
    driver.run();
    publish(2);
    driver.run();
    await setTimeout(70);
    const { store } = driver.state;
    expect(told()).toEqual([
      {
        kind: 'memory',
        storeBytes: store.arenaBytes + 5 * 32,
        vhosts: [{ vhost: '/', bytes: 500 }],
      },
    ]);
    acceptor.purge(QUEUE);
    driver.run();
    await setTimeout(70);
    expect(told().slice(1)).toEqual([
      { kind: 'memory', storeBytes: 0, vhosts: [{ vhost: '/', bytes: 0 }] },
    ]);
  });

  it('hears nothing of virtual hosts that have no budget', async () => {
    start({});
    publish(3);
    driver.run();
    await setTimeout(70);
    expect(told()).toMatchObject([{ vhosts: [] }]);
  });
});
