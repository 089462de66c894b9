// The outcome of a comparison: the file format of bench/rivals and the tables made from it. Harness
// and report processes, cold.
// Invariants: a ratio is always first broker over second, of medians, with the range of the pairs
// beside it; a metric that a scenario did not measure is left out, never shown as zero.
import type { CeilingResult } from '../ceilings/raw-load.ts';
import type { LoadResult } from '../load/result.ts';
import type { MetricName } from '../rivals/scenarios.ts';
import { pairRatios, spread, type Spread } from './statistics.ts';
import { formatTable } from './table.ts';

export interface TurnRecord {
  readonly scenario: string;
  readonly broker: string;
  /** Whether all brokers were idle when the turn began. */
  readonly settled: boolean;
  readonly cpuSeconds: number;
  readonly cpuMicrosPerMessage: number | undefined;
  readonly rssBytes: number;
  readonly rssBytesBefore: number;
  /** Processor time that neither the broker nor the generator used: noise. */
  readonly otherCores: number;
  readonly load: LoadResult | undefined;
  readonly idleConnections: number | undefined;
  /** Only of the raw relay, which is no broker. */
  readonly ceiling?: CeilingResult;
}

export interface ScenarioRecord {
  readonly name: string;
  readonly purpose: string;
  readonly metrics: readonly MetricName[];
}

export interface RivalsFile {
  readonly startedAt: string;
  readonly commit: string;
  readonly machine: string;
  readonly node: string;
  /** Name to product and version, in the order of the turns. */
  readonly brokers: Readonly<Record<string, string>>;
  readonly scenarios: readonly ScenarioRecord[];
  readonly turns: readonly TurnRecord[];
}

interface Metric {
  readonly title: string;
  readonly digits: number;
  valueOf(turn: TurnRecord): number | undefined;
}

const KIB = 1024;
const MIB = 1024 * 1024;

const METRICS: Readonly<Record<MetricName, Metric>> = {
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
  'rss-per-connection': {
    title: 'RSS KiB/connection (less is better)',
    digits: 1,
    valueOf: (turn) =>
      turn.idleConnections && (turn.rssBytes - turn.rssBytesBefore) / KIB / turn.idleConnections,
  },
};

/** A row of the comparison: both spreads, the ratio of medians and the ratios of the pairs. */
export interface MetricComparison {
  readonly title: string;
  readonly digits: number;
  readonly spreads: readonly Spread[];
  readonly ratio: number | undefined;
  readonly pairs: readonly number[];
}

export function compareScenario(
  file: RivalsFile,
  scenario: ScenarioRecord,
): readonly MetricComparison[] {
  const turns = file.turns.filter((turn) => turn.scenario === scenario.name);
  const columnsOf = (metric: Metric): number[][] =>
    Object.keys(file.brokers).map((broker) =>
      turns
        .filter((turn) => turn.broker === broker)
        .map((turn) => metric.valueOf(turn))
        .filter((value) => value !== undefined),
    );
  const rows = scenario.metrics.map((name) =>
    compareColumns(METRICS[name].title, METRICS[name].digits, columnsOf(METRICS[name])),
  );
  const relay = turns.flatMap(({ ceiling }) => (ceiling ? [ceiling.bytesPerSecond / MIB] : []));
  if (relay.length === 0) return rows;
  const { median, min, max } = spread(relay);
  const title = `of raw relay, ${number(median, 0)} (${number(min, 0)} to ${number(max, 0)}) MiB/s`;
  const parts = columnsOf(METRICS.bytes).map((column) => pairRatios(column, relay));
  return [...rows, compareColumns(title, 2, parts)];
}

function compareColumns(
  title: string,
  digits: number,
  columns: readonly (readonly number[])[],
): MetricComparison {
  const spreads = columns.map(spread);
  const [first, second] = spreads;
  const ratio = first && second && first.median / second.median;
  const pairs = columns.length === 2 ? pairRatios(columns[0], columns[1]) : [];
  return { title, digits, spreads, ratio, pairs };
}

/** The whole file as Markdown. */
export function formatComparison(file: RivalsFile): string {
  const names = Object.keys(file.brokers);
  const products = names.map((name) => `${name} = ${file.brokers[name]}`).join(', ');
  const parts = [`${file.startedAt}, ${file.machine}, Node ${file.node}, ${products}`];
  for (const scenario of file.scenarios) {
    const comparisons = compareScenario(file, scenario);
    const head = ['median (min to max)', ...names];
    if (names.length === 2) head.push('ratio', 'pairs');
    const rows = comparisons.map(formatRow);
    parts.push(`### ${scenario.name}`, scenario.purpose, formatTable(head, rows));
    const warning = noiseWarning(file.turns.filter((turn) => turn.scenario === scenario.name));
    if (warning !== undefined) parts.push(warning);
  }
  return parts.join('\n\n');
}

function formatRow(row: MetricComparison): string[] {
  const cells = row.spreads.map(({ median, min, max, count }) =>
    count === 0
      ? '-'
      : `${number(median, row.digits)} (${number(min, row.digits)} to ${number(max, row.digits)})`,
  );
  if (row.ratio === undefined) return [row.title, ...cells];
  const pairs = row.pairs.map((ratio) => ratio.toFixed(2)).join(' ');
  return [row.title, ...cells, row.ratio.toFixed(2), pairs];
}

const OTHER_CORES_MAX = 0.1;

function noiseWarning(turns: readonly TurnRecord[]): string | undefined {
  // The generator's own part is unknown while it only holds idle connections.
  const noisy = turns.filter(
    (turn) => turn.idleConnections === undefined && turn.otherCores > OTHER_CORES_MAX,
  ).length;
  const unsettled = turns.filter((turn) => !turn.settled).length;
  const blocked = turns.filter((turn) => (turn.load?.blocked ?? 0) > 0).length;
  if (noisy + unsettled + blocked === 0) return undefined;
  return (
    `Not clean: of ${turns.length} turns, ${noisy} had over ${OTHER_CORES_MAX} cores of other ` +
    `work on the machine, ${unsettled} began before the brokers were idle, ${blocked} met an alarm.`
  );
}

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

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
