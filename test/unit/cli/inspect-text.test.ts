// How a report of `warrenmq inspect` reads.
import { describe, expect, it } from 'vitest';
import { ProgressBar } from '../../../src/cli/inspect/progress-bar.ts';
import { reportText } from '../../../src/cli/inspect/report-text.ts';
import type { InspectReport, LogReport, SegmentReport } from '../../../src/cli/inspect/report.ts';
import { fakeTerminal } from './fake-terminal.ts';

const MIB = 1024 * 1024;

function segment(number: number, more: Partial<SegmentReport> = {}): SegmentReport {
  return {
    number,
    file: `shards/000/${String(number).padStart(16, '0')}.seg`,
    fileBytes: MIB,
    recordBytes: 2048,
    records: { PUBLISH: 1200, ACK: 34, PACKED: 7 },
    corrupt: [],
    end: 4096,
    ...more,
  };
}

function shardLog(more: Partial<LogReport> = {}): LogReport {
  return {
    name: 'shards/000',
    storeId: 'abc123',
    epoch: 2,
    segmentBytes: MIB,
    segments: [segment(1)],
    checkpoints: [],
    spareSegments: 2,
    quarantined: 0,
    diskBytes: 3 * MIB,
    isStoppedCleanly: true,
    ...more,
  };
}

function report(more: Partial<InspectReport> = {}): InspectReport {
  return {
    directory: '/srv/data',
    format: 1,
    logs: [shardLog()],
    topology: {
      vhosts: 1,
      queues: 2,
      exchanges: 0,
      bindings: 1,
      parameters: 0,
      users: ['guest'],
      problems: [],
    },
    queues: [],
    depots: [],
    listings: [],
    totals: {
      messages: 1000,
      liveBytes: MIB,
      deadBytes: 0,
      diskBytes: 3 * MIB,
      amplification: 3,
      records: 1234,
      files: 1,
    },
    findings: [],
    ...more,
  };
}

it('is short, aligned, and ends with the verdict', () => {
  const queues = [
    { name: 'a', vhost: '/', id: 1, log: 'shards/000', messages: 0, bytes: 0, records: 0 },
    {
      name: 'orders',
      vhost: '/',
      id: 12,
      log: 'shards/000',
      messages: 1000,
      bytes: MIB,
      records: 1207,
      from: 200,
      to: 1199,
    },
  ];
  expect(reportText(report({ queues }))).toBe(
    [
      '/srv/data: format 1, not in use',
      '',
      'shards/000: store abc123, opened 2 times, segments of 1 MiB, 2 spares, stopped in order',
      '  segment  records  bytes  PUBLISH  ACK  PACKED',
      '        1    1,234  2 KiB    1,200   34       7',
      '',
      'what is declared: 1 virtual host, 2 durable queues, 0 exchanges besides the predeclared, ' +
        '1 binding',
      '  users: guest',
      '',
      'queues',
      '  queue   vhost  id  log         messages    bytes  records  numbers',
      '  a       /       1  shards/000         0  0 bytes        0  -',
      '  orders  /      12  shards/000     1,000    1 MiB    1,207  200..1199',
      '',
      'live: 1,000 messages, 1 MiB; dead: 0 bytes; on disk: 3 MiB, 3 times the live bytes',
      '',
      'All is well: 1,234 records in 1 file check out.',
      '',
    ].join('\n'),
  );
});

it('says what is wrong, where, and what to do', () => {
  const corrupt = [{ from: 4096, to: 4232 }];
  const findings = [
    { file: segment(1).file, from: 4096, to: 4232, text: '136 bytes are corrupt' },
    { file: 'shards/001', text: 'no segment can be read' },
  ];
  const text = reportText(
    report({ logs: [shardLog({ segments: [segment(1, { corrupt })] })], findings }),
  );
  expect(text).toContain('CORRUPT in 1 place');
  expect(text).toContain('Something is wrong in 2 places:\n');
  expect(text).toContain('  shards/000/0000000000000001.seg, offset 4096 to 4232: 136 bytes are');
  expect(text).toContain('  shards/001: no segment can be read\n');
  expect(text).toContain('Keep a copy');
  expect(text).not.toContain('All is well');
});

