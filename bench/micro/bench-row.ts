// What a micro bench measures and how: the median time of one operation, from batches long enough
// for the timer. Main thread of the bench command.
import { Bench } from 'tinybench';

export interface BenchRow {
  readonly name: string;
  readonly nanosecondsPerOp: number;
  readonly opsPerSecond: number;
}

export interface BenchOptions {
  /** A few milliseconds per row: proves that the bench runs, measures nothing. */
  readonly quick: boolean;
}

/** Every bench module exports one of these as `run`. */
export type RunBench = (options: BenchOptions) => Promise<BenchRow[]>;

/** Times `batch`, which does `operations` operations, and reports one of them. */
export async function measure(
  name: string,
  operations: number,
  { quick }: BenchOptions,
  batch: () => void,
): Promise<BenchRow> {
  const bench = new Bench({ time: quick ? 10 : 300, warmupTime: quick ? 5 : 100, throws: true });
  bench.add(name, batch);
  const [task] = await bench.run();
  if (task?.result.state !== 'completed') throw new Error(`${name}: no result`);
  return rowOf(name, (task.result.latency.p50 * 1e6) / operations);
}

export function rowOf(name: string, nanosecondsPerOp: number): BenchRow {
  return { name, nanosecondsPerOp, opsPerSecond: 1e9 / nanosecondsPerOp };
}
