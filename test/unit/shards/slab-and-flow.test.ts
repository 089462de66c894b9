// A shard in one thread: bodies that lie in a slab are freed once, after the last ack and the last
// release, in any order; and the publishers of a queue that grows are paced.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AcceptorSide, Delivered, FromShard } from './acceptor-side.ts';
import { isDelivery } from './acceptor-side.ts';
import { ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;

function freed(records: readonly FromShard[]): number[] {
  return records.filter((record) => record.kind === 'slab-free').map(({ page }) => page);
}

describe('a slab message', () => {
  let driver: ShardDriver;
  let acceptor: AcceptorSide;

  beforeEach(() => {
    driver = new ShardDriver({ acceptors: 2 });
    acceptor = driver.acceptor;
    driver.declare(QUEUE);
    driver.declare(8);
    acceptor.open(CHANNEL, 1);
  });

  const publish = (queues: readonly number[]): void =>
    acceptor.publish(queues, { exrk: 'ek', slabPage: 5, bodyBytes: 50_000 });

  /** Two consumers of one message: their deliveries. */
  function deliverTwice(): Delivered[] {
    acceptor.consume(QUEUE, CHANNEL, 1);
    acceptor.consume(8, CHANNEL, 2);
    publish([QUEUE, 8]);
    const deliveries = driver.deliveries();
    expect(deliveries).toMatchObject([
      { exrk: 'ek', slab: { owner: 0, page: 5 } },
      { exrk: 'ek', slab: { owner: 0, page: 5 } },
    ]);
    return deliveries;
  }

  const permutations = (items: readonly string[]): string[][] =>
    items.length < 2
      ? [[...items]]
      : items.flatMap((item) =>
          permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
        );

  it.each(permutations(['ack 1', 'ack 2', 'release 1', 'release 2']))(
    'is freed once after %s, %s, %s, %s',
    (...order) => {
      const deliveries = deliverTwice();
      order.forEach((event, index) => {
        const [what, which] = event.split(' ') as [string, string];
        const { number, slab } = deliveries[Number(which) - 1];
        if (what === 'ack') acceptor.ack(CHANNEL, number);
        else acceptor.release(slab!.message);
        expect(freed(driver.exchange())).toEqual(index === 3 ? [5] : []);
      });
      expect(driver.state.store.slabMessageCount).toBe(0);
    },
  );

  it('without acks is freed when it has been sent', () => {
    acceptor.consume(QUEUE, CHANNEL, 1, { noAck: true });
    publish([QUEUE]);
    const [delivery] = driver.deliveries();
    acceptor.release(delivery.slab!.message);
    expect(freed(driver.exchange())).toEqual([5]);
  });

  it('is freed when it is purged, or no queue is left for it', () => {
    publish([QUEUE]);
    acceptor.purge(QUEUE);
    expect(freed(driver.exchange())).toEqual([5]);
    publish([99, 98]);
    expect(freed(driver.exchange())).toEqual([5]);
    publish([99]);
    expect(freed(driver.exchange())).toEqual([5]);
  });

  it('is freed after it has been sent, though its queue is deleted before', () => {
    acceptor.consume(QUEUE, CHANNEL, 1);
    publish([QUEUE]);
    const [delivery] = driver.deliveries();
    acceptor.delete(QUEUE);
    acceptor.ack(CHANNEL, delivery.number);
    expect(freed(driver.exchange())).toEqual([]);
    acceptor.release(delivery.slab!.message);
    expect(freed(driver.exchange())).toEqual([5]);
  });

  it('is freed to the acceptor that owns the slab, whoever delivers it', () => {
    const other = driver.acceptors[1];
    other.open(CHANNEL, 1);
    other.consume(QUEUE, CHANNEL, 1, { noAck: true });
    driver.run();
    other.receive();
    publish([QUEUE]);
    driver.run();
    const delivery = other.receive().find(isDelivery);
    other.release(delivery!.slab!.message);
    driver.run();
    expect([freed(acceptor.receive()), freed(other.receive())]).toEqual([[5], []]);
  });
});

describe('the flow governor', () => {
  const BACKLOG = 100;
  const FLOOR = 500;
  let driver: ShardDriver;
  let acceptor: AcceptorSide;
  let now: number;

  beforeEach(() => {
    now = 1000;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    driver = new ShardDriver({
      acceptors: 2,
      ringBytes: 1024 * 1024,
      flowBacklogMessages: BACKLOG,
      flowPublishRateFloor: FLOOR,
    });
    acceptor = driver.acceptor;
    driver.declare(QUEUE);
    acceptor.open(CHANNEL, 1);
    return () => vi.restoreAllMocks();
  });

  function publish(count: number): void {
    for (let i = 0; i < count; i += 1) acceptor.publish([QUEUE], { body: 'x' });
  }

  /** The interval passes; what the first acceptor is told of paces. */
  function paces(millis: number): number[] {
    now += millis;
    return driver
      .exchange()
      .filter((record) => record.kind === 'pace')
      .map(({ queue, rate }) => {
        expect(queue).toBe(QUEUE);
        return rate;
      });
  }

  it('lets publishers of a short queue, or of one that nobody consumes, run free', () => {
    publish(BACKLOG);
    expect(paces(10)).toEqual([]);
    publish(BACKLOG * 10);
    expect(paces(10)).toEqual([]);
    expect(paces(10)).toEqual([]);
  });

  /** Consumes so that `perTurn` are delivered with each ack. */
  function startConsumer(prefetch: number): void {
    acceptor.consume(QUEUE, CHANNEL, 1, { prefetch });
    driver.exchange();
  }

  it('paces them to what consumers take, shared by the acceptors, and frees them at half', () => {
    publish(BACKLOG * 2 + 50);
    paces(0);
    startConsumer(50);
    acceptor.ack(CHANNEL, 1, 50);
    paces(10);
    acceptor.ack(CHANNEL, 51, 50);
    publish(50);
    const told = [...paces(10)];
    // 50 in 10 ms are 5000 a second, half of that for each acceptor; the first measure was double.
    const rate = driver.state.governor.rateOf(driver.state.queues.get(QUEUE)!);
    expect(rate).toBeGreaterThanOrEqual(5000);
    expect(rate).toBeLessThanOrEqual(10_000);
    for (const share of told) expect(share).toBe(Math.ceil(rate / 2));
    acceptor.purge(QUEUE);
    expect(paces(10)).toEqual([0]);
    expect(driver.acceptors[1].receive().at(-1)).toEqual({ kind: 'pace', queue: QUEUE, rate: 0 });
  });

  it('never paces below the floor', () => {
    publish(BACKLOG * 3);
    startConsumer(1);
    for (let number = 1; number <= 20; number += 1) {
      acceptor.ack(CHANNEL, number);
      paces(20);
    }
    expect(driver.state.governor.rateOf(driver.state.queues.get(QUEUE)!)).toBe(FLOOR);
  });

  it('frees publishers when the consumers have gone or the queue is deleted', () => {
    publish(BACKLOG * 3);
    startConsumer(50);
    acceptor.ack(CHANNEL, 1, 50);
    expect(paces(10)).toHaveLength(1);
    acceptor.cancel(CHANNEL, 1);
    expect(paces(10)).toEqual([0]);
    acceptor.consume(QUEUE, CHANNEL, 2, { prefetch: 50 });
    expect(paces(10)).toHaveLength(1);
    acceptor.delete(QUEUE);
    expect(paces(10)).toEqual([0]);
    expect(paces(10)).toEqual([]);
  });
});
