// The command lines of the generator and of the harness, and which wishes they refuse. Test
// process.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseEndpoint } from '../../../bench/load/connection.ts';
import { parseLoadOptions } from '../../../bench/load/options.ts';
import { loadArguments, parseRivalsOptions } from '../../../bench/rivals/options.ts';
import { SCENARIOS } from '../../../bench/rivals/scenarios.ts';
import { warrenmqCommand } from '../../../bench/rivals/warrenmq.ts';

function complaint(run: () => unknown): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(run).toThrow();
  return write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('parseLoadOptions', () => {
  it('has defaults for everything', () => {
    expect(parseLoadOptions([])).toMatchObject({
      url: 'amqp://guest:guest@127.0.0.1:5672',
      publishers: 1,
      consumers: 1,
      queues: 1,
      size: 16,
      confirmWindow: 0,
      rate: 0,
      warmup: 2,
      duration: 10,
      persistent: false,
      json: false,
    });
  });

  it('reads values and makes as many queues as the fan-out is wide', () => {
    const args = '--fanout 3 --consumers 3 --warmup 0.5 --ack-batch 10 --persistent'.split(' ');
    expect(parseLoadOptions(args)).toMatchObject({
      fanout: 3,
      queues: 3,
      warmup: 0.5,
      ackBatch: 10,
      persistent: true,
    });
  });

  it.each([
    ['--prefetch 10 --ack-batch 11', /never reached with --prefetch 10/],
    ['--max-backlog 10 --ack-batch 11', /never reached with --max-backlog 10/],
    ['--rate 100 --size 7', /raise --size/],
    ['--verify --size 15', /raise --size/],
    ['--verify --queues 2', /--consumers 2/],
    ['--prefetch 65536', /16-bit/],
    ['--queues 0', /at least 1/],
    ['--duration 0', /over 0/],
    ['--size -1', /whole number/],
    ['--size 1e3', /whole number/],
    ['--warmup soon', /seconds/],
    ['--churn --connect-rate 5', /--connect-rate and --churn are modes of their own/],
    ['--churn --stuck-consumers 1', /beside the ordinary load/],
    ['--churn --workers 0', /--workers must be at least 1/],
    ['--pipeline-stages 3', /--prefetch bodies: set it/],
    ['--pipeline-stages 3 --prefetch 4', /--max-backlog/],
    ['--pipeline-stages 3 --prefetch 4 --max-backlog 9 --size 15', /at least 16/],
    ['--pipeline-stages 3 --prefetch 4 --max-backlog 9 --rate 5', /no --rate/],
    ['--pipeline-stages 3 --prefetch 4 --max-backlog 9 --exchange e', /no --exchange/],
    ['--pipeline-stages 3 --prefetch 4 --max-backlog 9 --consumers 0', /both ends/],
  ])('refuses %s', (args, words) => {
    expect(complaint(() => parseLoadOptions(args.split(' ')))).toMatch(words);
  });

  it('takes every scenario', () => {
    for (const scenario of SCENARIOS) {
      expect(() => parseLoadOptions(scenario.load), scenario.name).not.toThrow();
    }
  });
});

describe('parseEndpoint', () => {
  it('reads all parts and fills in the defaults', () => {
    expect(parseEndpoint('amqp://u%40x:p%2F@localhost:99/a%2Fb')).toEqual({
      host: 'localhost',
      port: 99,
      user: 'u@x',
      password: 'p/',
      vhost: 'a/b',
    });
    expect(parseEndpoint('amqp://[::1]')).toEqual({
      host: '::1',
      port: 5672,
      user: 'guest',
      password: 'guest',
      vhost: '/',
    });
    expect(() => parseEndpoint('amqps://localhost')).toThrow(/amqp:/);
  });
});

describe('parseRivalsOptions', () => {
  it('takes all scenarios or the named ones in their order', () => {
    expect(parseRivalsOptions([]).scenarios).toEqual(SCENARIOS);
    const { scenarios } = parseRivalsOptions(['--scenarios', 'latency-20k,auto-ack-16']);
    expect(scenarios.map(({ name }) => name)).toEqual(['latency-20k', 'auto-ack-16']);
    const sweep = parseRivalsOptions(['--scenarios', 'size-*']).scenarios;
    expect(sweep.map(({ load }) => Number(load[1]))).toEqual([
      16, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ]);
  });

  it('keeps about 100 MiB of a size sweep on its way', () => {
    for (const { load } of parseRivalsOptions(['--scenarios', 'size-*']).scenarios) {
      const { size, maxBacklog } = parseLoadOptions(load);
      if (size < 16_384) continue;
      expect(maxBacklog).toBeGreaterThan(0);
      expect(size * maxBacklog).toBeLessThanOrEqual(128 * 1024 * 1024);
    }
  });

  it.each([
    ['--scenarios auto-nack', /auto-ack-16/],
    ['--repeats 0', /1 or more/],
    ['--only lavinmq', /warrenmq or rabbitmq/],
  ])('refuses %s', (args, words) => {
    expect(complaint(() => parseRivalsOptions(args.split(' ')))).toMatch(words);
  });

  it('shrinks everything with --tiny', () => {
    const options = parseRivalsOptions(['--tiny']);
    expect(options.repeats).toBe(1);
    const idle = SCENARIOS.find(({ name }) => name === 'idle-5000')!;
    expect(parseLoadOptions(loadArguments(options, idle))).toMatchObject({
      idleConnections: 20,
      duration: 0.3,
    });
  });
});

describe('warrenmqCommand', () => {
  it('appends the usual flags, then those of the scenario', () => {
    expect(warrenmqCommand('broker run', 99, 'some dir', ['--set', 'a=b c'])).toBe(
      "exec broker run --port 99 --data-dir 'some dir' --management-port 0 --set 'a=b c'",
    );
  });

  it('fills in a command that has its own idea of flags', () => {
    expect(warrenmqCommand('broker -p {port} -d {dataDir}', 99, 'dir', [])).toBe(
      'exec broker -p 99 -d dir',
    );
  });
});
