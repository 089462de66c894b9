// Dead letters on their way from a shard: they go on as soon as there is room, whoever made it, and are
// counted until somebody has them. The acceptor is played by hand.
import { describe, expect, it } from 'vitest';
import {
  FORWARDED_DONE,
  FORWARDED_FAILED,
  OUTCOME_REJECT,
} from '../../../shards/mailbox/to-shard-layout.ts';
import type { FromShard } from './acceptor-side.ts';
import { checkCounts } from './log/counted-bytes.ts';
import { ShardDriver } from './shard-driver.ts';

const CHANNEL = 3;

function forwardsIn(records: readonly FromShard[]): { number: number; exrk: string }[] {
  return records.filter((record) => record.kind === 'forward');
}

function shardWithDeadLetters(): ShardDriver {
  const driver = new ShardDriver();
  const args = { 'x-dead-letter-exchange': 'dlx', 'x-max-length': 1 };
  driver.declare(1, { arguments: args });
  return driver;
}

describe('dead letters underway', () => {
  it('are sent in the next turn when the acceptor made room after they found none', () => {
    const driver = shardWithDeadLetters();
    driver.run();
    const { ring } = driver.state.ports[0].outlet;
    driver.acceptor.publish([1], { exrk: 'a', body: 'x' });
    driver.acceptor.publish([1], { exrk: 'b', body: 'x' });
    driver.acceptor.flush();
    // The ring is full when it is looked at, and has room before the shard can say that it waits.
    const { claim } = ring;
    ring.claim = () => -1;
    const isBusy = driver.shard.turn();
    ring.claim = claim;
    expect(isBusy).toBe(true);
    expect(forwardsIn(driver.exchange()).map(({ exrk }) => exrk)).toEqual(['a']);
  });

  it('are counted until they have arrived, also when their queue has gone', () => {
    const driver = shardWithDeadLetters();
    for (let i = 0; i < 2000; i += 1) {
      driver.acceptor.publish([1], { exrk: `#${i}`, body: 'x'.repeat(i % 50) });
      if (i % 100 === 99) driver.run();
    }
    const { state } = driver;
    const order: string[] = [];
    for (let rounds = 0; order.length < 1000; rounds += 1) {
      for (const { number, exrk } of forwardsIn(driver.exchange())) {
        order.push(exrk);
        driver.acceptor.forwarded(number, FORWARDED_DONE);
      }
      checkCounts(state);
      expect(rounds).toBeLessThan(2000);
    }
    driver.acceptor.delete(1);
    for (let quiet = 0; quiet < 3; quiet += 1) {
      for (const { number, exrk } of forwardsIn(driver.exchange())) {
        order.push(exrk);
        driver.acceptor.forwarded(number, FORWARDED_DONE);
        quiet = -1;
      }
    }
    expect(order).toEqual(order.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
    expect([state.store.messageCount, state.store.liveBytes]).toEqual([0, 0]);
    expect(state.memories.of('/').bytes).toBe(0);
    expect([...state.forwards.all()]).toEqual([]);
  });

  it('that fail again and again keep no other queue from its own', () => {
    const driver = shardWithDeadLetters();
    const args = {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-strategy': 'at-least-once',
      'x-dead-letter-exchange': 'nowhere',
      'x-message-ttl': 0,
    };
    driver.declare(2, { arguments: args });
    const fail = (): void => {
      for (const { number } of forwardsIn(driver.exchange())) {
        driver.acceptor.forwarded(number, FORWARDED_FAILED);
      }
    };
    for (let i = 0; i < 3000; i += 1) {
      driver.acceptor.publish([2], { exrk: `#${i}` });
      if (i % 100 === 99) fail();
    }
    for (let rounds = 0; rounds < 20; rounds += 1) fail();
    // Some have been tried and are kept; the others wait in their queue.
    const { queues } = driver.state;
    const failing = queues.get(2)!;
    expect(failing.ready.length).toBeGreaterThan(1000);
    expect(failing.ready.length + failing.forwardingCount).toBe(3000);
    for (const exrk of ['a', 'b', 'c']) driver.acceptor.publish([1], { exrk });
    const others = forwardsIn(driver.exchange()).filter(({ exrk }) => !exrk.startsWith('#'));
    expect(others.map(({ exrk }) => exrk)).toEqual(['a', 'b']);
    checkCounts(driver.state);
  });

  it('of a queue that a reject empties are sent once each', () => {
    const driver = shardWithDeadLetters();
    driver.acceptor.open(CHANNEL, 1);
    driver.acceptor.publish([1], { exrk: 'a' });
    const got = driver.get(1, CHANNEL);
    if (typeof got === 'number') throw new Error('the queue is empty');
    driver.acceptor.ack(CHANNEL, got.number, 1, OUTCOME_REJECT);
    driver.acceptor.ack(CHANNEL, got.number, 1, OUTCOME_REJECT);
    const [dead, ...others] = forwardsIn(driver.exchange());
    expect(others).toEqual([]);
    driver.acceptor.forwarded(dead.number, FORWARDED_DONE);
    driver.run();
    expect(driver.state.store.messageCount).toBe(0);
    checkCounts(driver.state);
  });
});
