// Test process. Failing syncs: the Nth fdatasync of the broker gets EIO, as Linux gives it when pages
// cannot be written (and then forgets about them). The broker must end with a code that is not 0,
// must not have confirmed what that sync was for, and must start again with everything confirmed.
// Two ways: the log's own fault hook, which also drops what was never synced, so that a false confirm
// is a lost message; and strace, which gives the error to the real system call.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerProcess, LaunchOptions } from './broker-process.ts';
import { CrashRun, type RunSettings } from './crash-run.ts';

const END_MILLIS_MAX = 30_000;

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
}

/** One sync that fails by the fault hook. */
export async function syncErrorByHook(settings: RunSettings, nth: number): Promise<CrashRun> {
  const faults = `drop-unsynced:${settings.seed + nth},sync-error:${nth}`;
  return await syncError(settings, nth, { faults });
}

/** The Nth fdatasync of each of the broker's threads fails. */
export async function syncErrorByStrace(settings: RunSettings, nth: number): Promise<CrashRun> {
  const trace = path.join(settings.options.dataDirectory, '..', `strace-${nth}.txt`);
  const inject = `inject=fdatasync:error=EIO:when=${nth}`;
  const wrapper = ['strace', '-f', '-qq', '-o', trace, '-e', 'trace=fdatasync', '-e', inject];
  return await syncError(settings, nth, { wrapper });
}

async function syncError(
  settings: RunSettings,
  nth: number,
  overrides: Partial<LaunchOptions>,
): Promise<CrashRun> {
  const run = new CrashRun(settings);
  const broker = run.launch(overrides);
  try {
    if (await broker.ready()) await loadUntilEnd(run, broker);
    const { code, signal } = await broker.exited;
    run.checker.lifeEnded(performance.now());
    if (code === 0 || signal !== null) {
      throw new Error(`expected a failure's exit code, received code ${code}, signal ${signal}`);
    }
    await run.drainedLife('stop');
  } catch (error) {
    const words = broker.output.slice(-2000);
    throw new Error(`sync ${nth}: ${(error as Error).message}; it had said:\n${words}`, {
      cause: error,
    });
  } finally {
    await broker.kill();
  }
  if (!run.checker.isClean) throw new Error(`sync ${nth}:\n${run.checker.report()}`);
  return run;
}

async function loadUntilEnd(run: CrashRun, broker: BrokerProcess): Promise<void> {
  const parties = run.parties(broker);
  parties.expectEnd();
  const loading = run.declare(parties).then(() => run.load(parties));
  // The end may come before all have connected.
  loading.catch(() => undefined);
  const late = sleep(END_MILLIS_MAX, true, { ref: false });
  const isLate = await Promise.race([broker.exited.then(() => false), late]);
  parties.cutOff();
  if (isLate) throw new Error('the broker goes on although a sync has failed');
}
