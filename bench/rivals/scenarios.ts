// The scenarios, as data: what the generator is asked to do, what WarrenMQ is started with, and
// which figures tell the story. Harness process, cold.
// Invariant: a scenario asks the same of every broker; only `warrenmqFlags` may differ, and then
// WarrenMQ gets an instance of its own for it. Durations come from the command line.
import { InvalidArgumentError } from 'commander';
import type { MetricName } from '../report/metrics.ts';

/** The raw relay with bodies of a size, or sequential writes to disk. */
export type Ceiling = { readonly of: 'relay'; readonly bytes: number } | { readonly of: 'disk' };

export interface Scenario {
  readonly name: string;
  readonly purpose: string;
  /** Arguments of bench/load/main.ts, without address, durations and output. */
  readonly load: readonly string[];
  readonly metrics: readonly MetricName[];
  readonly warrenmqFlags: readonly string[];
  /** Each turn starts and stops its own broker, because memory once grown is not given back. */
  readonly freshBrokers: boolean;
  /** For --ceiling: what the machine allows, measured once with each pair. */
  readonly ceiling: Ceiling | undefined;
  /** The scenario that this one is like, but for one thing: the report sets them together. */
  readonly baseline: string | undefined;
}

const KIB = 1024;
const MIB = 1024 * 1024;
/** Smaller bodies cost by the message, not by the byte: no ceiling says anything about them. */
const CEILING_BYTES_MIN = 16 * KIB;

const RATES: readonly MetricName[] = ['published', 'delivered', 'cpu-per-message', 'rss'];
const BYTES: readonly MetricName[] = ['bytes', ...RATES];
const LATENCIES: readonly MetricName[] = ['latency-p50', 'latency-p99', 'latency-p999'];
const CONFIRM_LATENCIES: readonly MetricName[] = ['confirm-p50', 'confirm-p99'];
const EIGHT = '--queues 8 --publishers 8 --consumers 8';

/**
 * Body sizes, and how many may be unconsumed: about 100 MiB, because RabbitMQ stops publishers when
 * memory runs low. Small bodies go flat out.
 */
const SIZES: readonly [name: string, bytes: number, backlogMax: number][] = [
  ['16', 16, 0],
  ['1k', KIB, 0],
  ['4k', 4 * KIB, 0],
  ['16k', 16 * KIB, 4000],
  ['64k', 64 * KIB, 1600],
  ['256k', 256 * KIB, 400],
  ['1m', MIB, 100],
  ['4m', 4 * MIB, 25],
  ['16m', 16 * MIB, 8],
];

