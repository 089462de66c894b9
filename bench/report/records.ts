// The file that bench/rivals writes and bench/report reads. Harness and report processes, cold.
// Invariant: every turn is in it with the generator's whole answer, so any table can be made again.
import type { DiskResult } from '../ceilings/disk.ts';
import type { CeilingResult } from '../ceilings/raw-load.ts';
import type { ChurnResult, ConnectResult, LoadResult } from '../load/result.ts';
import type { MetricName } from './metrics.ts';

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
  readonly connects?: ConnectResult;
  readonly churn?: ChurnResult;
  /** Only of the raw relay and the disk, which are no brokers. */
  readonly ceiling?: CeilingResult | DiskResult;
}

export interface ScenarioRecord {
  readonly name: string;
  readonly purpose: string;
  readonly metrics: readonly MetricName[];
  /** The scenario that this one is set against, in the same file. */
  readonly baseline?: string;
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
