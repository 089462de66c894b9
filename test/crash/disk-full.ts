// Test process. A full disk: a small file system, persistent messages until the broker says
// connection.blocked; then everything is consumed, which must go on while publishers are blocked;
// connection.unblocked must come and publishing go on. In the end a crash, and the verdict.
// The file system is mounted in a namespace of its own, so nothing stays mounted: needs root.
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMALL_SEGMENTS } from './broker-process.ts';
import { CrashRun, type RunSettings } from './crash-run.ts';
import type { CrashPublisher } from './crash-publisher.ts';
import { drainAll } from './drain.ts';
import type { MessageMix } from './message-plan.ts';
import type { Parties } from './parties.ts';

const WAIT_MILLIS_MAX = 30_000;
const POLL_MILLIS = 5;
/** Without a confirm in this time, what is unconfirmed is taken to wait for room in the log. */
const STILL_MILLIS = 1000;

export interface FullDisk {
  readonly mib: number;
  readonly bodyBytes: number;
  /** Messages that a publisher has unconfirmed: they come in when the broker blocks. */
  readonly window: number;
  readonly settings: Readonly<Record<string, string>>;
}

export const SMALL_BODIES: FullDisk = {
  mib: 64,
  bodyBytes: 10 * 1024,
  window: 100,
  settings: { ...SMALL_SEGMENTS, 'disk_free_limit.absolute': '8MiB' },
};

/** Written in whole blocks past the system's cache (native/core/src/tail.rs). */
export const LARGE_BODIES: FullDisk = {
  mib: 512,
  bodyBytes: 600 * 1024,
  window: 20,
  settings: { 'storage.segment_bytes': '8MiB', 'disk_free_limit.absolute': '64MiB' },
};

export function mixOf({ bodyBytes }: FullDisk): MessageMix {
  return {
    queues: 4,
    fanoutQueues: 0,
    fanoutPerMille: 0,
    transientPerMille: 0,
    largePerMillion: 0,
    hugePerMillion: 0,
    fixedBytes: bodyBytes,
  };
}

/** How a small disk comes about: a shell script, of a directory `$1` and a size `$2` in MiB. */
const MOUNTS: Readonly<Record<string, string>> = {
  tmpfs: 'mount -t tmpfs -o size="$2"m tmpfs "$1"',
  ext4: 'truncate -s "$2"M "$1.image" && mkfs.ext4 -q -m 0 "$1.image" && mount -o loop "$1.image" "$1"',
};

/** Whether this process may mount a file system in a namespace of its own. */
export function canMount(): boolean {
  const script = 'mount --make-rprivate / && mount -t tmpfs tmpfs /tmp';
  return spawnSync('unshare', ['-m', 'sh', '-c', script], { stdio: 'ignore' }).status === 0;
}

/** Runs a command with a small file system on `directory`; the command's exit code. */
export function onSmallDisk(
  directory: string,
  { mib }: FullDisk,
  fileSystem: string,
  command: readonly string[],
): number {
  const mount = MOUNTS[fileSystem];
  if (mount === undefined) {
    const expected = Object.keys(MOUNTS).join(' or ');
    throw new Error(`CRASH_FILE_SYSTEM: expected ${expected}, got "${fileSystem}"`);
  }
  const script = `mount --make-rprivate / && ${mount} && shift 2 && exec "$@"`;
  const args = ['-m', 'sh', '-c', script, 'sh', directory, String(mib), ...command];
  return spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1;
}

export async function diskFull(
  settings: RunSettings,
  disk: FullDisk,
  cycles: number,
  say: (line: string) => void,
): Promise<CrashRun> {
  const run = new CrashRun(settings);
  await run.life('kill', undefined, async (parties) => {
    const publishers: CrashPublisher[] = [];
    for (let index = 0; index < settings.publishers; index += 1) {
      const { window } = disk;
      publishers.push(
        await parties.addPublisher({ index, window, backlogMax: Number.POSITIVE_INFINITY }),
      );
    }
    for (let cycle = 1; cycle <= cycles; cycle += 1) {
      const before = run.checker.counts.confirmed;
      await fillAndDrain(run, disk, parties, publishers);
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
  disk: FullDisk,
  parties: Parties,
  publishers: readonly CrashPublisher[],
): Promise<void> {
  const before = run.checker.counts.confirmed;
  for (const publisher of publishers) publisher.start();
  let last = { confirmed: before, at: performance.now() };
  await until('connection.blocked', () => {
    const { confirmed } = run.checker.counts;
    const bytes = (confirmed - before) * disk.bodyBytes;
    if (bytes > disk.mib * 2 ** 20) throw new Error('more was confirmed than the disk holds');
    if (confirmed !== last.confirmed) last = { confirmed, at: performance.now() };
    else if (performance.now() - last.at > STILL_MILLIS) {
      // The log may have no room for whole windows: they wait in it, unconfirmed, and nobody is told
      // who does not try to publish.
      publishers[0].widen();
      last.at = performance.now();
    }
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
