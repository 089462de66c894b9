// ConnectionWindow against a list of deliveries: credit goes to the oldest ones, sums never drift, and
// a consumer is full by its own bytes or by the connection's.
import { describe, expect, it } from 'vitest';
import { ConnectionWindow } from '../../../../shards/consumer/connection-window.ts';
import type { Consumer } from '../../../../shards/consumer/consumer.ts';
import { Random } from '../../../fuzz/session-bytes.ts';

const LIMIT = 4000;
const CONSUMER_LIMIT = 1000;

/** All of a consumer that the window knows. */
const consumer = (): Consumer => ({ outstandingBytes: 0 }) as Consumer;

describe('ConnectionWindow', () => {
  it.each([1, 2, 3, 4])('counts bytes for those they went to (seed %i)', (seed) => {
    const random = new Random(seed);
    const window = new ConnectionWindow(1, LIMIT, CONSUMER_LIMIT);
    const consumers = [consumer(), consumer(), consumer(), consumer(), consumer()];
    const underWay: [Consumer, number][] = [];
    const sum = (of: (each: [Consumer, number]) => boolean): number =>
      underWay.filter(of).reduce((total, [, bytes]) => total + bytes, 0);
    for (let round = 0; round < 3000; round += 1) {
      if (random.chance(55)) {
        const to = random.pick(consumers);
        const bytes = 1 + random.below(400);
        if (window.isFullFor(to)) continue;
        window.add(to, bytes);
        underWay.push([to, bytes]);
      } else {
        let left = random.below(window.outstandingBytes + 1);
        window.credit(left);
        while (left > 0) {
          const taken = Math.min(left, underWay[0][1]);
          underWay[0][1] -= taken;
          left -= taken;
          if (underWay[0][1] === 0) underWay.shift();
        }
      }
      expect(window.outstandingBytes).toBe(sum(() => true));
      for (const each of consumers) {
        expect(each.outstandingBytes).toBe(sum(([to]) => to === each));
        const isFull = window.outstandingBytes >= LIMIT || each.outstandingBytes >= CONSUMER_LIMIT;
        expect(window.isFullFor(each)).toBe(isFull);
      }
    }
  });

  it('lets one message larger than the window pass, and then nothing more', () => {
    const window = new ConnectionWindow(1, LIMIT, CONSUMER_LIMIT);
    const [one, other] = [consumer(), consumer()];
    window.add(one, LIMIT * 2);
    expect(window.isFullFor(one)).toBe(true);
    expect(window.isFullFor(other)).toBe(true);
    window.credit(LIMIT * 2 - 1);
    expect(window.isFullFor(one)).toBe(false);
  });

  it('leaves room for others when one consumer has its share under way', () => {
    const window = new ConnectionWindow(1, LIMIT, CONSUMER_LIMIT);
    const [one, other] = [consumer(), consumer()];
    window.add(one, CONSUMER_LIMIT);
    expect(window.isFullFor(one)).toBe(true);
    expect(window.isFullFor(other)).toBe(false);
  });
});
