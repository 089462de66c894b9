// Test process. The number of shards is changed on a full data directory: 4, then 1, 3 and 2. Nothing
// may be lost, and the order in each queue stays; messages come, go and wait in between.
import { CrashRun, type RunSettings } from './crash-run.ts';

const SHARDS = [4, 1, 3, 2];

export async function fewerShards(settings: RunSettings, lifeMillis: number): Promise<CrashRun> {
  const run = new CrashRun(settings);
  for (const [index, shards] of SHARDS.entries()) {
    const ending = index % 2 === 0 ? 'kill' : 'stop';
    await run.loadedLife(lifeMillis, ending, { shards });
  }
  await run.drainedLife('stop', { shards: SHARDS[0] });
  for (const shards of SHARDS) {
    // Now only filled: all of it is left for the drain, which looks at the order of everything.
    await run.filledLife(lifeMillis / 2, 'kill', { shards });
  }
  await run.drainedLife('kill', { shards: 1 });
  await run.drainedLife('stop', { shards: 2 });
  if (!run.checker.isClean) throw new Error(run.checker.report());
  return run;
}
