// Test process. The crash proofs by hand: `node test/crash/main.ts kill` and others, as the npm scripts
// `crash`, `crash:power` ... run them. Exit code 1 on a violation; the data directory is then kept.
// CRASH_SEED repeats a run, CRASH_CYCLES sets its length, CRASH_BROKER=rabbitmq tries RabbitMQ,
// CRASH_BODIES=large has many large bodies, CRASH_FILE_SYSTEM=ext4 fills an ext4 instead of a tmpfs.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BITS_MIX, BitFlips, makeStore, randomFlips, STORE_FOLDERS } from './bit-flips.ts';
import {
  type LaunchOptions,
  launchWarrenmq,
  type Launcher,
  SMALL_SEGMENTS,
} from './broker-process.ts';
import { KINDS } from './checker.ts';
import type { RunSettings } from './crash-run.ts';
import { canMount, diskFull, LARGE_BODIES, mixOf, onSmallDisk, SMALL_BODIES } from './disk-full.ts';
import { featureCycles } from './features/feature-cycles.ts';
import { fewerShards } from './fewer-shards.ts';
import { killCycles, summary } from './kill-cycles.ts';
import { LARGE_BODIES_MIX, type MessageMix, USUAL_MIX } from './message-plan.ts';
import { rabbitmqLauncher } from './rabbitmq.ts';
import { hasStrace, syncErrorByHook, syncErrorByStrace } from './sync-error.ts';

interface Proof {
  readonly launch: Launcher;
  readonly seed: number;
  /** What CRASH_CYCLES says. */
  readonly cycles: number | undefined;
  readonly directory: string;
  readonly leniency: NonNullable<RunSettings['leniency']>;
  readonly declarationMillis: number;
  readonly storeFolders: readonly string[];
  readonly mix: MessageMix;
  readonly say: (line: string) => void;
}

/** RabbitMQ 3.10 forgets in a crash what has been delivered, and acks that are seconds old. */
const RIVAL_LENIENCY = { tolerated: ['flag'], ackUnsureMillis: 60_000 } as const;
/** Killed earlier than that, RabbitMQ 3.10 forgets queues that it has declared. */
const RIVAL_DECLARATION_MILLIS = 5000;
const RIVAL_STORE_FOLDERS = ['mnesia/crash@localhost/msg_stores'];
const LIFE_MILLIS_MAX = 3000;
const SHARDS = 3;
/** Delays of tenths of a second are far away for periods of 64 ms. */
const DEPOT_SHIFT = 6;
const FEATURE_SHAPES = [
  { shards: 1, acceptors: 1, backend: 'auto', depotShift: undefined },
  { shards: 3, acceptors: 1, backend: 'auto', depotShift: DEPOT_SHIFT },
  { shards: 3, acceptors: 2, backend: 'auto', depotShift: undefined },
  { shards: 2, acceptors: 2, backend: 'portable', depotShift: DEPOT_SHIFT },
] as const;
const SEGMENT_SIZES = ['1MiB', '4MiB', '32MiB'];

const PROOFS: Readonly<Record<string, (proof: Proof) => Promise<void>>> = {
  kill: (proof) => cycles(proof, 500, undefined),
  power: (proof) => cycles(proof, 200, 'drop-unsynced:SEED'),
  'sync-error': syncErrors,
  'disk-full': fullDisk,
  bits: flips,
  shards: shardNumbers,
  features,
};

/** A data directory of its own for each part of a proof; small segments roll and are cleaned. */
function optionsOf(
  { directory, seed }: Proof,
  name: string,
  more?: Partial<LaunchOptions>,
): LaunchOptions {
  const dataDirectory = path.join(directory, name);
  mkdirSync(dataDirectory);
  const set = { 'storage.segment_bytes': SEGMENT_SIZES[seed % SEGMENT_SIZES.length] };
  return { dataDirectory, shards: SHARDS, set, ...more };
}

async function cycles(proof: Proof, usual: number, faults: string | undefined): Promise<void> {
  const settings = {
    ...proof,
    options: optionsOf(proof, 'data', { faults }),
    publishers: 4,
    cycles: proof.cycles ?? usual,
    drainEvery: 10,
    lifeMillisMax: LIFE_MILLIS_MAX,
  };
  await killCycles(settings, proof.say);
}

async function syncErrors(proof: Proof): Promise<void> {
  const count = proof.cycles ?? 30;
  for (let nth = 1; nth <= count; nth += 1) {
    const settings = { ...proof, options: optionsOf(proof, `hook-${nth}`), publishers: 2 };
    proof.say(`sync ${nth} fails: ${summary(await syncErrorByHook(settings, nth))}`);
  }
  if (!hasStrace()) {
    proof.say('with the real system call: skipped: needs strace');
    return;
  }
  for (const nth of [2, 5, 20]) {
    const settings = { ...proof, options: optionsOf(proof, `strace-${nth}`), publishers: 2 };
    const run = await syncErrorByStrace(settings, nth);
    proof.say(`fdatasync ${nth} of each thread gives EIO (strace): ${summary(run)}`);
  }
}

