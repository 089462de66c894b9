// A channel's prefetch over several shards: what each is granted, and that a channel without a limit
// keeps no counts, then has the right ones once it gets one.
import { expect, it } from 'vitest';
import { ChannelPrefetch, IS_GET } from '../../../src/acceptor/channel-prefetch.ts';
import { SlidingWindow } from '../../../src/base/sliding-window.ts';

const NO_LIMIT = -1;

function deliver(prefetch: ChannelPrefetch, unacked: SlidingWindow, shard: number): void {
  unacked.push(shard, 0, 0, 0);
  prefetch.delivered(shard);
}

it('allows everything and grants no limit without one', () => {
  const prefetch = new ChannelPrefetch(2);
  prefetch.delivered(1);
  prefetch.countHeld(1);
  expect([prefetch.allowed(9), prefetch.grant(1), prefetch.isOutgrown(1)]).toEqual([
    9,
    NO_LIMIT,
    false,
  ]);
});

it('counts what was delivered before the limit came, but no basic.get', () => {
  const prefetch = new ChannelPrefetch(2);
  const unacked = new SlidingWindow(1, 0);
  deliver(prefetch, unacked, 1);
  deliver(prefetch, unacked, 1);
  unacked.push(0, 0, IS_GET, 0);
  prefetch.setLimit(5, unacked);
  expect([prefetch.grant(0), prefetch.grant(1), prefetch.allowed(9)]).toEqual([3, 5, 3]);
  prefetch.settled(1);
  expect([prefetch.isOutgrown(0), prefetch.isOutgrown(1), prefetch.grant(0)]).toEqual([
    true,
    false,
    4,
  ]);
});

it('forgets its counts with the limit, and has them again with the next', () => {
  const prefetch = new ChannelPrefetch(2);
  const unacked = new SlidingWindow(1, 0);
  prefetch.setLimit(2, unacked);
  deliver(prefetch, unacked, 0);
  prefetch.setLimit(0, unacked);
  expect([prefetch.grant(0), prefetch.isOutgrown(0)]).toEqual([NO_LIMIT, false]);
  deliver(prefetch, unacked, 1);
  prefetch.setLimit(3, unacked);
  expect([prefetch.grant(0), prefetch.grant(1)]).toEqual([2, 2]);
});
