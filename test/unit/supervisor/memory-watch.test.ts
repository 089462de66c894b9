// The memory watch: sums over threads, alarms with hysteresis, virtual hosts that are slowed first.
import { beforeEach, describe, expect, it } from 'vitest';
import { memoryBytes } from '../../../src/supervisor/memory-control.ts';
import { MemoryWatch } from '../../../src/supervisor/memory-watch.ts';

let news: string[];
let watch: MemoryWatch;

function start(brokerBytes: number, vhostBytes = 0): void {
  news = [];
  watch = new MemoryWatch(
    { brokerBytes, vhostBytes },
    {
      setAlarms: (alarms) => news.push(`alarms ${alarms.map(({ vhost = '*' }) => vhost).join()}`),
      setSlowVhosts: (vhosts) => news.push(`slow ${vhosts.join()}`),
      raised: ({ vhost = '*', usedBytes, limitBytes }) =>
        news.push(`raised ${vhost} ${usedBytes}/${limitBytes}`),
      cleared: ({ vhost = '*' }, usedBytes) => news.push(`cleared ${vhost} ${usedBytes}`),
    },
  );
  watch.start();
}

/** What has been decided since the last look. */
const said = (): string[] => news.splice(0);

describe("the broker's budget", () => {
  beforeEach(() => start(1000));

  it('is what stores and slabs take together, and opens again below 90 %', () => {
    watch.shardHolds(0, 400, []);
    watch.shardHolds(2, 300, []);
    watch.slabHolds(1, 299);
    expect([watch.usedBytes, said(), watch.alarms]).toEqual([999, [], []]);
    watch.slabHolds(0, 1);
    expect(said()).toEqual(['raised * 1000/1000', 'alarms *']);
    expect(watch.alarms).toEqual([
      { resource: 'memory', vhost: undefined, usedBytes: 1000, limitBytes: 1000 },
    ]);
    watch.shardHolds(0, 5000, []);
    watch.shardHolds(0, 300, []);
    expect([watch.usedBytes, said()]).toEqual([900, []]);
    watch.slabHolds(1, 298);
    expect(said()).toEqual(['cleared * 899', 'alarms ']);
    expect(watch.alarms).toEqual([]);
  });

  it('has nothing to do with virtual hosts, which have none here', () => {
    watch.shardHolds(0, 10, [{ vhost: 'v', bytes: 1_000_000 }]);
    expect(said()).toEqual([]);
  });
});

it('the budget can be another while the broker runs, and a tiny one is nothing', () => {
  start(10_000_000);
  watch.shardHolds(0, 2_000_000, []);
  watch.setBrokerBytes(2_000_000.5);
  expect([watch.limitBytes, said()]).toEqual([2_000_000, ['raised * 2000000/2000000', 'alarms *']]);
  watch.setBrokerBytes(5_000_000);
  expect(said()).toEqual(['cleared * 2000000', 'alarms ']);
  watch.shardHolds(0, 0, []);
  watch.setBrokerBytes(8);
  expect(said()).toEqual(['raised * 0/0', 'alarms *']);
});

it('an alarm that is forced stays until it is no longer', () => {
  start(1000);
  watch.force(true);
  watch.force(true);
  watch.shardHolds(0, 10, []);
  expect(said()).toEqual(['raised * 0/0', 'alarms *']);
  watch.force(false);
  expect([said(), watch.alarms]).toEqual([['cleared * 10', 'alarms '], []]);
});

it('a budget of nothing blocks from the start and for ever', () => {
  start(0);
  expect(said()).toEqual(['raised * 0/0', 'alarms *']);
  watch.shardHolds(0, 10, []);
  watch.shardHolds(0, 0, []);
  expect(said()).toEqual([]);
});

describe("a virtual host's budget", () => {
  beforeEach(() => start(1_000_000, 100));
  const holds = (shard: number, bytes: number, vhost = 'v'): void =>
    watch.shardHolds(shard, 0, [{ vhost, bytes }]);

  it('slows from 80 % to below 72 %, and blocks from 100 % to below 90 %', () => {
    holds(0, 40);
    holds(1, 39);
    expect(said()).toEqual([]);
    holds(1, 40);
    expect(said()).toEqual(['slow v']);
    holds(0, 60);
    expect(said()).toEqual(['raised v 100/100', 'alarms v']);
    holds(0, 50);
    expect(said()).toEqual([]);
    holds(0, 49);
    expect(said()).toEqual(['cleared v 89', 'alarms ']);
    holds(0, 32);
    expect(said()).toEqual([]);
    holds(0, 31);
    expect(said()).toEqual(['slow ']);
  });

  it('concerns that virtual host only, and stands beside the alarm of the broker', () => {
    holds(0, 100, 'a');
    holds(0, 85, 'b');
    expect(said()).toEqual(['raised a 100/100', 'slow a', 'alarms a', 'slow a,b']);
    watch.slabHolds(0, 1_000_000);
    expect(said()).toEqual(['raised * 1000000/1000000', 'alarms *,a']);
    watch.slabHolds(0, 0);
    expect(said()).toEqual(['cleared * 0', 'alarms a']);
    // Its queues are gone: nothing of it stays.
    holds(0, 0, 'a');
    expect(said()).toEqual(['cleared a 0', 'slow b', 'alarms ']);
  });
});

it("takes the container's limit for the machine's memory where it is lower", () => {
  expect(memoryBytes(1000, 500)).toBe(500);
  expect(memoryBytes(1000, 2 ** 64)).toBe(1000);
  expect(memoryBytes(1000, 0)).toBe(1000);
  expect(memoryBytes(1000, undefined)).toBe(1000);
});
