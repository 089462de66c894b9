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
}

export interface IdleResult {
  readonly options: LoadOptions;
  readonly idleConnections: number;
  readonly openSeconds: number;
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
  const tables = [formatTable([`${result.seconds.toFixed(2)} s measured`, ''], rows)];
  const latencies = latencyRows(result);
  if (latencies.length > 0) {
    const head = ['microseconds', 'count', 'p50', 'p95', 'p99', 'p99.9', 'max'];
    tables.push(formatTable(head, latencies));
  }
  return tables.join('\n\n');
}

function latencyRows(result: LoadResult): string[][] {
  const rows: string[][] = [];
  const add = (name: string, summary: LatencySummary | undefined): void => {
    if (summary === undefined) return;
    const { count, p50, p95, p99, p999, max } = summary;
    rows.push([name, ...[count, p50, p95, p99, p999, max].map((value) => value.toFixed(0))]);
  };
  add('latency', result.latencyMicros);
  add('confirm latency', result.confirmLatencyMicros);
  add('send lag', result.sendLagMicros);
  return rows;
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
