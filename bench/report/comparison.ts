// The outcome of a comparison: the tables made from a file of bench/rivals. Harness and report
// processes, cold.
// Invariants: a ratio is always first broker over second, of medians, with the range of the pairs
// beside it; a metric that a scenario did not measure is left out, never shown as zero.
import { METRICS, MIB, type Metric } from './metrics.ts';
import { failureNote, noiseWarning, stuckNote } from './notes.ts';
import type { RivalsFile, ScenarioRecord } from './records.ts';
import { pairRatios, spread, type Spread } from './statistics.ts';
import { formatTable } from './table.ts';

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
  const ceilings = turns.filter(({ ceiling }) => ceiling !== undefined);
  if (ceilings.length === 0) return rows;
  const limits = ceilings.map(({ ceiling }) => ceiling!.bytesPerSecond / MIB);
  const { median, min, max } = spread(limits);
  const range = `${number(median, 0)} (${number(min, 0)} to ${number(max, 0)})`;
  const title = `of ${ceilings[0].broker.replace('-', ' ')}, ${range} MiB/s`;
  const parts = columnsOf(METRICS.bytes).map((column) => pairRatios(column, limits));
  return [...rows, compareColumns(title, 2, parts)];
}

function compareColumns(
  title: string,
  digits: number,
  columns: readonly (readonly number[])[],
): MetricComparison {
  const spreads = columns.map(spread);
  const [first, second] = spreads;
  const quotient = first && second ? first.median / second.median : Number.NaN;
  const ratio = Number.isFinite(quotient) ? quotient : undefined;
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
    const turns = file.turns.filter((turn) => turn.scenario === scenario.name);
    const notes = [
      againstBaseline(file, scenario),
      ...[failureNote, stuckNote, noiseWarning].map((note) => note(turns)),
    ];
    parts.push(...notes.filter((note) => note !== undefined));
  }
  return parts.join('\n\n');
}

/** The same figures with and without what makes this scenario different from its baseline. */
function againstBaseline(file: RivalsFile, scenario: ScenarioRecord): string | undefined {
  const baseline = file.scenarios.find(({ name }) => name === scenario.baseline);
  if (baseline === undefined) return undefined;
  const names = Object.keys(file.brokers);
  const without = compareScenario(file, baseline);
  const rows = compareScenario(file, scenario).flatMap((row) => {
    const before = without.find(({ title }) => title === row.title);
    if (before === undefined) return [];
    const cells = row.spreads.map(({ median: after, count }, index) => {
      const { median } = before.spreads[index];
      if (count === 0 || Number.isNaN(median)) return '-';
      const from = number(median, row.digits);
      return `${from} -> ${number(after, row.digits)}, x ${(after / median).toFixed(2)}`;
    });
    return [[row.title, ...cells]];
  });
  return formatTable([`from ${baseline.name} to ${scenario.name}`, ...names], rows);
}

function formatRow(row: MetricComparison): string[] {
  const cells = row.spreads.map(({ median, min, max, count }) =>
    count === 0
      ? '-'
      : `${number(median, row.digits)} (${number(min, row.digits)} to ${number(max, row.digits)})`,
  );
  if (row.ratio === undefined) return [row.title, ...cells];
  return [row.title, ...cells, ratioText(row.ratio), row.pairs.map(ratioText).join(' ')];
}

/** A hundredth is fine enough, but for ratios that are hardly more than that. */
function ratioText(ratio: number): string {
  return ratio > 0 && ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2);
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
