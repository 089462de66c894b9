// Runs all micro benches and prints one table. `--quick` only proves that they run. Names behind it
// choose benches: `node bench/micro/main.ts ring store`.
import { pathToFileURL } from 'node:url';
import type { BenchRow, RunBench } from './bench-row.ts';
import { run as runCopy } from './copy.bench.ts';
import { run as runDeliver } from './deliver.bench.ts';
import { run as runLog } from './log.bench.ts';
import { run as runParse } from './parse.bench.ts';
import { run as runRing } from './ring.bench.ts';
import { run as runRouteCache } from './route-cache.bench.ts';
import { run as runRouting } from './routing.bench.ts';
import { run as runShardTurn } from './shard-turn.bench.ts';
import { run as runStore } from './store.bench.ts';

export const BENCHES: Readonly<Record<string, RunBench>> = {
  copy: runCopy,
  ring: runRing,
  parse: runParse,
  'route-cache': runRouteCache,
  routing: runRouting,
  store: runStore,
  log: runLog,
  deliver: runDeliver,
  'shard-turn': runShardTurn,
};

export function lineOf({ name, nanosecondsPerOp, opsPerSecond }: BenchRow): string {
  const perSecond = Math.round(opsPerSecond).toLocaleString('en');
  const nanoseconds = nanosecondsPerOp.toFixed(nanosecondsPerOp < 100 ? 1 : 0);
  return `${name.padEnd(40)} ${nanoseconds.padStart(10)} ns ${perSecond.padStart(14)} /s`;
}

async function main(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick');
  const chosen = args.filter((arg) => arg !== '--quick');
  const unknown = chosen.filter((name) => BENCHES[name] === undefined);
  if (unknown.length > 0) {
    throw new Error(`no bench ${unknown.join()}; there are ${Object.keys(BENCHES).join(', ')}`);
  }
  for (const [name, run] of Object.entries(BENCHES)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    for (const row of await run({ quick })) process.stdout.write(`${lineOf(row)}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