export const SCENARIOS: readonly Scenario[] = [
  scenario(
    'auto-ack-16',
    '16-byte transient messages, one queue, no acks: the cost of a message',
    '--size 16',
    RATES,
  ),
  scenario(
    'prefetch1000-ack100-16',
    'the same with prefetch 1000 and an ack per 100, publisher flat out: fairness',
    '--size 16 --prefetch 1000 --ack-batch 100',
    RATES,
  ),
  scenario('auto-ack-1k', '1 KiB bodies', '--size 1024', RATES),
  scenario(
    'eight-queues-shards-1',
    'eight independent queues, WarrenMQ with one shard',
    EIGHT,
    RATES,
    {
      warrenmqFlags: ['--set', 'shards=1'],
    },
  ),
  scenario(
    'eight-queues-shards-2',
    'eight independent queues, WarrenMQ with two shards',
    EIGHT,
    RATES,
    {
      warrenmqFlags: ['--set', 'shards=2'],
    },
  ),
  durableScenario('16', 16, 10_000),
  durableScenario('1k', KIB, 10_000),
  durableScenario('1m', MIB, 100),
  scenario(
    'durable-latency-5k',
    '5,000 persistent messages of 1 KiB a second, open loop, confirmed: how long a message takes',
    '--persistent --durable --size 1024 --rate 5000 --confirm-window 20000 --prefetch 1000 ' +
      '--ack-batch 100',
    ['delivered', 'confirmed', ...LATENCIES, ...CONFIRM_LATENCIES, 'cpu-per-message', 'rss'],
  ),
  scenario(
    'latency-20k',
    'open loop at 20,000 messages a second: how long a message takes',
    '--rate 20000',
    ['delivered', ...LATENCIES, 'cpu-per-message', 'rss'],
  ),
  scenario(
    'latency-20k-stuck',
    'the same beside two consumers that never read and are sent 64 MiB: what the others feel',
    '--rate 20000 --stuck-consumers 2',
    ['delivered', ...LATENCIES, 'cpu-per-message', 'rss'],
    { baseline: 'latency-20k' },
  ),
  ...SIZES.map(([name, bytes, backlogMax]) => sizeScenario(name, bytes, backlogMax)),
  scenario(
    'fanout-10-1k',
    'one publisher, a fanout exchange, ten queues with a consumer each, 1 KiB bodies',
    '--size 1024 --fanout 10 --consumers 10 --max-backlog 5000',
    BYTES,
  ),
  scenario(
    'pipeline-3x256k',
    '256 KiB bodies through three queues, two workers from each to the next, checksums at the end',
    '--pipeline-stages 3 --workers 2 --prefetch 8 --size 262144 --max-backlog 64',
    BYTES,
  ),
  scenario(
    'idle-5000',
    '5,000 idle connections with a channel each: memory per connection',
    '--idle-connections 5000',
    ['rss-per-connection', 'rss'],
    { freshBrokers: true },
  ),
  scenario(
    'idle-10000',
    '10,000 idle connections with a channel each: memory per connection',
    '--idle-connections 10000',
    ['rss-per-connection', 'rss'],
    { freshBrokers: true },
  ),
  scenario(
    'connect-1000',
    '1,000 connections a second, opened by the clock, held for 0.1 s and closed',
    '--connect-rate 1000',
    ['connects', 'handshake-p50', 'handshake-p99', 'cpu-per-connection', 'rss'],
  ),
  scenario(
    'churn',
    'connections, channels, queues, bindings, consumers and bodies that come and go all at once',
    '--churn --workers 2',
    [
      'churn-connection',
      'churn-channel',
      'churn-queue',
      'churn-binding',
      'churn-consumer',
      'churn-publish',
      'rss',
    ],
  ),
];

/** The scenarios named in a comma-separated list, in that order; all of them when it is empty. */
export function chooseScenarios(names: string): readonly Scenario[] {
  if (names === '') return SCENARIOS;
  return names.split(',').flatMap((name) => {
    const matching = SCENARIOS.filter((candidate) => matches(candidate.name, name.trim()));
    if (matching.length > 0) return matching;
    const known = SCENARIOS.map((candidate) => candidate.name).join(', ');
    throw new InvalidArgumentError(`There is no ${name}; there are ${known}.`);
  });
}

/** `size-*` stands for all whose names start with `size-`. */
function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function scenario(
  name: string,
  purpose: string,
  load: string,
  metrics: readonly MetricName[],
  differences: Partial<Scenario> = {},
): Scenario {
  const usual = {
    warrenmqFlags: [],
    freshBrokers: false,
    ceiling: undefined,
    baseline: undefined,
  };
  return { name, purpose, load: load.split(' '), metrics, ...usual, ...differences };
}

function ceilingFor(bytes: number, ceiling: Ceiling): Ceiling | undefined {
  return bytes >= CEILING_BYTES_MIN ? ceiling : undefined;
}

/** RabbitMQ's classic queue confirms before anything is synced, WarrenMQ after (its default). */
function durableScenario(name: string, bytes: number, backlogMax: number): Scenario {
  return scenario(
    `durable-${name}`,
    `persistent messages of ${bytes} bytes, 2000 unconfirmed at most, prefetch 1000, ack per 100`,
    `--persistent --durable --size ${bytes} --confirm-window 2000 --prefetch 1000 ` +
      `--ack-batch 100 --max-backlog ${backlogMax}`,
    ['confirmed', ...BYTES],
    { ceiling: ceilingFor(bytes, { of: 'disk' }) },
  );
}

function sizeScenario(name: string, bytes: number, backlogMax: number): Scenario {
  const limit = backlogMax > 0 ? ` --max-backlog ${backlogMax}` : '';
  const purpose = `size sweep: bodies of ${bytes} bytes, one queue, no acks`;
  return scenario(`size-${name}`, purpose, `--size ${bytes}${limit}`, BYTES, {
    ceiling: ceilingFor(bytes, { of: 'relay', bytes }),
  });
}
