// Statistics, tables and the comparison made from turns. Test process.
import { describe, expect, it } from 'vitest';
import type { CeilingResult } from '../../../bench/ceilings/raw-load.ts';
import type { ConnectResult, LoadResult } from '../../../bench/load/result.ts';
import { compareScenario, formatComparison } from '../../../bench/report/comparison.ts';
import type { RivalsFile, TurnRecord } from '../../../bench/report/records.ts';
import { median, pairRatios, spread } from '../../../bench/report/statistics.ts';
import { formatTable } from '../../../bench/report/table.ts';

describe('statistics', () => {
  it('takes the middle value, or the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 10, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('sorts by value, not by text, and leaves its input alone', () => {
    const values = [100, 20, 3];
    expect(spread(values)).toEqual({ median: 20, min: 3, max: 100, count: 3 });
    expect(values).toEqual([100, 20, 3]);
  });

  it('pairs turns of the same repeat', () => {
    expect(pairRatios([10, 20, 30], [5, 5])).toEqual([2, 4]);
  });
});

describe('formatTable', () => {
  it('aligns the first column left and the others right', () => {
    expect(
      formatTable(
        ['name', 'n'],
        [
          ['a', '10'],
          ['long name', '9'],
        ],
      ),
    ).toBe(
      [
        '| name      |   n |',
        '|-----------|----:|',
        '| a         |  10 |',
        '| long name |   9 |',
      ].join('\n'),
    );
  });
});

function turn(broker: string, changes: Partial<TurnRecord>): TurnRecord {
  return {
    scenario: 's',
    broker,
    settled: true,
    cpuSeconds: 1,
    cpuMicrosPerMessage: undefined,
    rssBytes: 0,
    rssBytesBefore: 0,
    otherCores: 0,
    load: undefined,
    idleConnections: undefined,
    ...changes,
  };
}

function fileOf(turns: readonly TurnRecord[]): RivalsFile {
  return {
    startedAt: 'now',
    commit: '',
    machine: 'm',
    node: '24',
    brokers: { a: 'A 1', b: 'B 2' },
    scenarios: [{ name: 's', purpose: 'p', metrics: ['rss', 'rss-per-connection'] }],
    turns,
  };
}

describe('compareScenario', () => {
  const mib = 1024 * 1024;
  const turns = [100, 50, 200, 50, 300, 100].map((rss, index) =>
    turn(index % 2 === 0 ? 'a' : 'b', { rssBytes: rss * mib }),
  );

  it('divides the first broker by the second, by medians and by pairs', () => {
    const file = fileOf(turns);
    const [rss, perConnection] = compareScenario(file, file.scenarios[0]);
    expect(rss.spreads).toEqual([
      { median: 200, min: 100, max: 300, count: 3 },
      { median: 50, min: 50, max: 100, count: 3 },
    ]);
    expect(rss.ratio).toBe(4);
    expect(rss.pairs).toEqual([2, 4, 3]);
    // Not measured in these turns: no value, and no zero either.
    expect(perConnection.spreads.map(({ count }) => count)).toEqual([0, 0]);
    expect(perConnection.ratio).toBeUndefined();
  });

  it('takes memory per connection from the growth', () => {
    const idle = { idleConnections: 1024, rssBytes: 3 * mib, rssBytesBefore: 2 * mib };
    const file = fileOf([turn('a', idle), turn('b', { ...idle, rssBytes: 4 * mib })]);
    const [, perConnection] = compareScenario(file, file.scenarios[0]);
    expect(perConnection.spreads.map(({ median: middle }) => middle)).toEqual([1, 2]);
  });

  it('shows what part of the raw relay each broker reached', () => {
    const loadOf = (bytesPerSecond: number): Partial<TurnRecord> => ({
      load: { deliveredBytesPerSecond: bytesPerSecond * mib } as LoadResult,
    });
    const ceilingOf = (bytesPerSecond: number): Partial<TurnRecord> => ({
      ceiling: { bytesPerSecond: bytesPerSecond * mib } as CeilingResult,
    });
    const inTurns = [
      turn('a', loadOf(50)),
      turn('b', loadOf(25)),
      turn('raw-relay', ceilingOf(100)),
      turn('a', loadOf(120)),
      turn('b', loadOf(30)),
      turn('raw-relay', ceilingOf(200)),
    ];
    const file = fileOf(inTurns);
    const [, , ofRelay] = compareScenario(file, file.scenarios[0]);
    expect(ofRelay.title).toBe('of raw relay, 150 (100 to 200) MiB/s');
    const onDisk = inTurns.map((each) =>
      each.broker === 'raw-relay' ? { ...each, broker: 'disk' } : each,
    );
    const [, , ofDisk] = compareScenario(fileOf(onDisk), file.scenarios[0]);
    expect(ofDisk).toEqual({ ...ofRelay, title: 'of disk, 150 (100 to 200) MiB/s' });
    expect(ofRelay.spreads.map(({ min, max }) => [min, max])).toEqual([
      [0.5, 0.6],
      [0.15, 0.25],
    ]);
    expect(ofRelay.pairs).toEqual([2, 4]);
  });

  it('sets a scenario against its baseline and says what failed', () => {
    const withP99 = (p99: number): Partial<TurnRecord> => ({
      load: { latencyMicros: { p99 } } as LoadResult,
    });
    const stuck = { consumers: 2, consumersLeft: 1, publishedBytes: 3 * mib, readyMessages: 0 };
    const file: RivalsFile = {
      ...fileOf([
        turn('a', withP99(100)),
        turn('b', withP99(200)),
        turn('a', {
          scenario: 't',
          load: { latencyMicros: { p99: 150 }, stuck, undelivered: 7 } as LoadResult,
        }),
        turn('b', { ...withP99(1000), scenario: 't' }),
        turn('b', {
          scenario: 'u',
          connects: { failed: 3, failures: { 'no way in': 3 } } as unknown as ConnectResult,
        }),
      ]),
      scenarios: [
        { name: 's', purpose: 'p', metrics: ['latency-p99'] },
        { name: 't', purpose: 'p', metrics: ['rss', 'latency-p99'], baseline: 's' },
        { name: 'u', purpose: 'p', metrics: ['connects'] },
      ],
    };
    const text = formatComparison(file);
    expect(text).toMatch(/^\| from s to t +\|/m);
    expect(text).toContain('| 100 -> 150, x 1.50 | 200 -> 1,000, x 5.00 |');
    expect(text).toContain('- a: 1 of 2 left, 3 MiB sent, 7 of the other messages undelivered');
    expect(text).toContain('- b: 3 x no way in');
  });

  it('shows both brokers and says when turns were not clean', () => {
    const clean = formatComparison(fileOf(turns));
    expect(clean).toContain('| RSS MiB (less is better)');
    expect(clean).toContain('200 (100 to 300) | 50 (50 to 100) |  4.00 | 2.00 4.00 3.00 |');
    expect(clean).not.toContain('Not clean');
    const unsettled = turns.map((record, index) => ({ ...record, settled: index > 1 }));
    expect(formatComparison(fileOf(unsettled))).toContain('of 6 turns');
    expect(formatComparison(fileOf(unsettled))).toContain('2 began before');
  });
});
