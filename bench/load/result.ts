// What a run came to, as data and as a table. Generator's process and the rivals harness, cold.
// Invariants: rates are over the measured window only and use its real length; latencies are whole
// microseconds; a figure that was not measured is absent, never zero.
import { formatTable } from '../report/table.ts';
import type { LatencySummary } from './histogram.ts';
import type { LoadOptions } from './options.ts';

const MIB = 1024 * 1024;

export interface SecondSample {
  readonly publishedPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly confirmedPerSecond: number;
}

export interface VerifyResult {
  readonly correct: boolean;
  readonly published: number;
  readonly expected: number;
  readonly received: number;
  readonly missing: number;
  readonly repeated: number;
  readonly unknown: number;
}

/** What every run that moves messages counts, over the measured window. */
export interface LoadRates {
  readonly options: LoadOptions;
  readonly seconds: number;
  readonly published: number;
  readonly delivered: number;
  /** Of bodies. */
  readonly deliveredBytes: number;
  readonly confirmed: number;
  readonly publishedPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly deliveredBytesPerSecond: number;
  readonly confirmedPerSecond: number;
  /** Processor time of this program in the window, and the same per message sent or received. */
  readonly generatorCpuSeconds: number;
  readonly generatorCpuMicrosPerMessage: number;
  readonly perSecond: readonly SecondSample[];
}

/** What became of the messages of a pipeline. */
export interface PipelineResult {
  readonly correct: boolean;
  readonly stages: number;
  readonly sent: number;
  readonly corrupt: number;
  readonly duplicated: number;
  readonly lost: number;
}

/** How the consumers that never read stood at the end. */
export interface StuckResult {
  readonly consumers: number;
  /** Those that the broker has not dropped. */
  readonly consumersLeft: number;
  readonly publishedBytes: number;
  readonly readyMessages: number;
}

export interface LoadResult extends LoadRates {
  readonly nacked: number;
  /** How often the broker announced connection.blocked: over 0, the rates are of an alarm. */
  readonly blocked: number;
  readonly latencyMicros?: LatencySummary;
  readonly confirmLatencyMicros?: LatencySummary;
  /** How late the generator itself sent: the floor under the latencies above. */
  readonly sendLagMicros?: LatencySummary;
  /** Open loop: due in the window but not received by the end of the drain. */
  readonly undelivered?: number;
  readonly verify?: VerifyResult;
  readonly pipeline?: PipelineResult;
  readonly stuck?: StuckResult;
}

export interface IdleResult {
  readonly options: LoadOptions;
  readonly idleConnections: number;
  readonly openSeconds: number;
}

export interface ConnectResult {
  readonly options: LoadOptions;
  readonly seconds: number;
  /** Due in the window. */
  readonly attempted: number;
  /** Opened in the window, whenever they were due. */
  readonly opened: number;
  readonly openedPerSecond: number;
  readonly generatorCpuSeconds: number;
  /** From when a connection was due until its channel was open. */
  readonly handshakeMicros: LatencySummary;
  /** In the whole run. */
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
}

export interface ChurnResult {
  readonly options: LoadOptions;
  readonly seconds: number;
  /** By kind. */
  readonly operations: Readonly<
    Record<string, { readonly count: number; readonly perSecond: number }>
  >;
  readonly generatorCpuSeconds: number;
  /** In the whole run. */
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
}

export function formatSecond(second: number, sample: SecondSample): string {
  return (
    `${String(second).padStart(4)} s  published ${rate(sample.publishedPerSecond)}` +
    `  delivered ${rate(sample.deliveredPerSecond)}  confirmed ${rate(sample.confirmedPerSecond)}`
  );
}

