// The scenarios, as data: what the generator is asked to do, what WarrenMQ is started with, and
// which figures tell the story. Harness process, cold.
// Invariant: a scenario asks the same of every broker; only `warrenmqFlags` may differ, and then
// WarrenMQ gets an instance of its own for it. Durations come from the command line.
import { InvalidArgumentError } from 'commander';

export type MetricName =
  | 'published'
  | 'delivered'
  | 'confirmed'
  | 'cpu-per-message'
  | 'rss'
  | 'latency-p50'
  | 'latency-p99'
  | 'latency-p999'
  | 'rss-per-connection';

export interface Scenario {
  readonly name: string;
  readonly purpose: string;
  /** Arguments of bench/load/main.ts, without address, durations and output. */
  readonly load: readonly string[];
  readonly warrenmqFlags: readonly string[];
  /** Each turn starts and stops its own broker, because memory once grown is not given back. */
  readonly freshBrokers: boolean;
  readonly metrics: readonly MetricName[];
}

const RATES: readonly MetricName[] = ['published', 'delivered', 'cpu-per-message', 'rss'];
const EIGHT = ['--queues', '8', '--publishers', '8', '--consumers', '8'];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'auto-ack-16',
    purpose: '16-byte transient messages, one queue, no acks: the cost of a message',
    load: ['--size', '16'],
    warrenmqFlags: [],
    freshBrokers: false,
    metrics: RATES,
  },
  {
    name: 'prefetch1000-ack100-16',
    purpose: 'the same with prefetch 1000 and an ack per 100, publisher flat out: fairness',
    load: ['--size', '16', '--prefetch', '1000', '--ack-batch', '100'],
    warrenmqFlags: [],
    freshBrokers: false,
    metrics: RATES,
  },
  {
    name: 'auto-ack-1k',
    purpose: '1 KiB bodies',
    load: ['--size', '1024'],
    warrenmqFlags: [],
    freshBrokers: false,
    metrics: RATES,
  },
  {
    name: 'eight-queues-shards-1',
    purpose: 'eight independent queues, WarrenMQ with one shard',
    load: EIGHT,
    warrenmqFlags: ['--set', 'shards=1'],
    freshBrokers: false,
    metrics: RATES,
  },
  {
    name: 'eight-queues-shards-2',
    purpose: 'eight independent queues, WarrenMQ with two shards',
    load: EIGHT,
    warrenmqFlags: ['--set', 'shards=2'],
    freshBrokers: false,
    metrics: RATES,
  },
  {
    name: 'persistent-confirm-16',
    purpose: 'persistent messages to a durable queue, 1000 unconfirmed at most',
    load: ['--persistent', '--durable', '--confirm-window', '1000', '--max-backlog', '10000'],
    warrenmqFlags: [],
    freshBrokers: false,
    metrics: ['confirmed', 'delivered', 'cpu-per-message', 'rss'],
  },
  {
    name: 'latency-20k',
    purpose: 'open loop at 20,000 messages a second: how long a message takes',
    load: ['--rate', '20000'],
    warrenmqFlags: [],
    freshBrokers: false,
    metrics: ['delivered', 'latency-p50', 'latency-p99', 'latency-p999', 'cpu-per-message', 'rss'],
  },
  {
    name: 'idle-5000',
    purpose: '5,000 idle connections with a channel each: memory per connection',
    load: ['--idle-connections', '5000'],
    warrenmqFlags: [],
    freshBrokers: true,
    metrics: ['rss-per-connection', 'rss'],
  },
];

/** The scenarios named in a comma-separated list, in that order; all of them when it is empty. */
export function chooseScenarios(names: string): readonly Scenario[] {
  if (names === '') return SCENARIOS;
  return names.split(',').map((name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name.trim());
    if (scenario !== undefined) return scenario;
    const known = SCENARIOS.map((candidate) => candidate.name).join(', ');
    throw new InvalidArgumentError(`There is no ${name}; there are ${known}.`);
  });
}
