// Test process. A full disk: a file system of 64 MiB in memory, persistent messages of 10 KiB until the
// broker says connection.blocked; then everything is consumed, which must go on while publishers are
// blocked; connection.unblocked must come and publishing go on. In the end a crash, and the verdict.
// The file system is mounted in a namespace of its own, so nothing stays mounted: needs root.
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMALL_SEGMENTS } from './broker-process.ts';
import { CrashRun, type RunSettings } from './crash-run.ts';
import type { CrashPublisher } from './crash-publisher.ts';
import { drainAll } from './drain.ts';
import type { MessageMix } from './message-plan.ts';
import type { Parties } from './parties.ts';

const DISK_MIB = 64;
const BODY_BYTES = 10 * 1024;
const WAIT_MILLIS_MAX = 30_000;
const POLL_MILLIS = 5;

export const DISK_FULL_MIX: MessageMix = {
  queues: 4,
  fanoutQueues: 0,
  fanoutPerMille: 0,
  transientPerMille: 0,
  largePerMillion: 0,
  hugePerMillion: 0,
  fixedBytes: BODY_BYTES,
};

export const DISK_FULL_SETTINGS = {
  ...SMALL_SEGMENTS,
  'disk_free_limit.absolute': '8MiB',
} as const;

/** Whether this process may mount a file system in a namespace of its own. */
export function canMount(): boolean {
  const script = 'mount --make-rprivate / && mount -t tmpfs tmpfs /tmp';
  return spawnSync('unshare', ['-m', 'sh', '-c', script], { stdio: 'ignore' }).status === 0;
}

/** Runs a command with a small file system on `directory`; the command's exit code. */
export function onSmallDisk(directory: string, command: readonly string[]): number {
  const mount = `mount -t tmpfs -o size=${DISK_MIB}m tmpfs "$1"`;
  const script = `mount --make-rprivate / && ${mount} && shift && exec "$@"`;
  const args = ['-m', 'sh', '-c', script, 'sh', directory, ...command];
  return spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1;
}

export async function diskFull(
  settings: RunSettings,
  cycles: number,
  say: (line: string) => void,
): Promise<CrashRun> {
  const run = new CrashRun(settings);
  await run.life('kill', undefined, async (parties) => {
    const publishers: CrashPublisher[] = [];
    for (let index = 0; index < settings.publishers; index += 1) {
      const window = 100;
      publishers.push(
        await parties.addPublisher({ index, window, backlogMax: Number.POSITIVE_INFINITY }),
      );
    }
    for (let cycle = 1; cycle <= cycles; cycle += 1) {
      const before = run.checker.counts.confirmed;
      await fillAndDrain(run, parties, publishers);
      if (!run.checker.isClean) throw new Error(`cycle ${cycle}:\n${run.checker.report()}`);
      say(`cycle ${cycle}: blocked after ${run.checker.counts.confirmed - before} confirms`);
    }
    // Something is left for the crash.
    for (const publisher of publishers) publisher.start();
    await sleep(200);
  });
  await run.drainedLife('stop');
  if (!run.checker.isClean) throw new Error(run.checker.report());
  return run;
}

async function fillAndDrain(
  run: CrashRun,
  parties: Parties,
  publishers: readonly CrashPublisher[],
): Promise<void> {
  const before = run.checker.counts.confirmed;
  for (const publisher of publishers) publisher.start();
  await until('connection.blocked', () => {
    const bytes = (run.checker.counts.confirmed - before) * BODY_BYTES;
    if (bytes > DISK_MIB * 2 ** 20) throw new Error('more was confirmed than the disk holds');
    return publishers.some(({ isBlocked }) => isBlocked);
  });
  for (const publisher of publishers) publisher.stop();
  await drainAll(parties, run.plan.queues);
  await until('connection.unblocked', () => publishers.every(({ isBlocked }) => !isBlocked));
  // What waited in front of the broker comes in now, and is confirmed.
  await until('the last confirms', () => publishers.every(({ unconfirmed }) => unconfirmed === 0));
  await drainAll(parties, run.plan.queues);
  run.checker.drained();
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MILLIS_MAX;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come`);
    await sleep(POLL_MILLIS);
  }
}
