// Test process. Kill cycles: the broker is loaded, killed at a random moment, started again on the same
// data directory, over and over; now and then killed while it starts, or stopped in order; every few
// cycles all queues are drained and the checker gives its verdict.
import { CrashRun, type Ending, type RunSettings } from './crash-run.ts';

export interface CycleSettings extends RunSettings {
  readonly cycles: number;
  readonly drainEvery: number;
  readonly lifeMillisMax: number;
}

const LIFE_MILLIS_MIN = 200;
const EARLY_KILL_SHARE = 0.1;
const STOP_SHARE = 0.1;

/** Throws at the first violation, with the cycle and the broker's last words. */
export async function killCycles(
  settings: CycleSettings,
  say: (line: string) => void,
): Promise<CrashRun> {
  const run = new CrashRun(settings);
  const began = performance.now();
  for (let cycle = 1; cycle <= settings.cycles; cycle += 1) {
    try {
      await oneCycle(run, settings, cycle);
    } catch (error) {
      throw new Error(`cycle ${cycle}: ${(error as Error).message}`, { cause: error });
    }
    if (!run.checker.isClean) {
      const words = run.lastOutput.slice(-2000);
      throw new Error(`cycle ${cycle}:\n${run.checker.report()}\nthe broker said:\n${words}`);
    }
    if (cycle % settings.drainEvery === 0 || cycle === settings.cycles) {
      say(`cycle ${cycle}, ${Math.round((performance.now() - began) / 1000)} s: ${summary(run)}`);
    }
  }
  return run;
}

async function oneCycle(run: CrashRun, settings: CycleSettings, cycle: number): Promise<void> {
  if (cycle > 1 && run.random() < EARLY_KILL_SHARE) await run.startAndKill();
  const ending: Ending = run.random() < STOP_SHARE ? 'stop' : 'kill';
  await run.loadedLife(run.between(LIFE_MILLIS_MIN, settings.lifeMillisMax), ending);
  if (cycle % settings.drainEvery === 0 || cycle === settings.cycles) {
    await run.drainedLife(run.random() < 0.5 ? 'stop' : 'kill');
    // Nothing may come back after a drain.
    if (cycle === settings.cycles) await run.drainedLife('stop');
  }
}

export function summary(run: CrashRun): string {
  const { attempted, confirmed, deliveries, redelivered, recovered, ackedAgain } =
    run.checker.counts;
  const { lost, duplicated, flag } = run.checker.violations;
  return (
    `${attempted} published, ${confirmed} confirmed, ${deliveries} deliveries ` +
    `(${redelivered} flagged as redelivered), ${recovered} unconfirmed ones recovered, ` +
    `${ackedAgain} came again whose ack was younger than the crash allowed; ` +
    `${lost} lost, ${duplicated} duplicated, ${flag} came again unflagged`
  );
}