async function fullDisk(proof: Proof): Promise<void> {
  if (!canMount()) {
    proof.say('skipped: needs root (to mount a small file system in a namespace of its own)');
    return;
  }
  const size = proof.mix === LARGE_BODIES_MIX ? LARGE_BODIES : SMALL_BODIES;
  if (process.env['CRASH_DISK'] === undefined) {
    const disk = path.join(proof.directory, 'disk');
    mkdirSync(disk);
    process.env['CRASH_DISK'] = disk;
    process.env['CRASH_SEED'] = String(proof.seed);
    const fileSystem = process.env['CRASH_FILE_SYSTEM'] ?? 'tmpfs';
    const again = [process.execPath, ...process.argv.slice(1)];
    if (onSmallDisk(disk, size, fileSystem, again) !== 0)
      throw new Error('failed on the small disk, see above');
    return;
  }
  const dataDirectory = path.join(process.env['CRASH_DISK'], 'data');
  mkdirSync(dataDirectory);
  const options = { dataDirectory, shards: 2, set: size.settings };
  const settings = { ...proof, options, publishers: 2, mix: mixOf(size) };
  try {
    proof.say(summary(await diskFull(settings, size, proof.cycles ?? 20, proof.say)));
  } catch (error) {
    // The small disk goes with this process.
    cpSync(dataDirectory, path.join(proof.directory, 'data'), { recursive: true });
    throw error;
  }
}

async function flips(proof: Proof): Promise<void> {
  const settings = {
    ...proof,
    options: optionsOf(proof, 'store', { shards: 2, set: SMALL_SEGMENTS }),
    publishers: 2,
    mix: BITS_MIX,
  };
  await makeStore(settings);
  const { dataDirectory } = settings.options;
  const bits = randomFlips(dataDirectory, proof.storeFolders, proof.seed, proof.cycles ?? 200);
  const flipping = new BitFlips(settings);
  const sums = { missing: 0, extra: 0, queuesMissing: 0 };
  for (const [index, flip] of bits.entries()) {
    const outcome = await flipping.try(flip, `flip-${index}`);
    sums.missing += outcome.missing;
    sums.extra += outcome.extra;
    sums.queuesMissing += outcome.queuesMissing;
    if ((index + 1) % 100 !== 0 && index + 1 !== bits.length) continue;
    proof.say(`${index + 1} bits flipped, each in a store of its own: ${JSON.stringify(sums)}`);
  }
}

async function shardNumbers(proof: Proof): Promise<void> {
  const count = proof.cycles ?? 10;
  for (let round = 1; round <= count; round += 1) {
    const options = optionsOf(proof, `round-${round}`);
    const settings = { ...proof, seed: proof.seed + round, options, publishers: 3 };
    proof.say(`round ${round}: ${summary(await fewerShards(settings, 1000))}`);
  }
}

/** A quarter of the cycles with each shape of broker, the last one with the portable log. */
async function features(proof: Proof): Promise<void> {
  const cyclesEach = Math.ceil((proof.cycles ?? 80) / FEATURE_SHAPES.length);
  for (const [index, { shards, acceptors, backend, depotShift }] of FEATURE_SHAPES.entries()) {
    const own = optionsOf(proof, `shape-${index}`);
    const set = { ...own.set, 'storage.backend': backend };
    proof.say(`${shards} shards, ${acceptors} acceptors, log: ${backend}, depot: ${depotShift}`);
    const settings = {
      launch: proof.launch,
      seed: proof.seed + index,
      options: { ...own, shards, acceptors, set, depotShift },
      cycles: cyclesEach,
      drainEvery: 5,
      lifeMillisMax: LIFE_MILLIS_MAX,
    };
    await featureCycles(settings, proof.say);
  }
}

/** CRASH_TOLERATE=flag,order looks past known defects, to find what is behind them. */
function ownLeniency(): Proof['leniency'] {
  const names = (process.env['CRASH_TOLERATE'] ?? '').split(',');
  return { tolerated: KINDS.filter((kind) => names.includes(kind)) };
}

/** CRASH_BODIES=large: the path of large records (native/core/src/tail.rs) is met all the time. */
function ownMix(): MessageMix {
  const bodies = process.env['CRASH_BODIES'] ?? 'usual';
  const mix = { usual: USUAL_MIX, large: LARGE_BODIES_MIX }[bodies];
  if (mix === undefined) throw new Error(`CRASH_BODIES: expected usual or large, got "${bodies}"`);
  return mix;
}

async function main(name: string): Promise<void> {
  const prove = PROOFS[name];
  if (prove === undefined) throw new Error(`expected one of ${Object.keys(PROOFS).join(', ')}`);
  const seed = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const asked = process.env['CRASH_CYCLES'];
  const directory = mkdtempSync(path.join(os.tmpdir(), `warrenmq-crash-${name}-`));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const rival = process.env['CRASH_BROKER'] === 'rabbitmq' ? await rabbitmqLauncher() : undefined;
  say(`crash proof ${name}, CRASH_SEED=${seed}`);
  try {
    await prove({
      launch: rival?.launch ?? launchWarrenmq,
      seed,
      cycles: asked === undefined ? undefined : Number(asked),
      directory,
      leniency: rival === undefined ? ownLeniency() : RIVAL_LENIENCY,
      declarationMillis: rival === undefined ? 0 : RIVAL_DECLARATION_MILLIS,
      storeFolders: rival === undefined ? STORE_FOLDERS : RIVAL_STORE_FOLDERS,
      mix: ownMix(),
      say,
    });
    rmSync(directory, { recursive: true, force: true });
    say(`crash proof ${name}: passed`);
  } catch (error) {
    process.exitCode = 1;
    say(`crash proof ${name}: FAILED with CRASH_SEED=${seed}; data kept in ${directory}`);
    say(error instanceof Error ? error.message : String(error));
  } finally {
    rival?.mapper.kill();
  }
}

// Ended from outside, no broker may stay behind: each is a process group of its own.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.emit('exit', 1);
    process.kill(process.pid, signal);
  });
}

await main(process.argv[2] ?? '');