export function formatResult(result: LoadResult): string {
  const rows = [
    ['published/s', rate(result.publishedPerSecond)],
    ['delivered/s', rate(result.deliveredPerSecond)],
    ['delivered MiB/s', (result.deliveredBytesPerSecond / MIB).toFixed(1)],
    ['confirmed/s', rate(result.confirmedPerSecond)],
    ['generator CPU', `${(result.generatorCpuSeconds / result.seconds).toFixed(2)} cores`],
    ['  per message', `${result.generatorCpuMicrosPerMessage.toFixed(3)} us`],
  ];
  if (result.nacked > 0) rows.push(['nacked', String(result.nacked)]);
  if (result.blocked > 0) rows.push(['blocked', `${result.blocked} times, by a resource alarm`]);
  if (result.undelivered !== undefined) rows.push(['undelivered', String(result.undelivered)]);
  if (result.verify !== undefined) rows.push(['verified', verdict(result.verify)]);
  if (result.pipeline !== undefined) rows.push(['end to end', pipelineVerdict(result.pipeline)]);
  if (result.stuck !== undefined) {
    const { consumers, consumersLeft, publishedBytes } = result.stuck;
    const flood = `${(publishedBytes / MIB).toFixed(0)} MiB sent to them`;
    rows.push(['stuck consumers', `${consumersLeft} of ${consumers} left, ${flood}`]);
  }
  const tables = [formatTable([`${result.seconds.toFixed(2)} s measured`, ''], rows)];
  const latencies = latencyTable([
    ['latency', result.latencyMicros],
    ['confirm latency', result.confirmLatencyMicros],
    ['send lag', result.sendLagMicros],
  ]);
  if (latencies !== undefined) tables.push(latencies);
  return tables.join('\n\n');
}

export function formatConnectResult(result: ConnectResult): string {
  const rows = [
    ['due', String(result.attempted)],
    ['opened', String(result.opened)],
    ['opened/s', rate(result.openedPerSecond)],
    ['generator CPU', `${(result.generatorCpuSeconds / result.seconds).toFixed(2)} cores`],
    ...failureRows(result),
  ];
  const table = formatTable([`${result.seconds.toFixed(2)} s measured`, ''], rows);
  return `${table}\n\n${latencyTable([['handshake', result.handshakeMicros]])}`;
}

export function formatChurnResult(result: ChurnResult): string {
  const rows = Object.entries(result.operations).map(([kind, { perSecond }]) => [
    `${kind}/s`,
    rate(perSecond),
  ]);
  rows.push(...failureRows(result));
  return formatTable([`${result.seconds.toFixed(2)} s measured`, ''], rows);
}

function failureRows({ failed, failures }: ConnectResult | ChurnResult): string[][] {
  const texts = Object.entries(failures).map(([text, count]) => [`  ${text}`, String(count)]);
  return [['failed', String(failed)], ...texts];
}

function latencyTable(
  summaries: readonly [name: string, summary: LatencySummary | undefined][],
): string | undefined {
  const rows: string[][] = [];
  for (const [name, summary] of summaries) {
    if (summary === undefined) continue;
    const { count, p50, p95, p99, p999, max } = summary;
    rows.push([name, ...[count, p50, p95, p99, p999, max].map((value) => value.toFixed(0))]);
  }
  if (rows.length === 0) return undefined;
  return formatTable(['microseconds', 'count', 'p50', 'p95', 'p99', 'p99.9', 'max'], rows);
}

function verdict(verify: VerifyResult): string {
  const { received, expected, missing, repeated, unknown } = verify;
  if (verify.correct) return `${received} deliveries, complete and in order`;
  return (
    `FAILED: ${received} deliveries of ${expected}, ` +
    `${missing} skipped, ${repeated} repeated or out of order, ${unknown} of unknown origin`
  );
}

function pipelineVerdict(pipeline: PipelineResult): string {
  const { stages, sent, corrupt, duplicated, lost } = pipeline;
  if (pipeline.correct) return `${sent} through ${stages} queues, each once and undamaged`;
  return `FAILED: of ${sent}, ${corrupt} corrupt, ${duplicated} duplicated, ${lost} lost`;
}

function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en-US').padStart(11);
}