it('says that a broker runs, and then calls nothing cut off', () => {
  const inUse = { pid: 4711, since: '2026-01-01T00:00:00.000Z' };
  const logs = [shardLog({ segments: [segment(1, { tornAt: 4096 })], isStoppedCleanly: false })];
  const running = reportText(report({ inUse, logs }));
  expect(running).toContain('in use by process 4711');
  expect(running).toContain('may change underneath');
  expect(running).toContain('being written at 4096');
  expect(running).not.toContain('not stopped in order');
  expect(reportText(report({ logs }))).toContain('cut off by a crash at 4096');
});

it('hides old segments without remarks', () => {
  const segments = Array.from({ length: 30 }, (_value, index) =>
    segment(index + 1, index === 4 ? { corrupt: [{ from: 8, to: 16 }] } : {}),
  );
  const text = reportText(report({ logs: [shardLog({ segments })] }));
  const numbers = [...text.matchAll(/^ +(\d+) +1,234 /gmu)].map((match) => Number(match[1]));
  expect(numbers).toEqual([5, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
  expect(text).toContain('19 older segments without remarks');
});

it('lets no name steer the terminal', () => {
  const name = 'a\u001b[2Jb\nc\u202ed';
  const queues = [{ name, vhost: '/', id: 1, log: 'x', messages: 0, bytes: 0, records: 0 }];
  expect(reportText(report({ queues }))).toContain('a\\u{1b}[2Jb\\u{a}c\\u{202e}d');
});

it('of a queue shows its messages and little else', () => {
  const listed = [
    { number: 5, segment: 1, offset: 128, inner: 64, bytes: 20, isPersistent: true, deliveries: 2 },
  ];
  const queue = { id: 9, log: '.', messages: 3, bytes: 60, records: 3, from: 5, to: 7, listed };
  const text = reportText(report({ queues: [queue] }));
  expect(text).toMatch(/^messages of queue 9, oldest first$/mu);
  expect(text).toMatch(/^ +5 +1 +128 \+ 64 +20 +yes +2$/mu);
  expect(text).toContain('... and 2 more');
  expect(text).not.toContain('store abc123');
});

describe('the progress bar', () => {
  it('redraws at most ten times a second and goes away', () => {
    const terminal = fakeTerminal();
    const bar = new ProgressBar(terminal);
    bar.show(1, 10);
    expect(terminal.said.error).toBe('');
    terminal.nowMillis = 100;
    bar.show(5, 10);
    bar.show(6, 10);
    expect(terminal.said.error).toBe(
      `\rchecking [${'#'.repeat(15)}${'.'.repeat(15)}] 5 of 10 files`,
    );
    bar.clear();
    expect(terminal.said.error.endsWith('\r\u001b[K')).toBe(true);
  });

  it('that was never drawn leaves no trace', () => {
    const terminal = fakeTerminal();
    new ProgressBar(terminal).clear();
    expect(terminal.said.error).toBe('');
  });

  it('shows what waits in depots, and whose they are', () => {
    const depot = {
      name: 'delayed/7',
      queueId: 7,
      queue: 'amq.delayed.later',
      vhost: '/',
      isOrphan: false,
      messages: 1200,
      bytes: 2048,
      firstDue: Date.UTC(2027, 0, 2),
      files: [
        {
          file: 'delayed/7/30-1676-12.msgs',
          from: Date.UTC(2027, 0, 1),
          to: Date.UTC(2027, 0, 13),
          fileBytes: 4096,
          entries: 1210,
          messages: 1200,
          bytes: 2048,
          firstDue: Date.UTC(2027, 0, 2),
          corrupt: [],
        },
      ],
      deadFiles: ['24-1-1.msgs'],
      asideFiles: [],
      doneDamage: [],
    };
    const lost = { ...depot, name: 'delayed/8', queueId: 8, isOrphan: true, files: [] };
    const { queue: _queue, vhost: _vhost, ...orphan } = lost;
    const text = reportText(report({ depots: [depot, orphan] }));
    expect(text).toContain(
      'delayed/7: amq.delayed.later in /: 1,200 delayed messages, 2 KiB, ' +
        'the first due at 2027-01-02T00:00:00.000Z',
    );
    expect(text).toMatch(/2027-01-01T00:00:00.000Z +2027-01-13T00:00:00.000Z +1,200 +10 +4 KiB/u);
    expect(text).toContain('1 file that a start removes');
    expect(text).toContain('delayed/8: queue 8, which is no more: a start removes it');
  });
});
