// Test process. The crash proofs by hand: `node test/crash/main.ts kill` and others, as the npm scripts
// `crash`, `crash:power` ... run them. Exit code 1 on a violation; the data directory is then kept.
// CRASH_SEED repeats a run, CRASH_CYCLES sets its length, CRASH_BROKER=rabbitmq tries RabbitMQ.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launchWarrenmq, type Launcher } from './broker-process.ts';
import type { Kind } from './checker.ts';
import { killCycles } from './kill-cycles.ts';
import { rabbitmqLauncher } from './rabbitmq.ts';

export interface Proof {
  readonly launch: Launcher;
  readonly seed: number;
  readonly cycles: number | undefined;
  readonly directory: string;
  readonly tolerated: readonly Kind[];
  readonly declarationMillis: number;
  readonly say: (line: string) => void;
}

/** RabbitMQ 3.10 forgets in a crash, and in deep queues, what has been delivered before. */
const RIVAL_MAY: readonly Kind[] = ['flag'];
/** Killed earlier than that, RabbitMQ 3.10 forgets queues that it has declared. */
const RIVAL_DECLARATION_MILLIS = 5000;
const LIFE_MILLIS_MAX = 3000;

const PROOFS: Readonly<Record<string, (proof: Proof) => Promise<unknown>>> = {
  kill: (proof) => cycles(proof, 500, undefined),
  power: (proof) => cycles(proof, 200, 'drop-unsynced:SEED'),
};

async function cycles(proof: Proof, usual: number, faults: string | undefined): Promise<void> {
  const options = { dataDirectory: proof.directory, shards: 3, faults };
  const settings = {
    ...proof,
    options,
    publishers: 4,
    cycles: proof.cycles ?? usual,
    drainEvery: 10,
    lifeMillisMax: LIFE_MILLIS_MAX,
  };
  await killCycles(settings, proof.say);
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
    const launch = rival?.launch ?? launchWarrenmq;
    const count = asked === undefined ? undefined : Number(asked);
    const tolerated = rival === undefined ? [] : RIVAL_MAY;
    const declarationMillis = rival === undefined ? 0 : RIVAL_DECLARATION_MILLIS;
    const proof = { launch, seed, cycles: count, directory, tolerated, declarationMillis, say };
    await prove(proof);
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

await main(process.argv[2] ?? '');
