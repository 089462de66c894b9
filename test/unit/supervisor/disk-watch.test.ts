// The disk watch: free space against the limit with hysteresis, logs without room, both at once.
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskWatch } from '../../../src/supervisor/disk-watch.ts';

let news: string[];
let watch: DiskWatch;

function start(limitBytes: number): void {
  news = [];
  watch = new DiskWatch(limitBytes, {
    setAlarm: (alarm) => {
      news.push(`alarm ${alarm === undefined ? 'none' : `[${alarm.shortLogs.join()}]`}`);
    },
    raised: ({ freeBytes, limitBytes: limit }) => news.push(`raised ${freeBytes}/${limit}`),
    cleared: ({ freeBytes, limitBytes: limit }) => news.push(`cleared ${freeBytes}/${limit}`),
  });
}

/** What has been decided since the last look. */
const said = (): string[] => news.splice(0);

describe('free space', () => {
  beforeEach(() => start(1000));

  it('may be the limit, not less, and must be a tenth more for the alarm to go', () => {
    watch.measured(1000);
    expect([said(), watch.alarm]).toEqual([[], undefined]);
    watch.measured(999);
    expect(said()).toEqual(['raised 999/1000', 'alarm []']);
    expect(watch.alarm).toEqual({
      resource: 'disk',
      vhost: undefined,
      freeBytes: 999,
      limitBytes: 1000,
      shortLogs: [],
    });
    watch.measured(0);
    watch.measured(1099);
    expect([said(), watch.freeBytes]).toEqual([[], 1099]);
    watch.measured(1100);
    expect(said()).toEqual(['cleared 1100/1000', 'alarm none']);
    watch.measured(1000);
    expect([said(), watch.alarm]).toEqual([[], undefined]);
  });

  it('that is not known changes nothing', () => {
    watch.measured(undefined);
    expect(said()).toEqual([]);
    watch.measured(5);
    said();
    watch.measured(undefined);
    expect([said(), watch.freeBytes]).toEqual([[], undefined]);
    watch.measured(5000);
    expect(said()).toEqual(['cleared 5000/1000', 'alarm none']);
  });
});

it('with a large limit no more than 64 MiB above it must be free', () => {
  const gib = 1024 ** 3;
  start(10 * gib);
  watch.measured(10 * gib - 1);
  said();
  watch.measured(10 * gib + gib / 16 - 1);
  expect(said()).toEqual([]);
  watch.measured(10 * gib + gib / 16);
  expect(said()).toHaveLength(2);
});

it('without a limit there may be nothing free', () => {
  start(0);
  watch.measured(0);
  expect([said(), watch.alarm]).toEqual([[], undefined]);
});

describe('a log without room', () => {
  it('sets the alarm by itself, also without a limit', () => {
    start(0);
    watch.logIsShort('shard 1', true);
    expect(said()).toEqual(['raised undefined/0', 'alarm [shard 1]']);
    watch.logIsShort('shard 1', true);
    watch.measured(77);
    expect(said()).toEqual([]);
    watch.logIsShort('shard 1', false);
    expect(said()).toEqual(['cleared 77/0', 'alarm none']);
    watch.logIsShort('shard 1', false);
    expect(said()).toEqual([]);
  });

  it('keeps the alarm until the last has room, and is named as long as it has none', () => {
    start(1000);
    watch.measured(900);
    expect(said()).toEqual(['raised 900/1000', 'alarm []']);
    watch.logIsShort('shard 0', true);
    watch.logIsShort('topology', true);
    expect(said()).toEqual(['alarm [shard 0]', 'alarm [shard 0,topology]']);
    watch.measured(2000);
    watch.logIsShort('shard 0', false);
    expect(said()).toEqual(['alarm [topology]']);
    watch.measured(900);
    watch.logIsShort('topology', false);
    // Less is free than must be, which is news, and then the only reason left.
    expect(said()).toEqual(['alarm [topology]', 'alarm []']);
    watch.measured(2000);
    expect(said()).toEqual(['cleared 2000/1000', 'alarm none']);
  });
});

describe('an operator', () => {
  beforeEach(() => start(1000));

  it('sets the alarm whatever is free, until it is unset', () => {
    watch.measured(5000);
    watch.force(true);
    watch.measured(6000);
    expect([said(), watch.alarm?.freeBytes]).toEqual([['raised 5000/1000', 'alarm []'], 5000]);
    watch.force(false);
    expect([said(), watch.alarm]).toEqual([['cleared 6000/1000', 'alarm none'], undefined]);
  });

  it('sets another limit', () => {
    watch.measured(5000);
    watch.setLimit(6000);
    watch.measured(5000);
    expect(said()).toEqual(['raised 5000/6000', 'alarm []']);
    watch.setLimit(0);
    watch.measured(5000);
    expect(said()).toEqual(['cleared 5000/0', 'alarm none']);
  });
});
