// The figures that a comparison can show: their titles and where a turn has them. Harness and
// report processes, cold.
// Invariant: a figure that a turn did not measure is undefined, never zero.
import type { LatencySummary } from '../load/histogram.ts';
import type { LoadResult } from '../load/result.ts';
import type { TurnRecord } from './records.ts';

export type MetricName =
  | 'published'
  | 'delivered'
  | 'bytes'
  | 'confirmed'
  | 'cpu-per-message'
  | 'rss'
  | 'latency-p50'
  | 'latency-p99'
  | 'latency-p999'
  | 'confirm-p50'
  | 'confirm-p99'
  | 'rss-per-connection'
  | 'connects'
  | 'handshake-p50'
  | 'handshake-p99'
  | 'cpu-per-connection'
  | 'churn-connection'
  | 'churn-channel'
  | 'churn-queue'
  | 'churn-binding'
  | 'churn-consumer'
  | 'churn-publish';

export interface Metric {
  readonly title: string;
  readonly digits: number;
  valueOf(turn: TurnRecord): number | undefined;
}

const KIB = 1024;
export const MIB = 1024 * 1024;

export const METRICS: Readonly<Record<MetricName, Metric>> = {
  published: rate('published/s', (load) => load.publishedPerSecond),
  delivered: rate('delivered/s', (load) => load.deliveredPerSecond),
  bytes: {
    title: 'delivered MiB/s',
    digits: 1,
    valueOf: (turn) => turn.load && turn.load.deliveredBytesPerSecond / MIB,
  },
  confirmed: rate('confirmed/s', (load) => load.confirmedPerSecond),
  'cpu-per-message': {
    title: 'broker CPU us/message (less is better)',
    digits: 2,
    valueOf: (turn) => turn.cpuMicrosPerMessage,
  },
  rss: { title: 'RSS MiB (less is better)', digits: 0, valueOf: (turn) => turn.rssBytes / MIB },
  'latency-p50': latency('latency p50 us (less is better)', (summary) => summary.p50),
  'latency-p99': latency('latency p99 us (less is better)', (summary) => summary.p99),
  'latency-p999': latency('latency p99.9 us (less is better)', (summary) => summary.p999),
  'confirm-p50': confirmLatency('confirm p50 us (less is better)', ({ p50 }) => p50),
  'confirm-p99': confirmLatency('confirm p99 us (less is better)', ({ p99 }) => p99),
  'rss-per-connection': {
    title: 'RSS KiB/connection (less is better)',
    digits: 1,
    valueOf: (turn) =>
      turn.idleConnections && (turn.rssBytes - turn.rssBytesBefore) / KIB / turn.idleConnections,
  },
  connects: {
    title: 'connections opened/s',
    digits: 0,
    valueOf: ({ connects }) => connects?.openedPerSecond,
  },
  'handshake-p50': handshake('handshake p50 us (less is better)', ({ p50 }) => p50),
  'handshake-p99': handshake('handshake p99 us (less is better)', ({ p99 }) => p99),
  'cpu-per-connection': {
    title: 'broker CPU us/connection (less is better)',
    digits: 0,
    valueOf: ({ connects, cpuSeconds }) => connects && (cpuSeconds * 1e6) / connects.opened,
  },
  'churn-connection': churn('connect and close', 'connection'),
  'churn-channel': churn('channel open and close', 'channel'),
  'churn-queue': churn('queue declare and delete', 'queue'),
  'churn-binding': churn('bind and unbind', 'binding'),
  'churn-consumer': churn('consume and cancel', 'consumer'),
  'churn-publish': churn('16 B to 1 MiB there and back', 'publish'),
};

function rate(title: string, valueOf: (load: LoadResult) => number): Metric {
  return { title, digits: 0, valueOf: (turn) => turn.load && valueOf(turn.load) };
}

function latency(
  title: string,
  valueOf: (summary: NonNullable<LoadResult['latencyMicros']>) => number,
): Metric {
  return {
    title,
    digits: 0,
    valueOf: (turn) => turn.load?.latencyMicros && valueOf(turn.load.latencyMicros),
  };
}

function confirmLatency(title: string, valueOf: (summary: LatencySummary) => number): Metric {
  return {
    title,
    digits: 0,
    valueOf: ({ load }) => load?.confirmLatencyMicros && valueOf(load.confirmLatencyMicros),
  };
}

function handshake(title: string, valueOf: (summary: LatencySummary) => number): Metric {
  return {
    title,
    digits: 0,
    valueOf: ({ connects }) => connects && valueOf(connects.handshakeMicros),
  };
}

function churn(what: string, kind: string): Metric {
  return {
    title: `${what}, per second`,
    digits: 0,
    valueOf: (turn) => turn.churn?.operations[kind]?.perSecond,
  };
}
