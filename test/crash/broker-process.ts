// Test process. A broker as a child process on a data directory: started again and again, killed with
// SIGKILL or stopped with SIGTERM. WarrenMQ, or RabbitMQ (CRASH_BROKER=rabbitmq) to prove the harness.
// Invariants: loopback only; a broker is a process group of its own and goes with this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settingOf } from '../../src/config/schema.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const START_MILLIS_MAX = 60_000;
const STOP_MILLIS_MAX = 60_000;
const OUTPUT_CHARS_MAX = 1_000_000;
const POLL_MILLIS = 10;

/** The smallest: quick to make, and soon full. */
export const SMALL_SEGMENTS = { 'storage.segment_bytes': '1MiB' } as const;

export interface LaunchOptions {
  readonly dataDirectory: string;
  readonly shards: number;
  /** 1 when left out. */
  readonly acceptors?: number;
  /** Configuration settings, as `--set key=value`; what this version does not know is left out. */
  readonly set?: Readonly<Record<string, string>>;
  /** WARRENMQ_TEST_FAULTS. */
  readonly faults?: string | undefined;
  /** Delayed messages wait in periods of 2^this milliseconds, instead of minutes and hours. */
  readonly depotShift?: number | undefined;
  /** A command that runs the broker as its child, such as strace. */
  readonly wrapper?: readonly string[];
}

/** What is run, and how its port is found out once it listens; undefined while it does not. */
export interface LaunchPlan {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  port(output: string): Promise<number | undefined>;
}

export type Launcher = (options: LaunchOptions) => BrokerProcess;

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export class BrokerProcess {
  port = 0;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #plan: LaunchPlan;
  readonly #killAtExit = (): void => this.#signalGroup('SIGKILL');
  #output = '';

  constructor(plan: LaunchPlan) {
    this.#plan = plan;
    this.#child = spawn(plan.command, plan.args, {
      cwd: ROOT,
      env: plan.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const keep = (bytes: Buffer): void => {
      this.#output = (this.#output + bytes.toString()).slice(-OUTPUT_CHARS_MAX);
    };
    this.#child.stdout!.on('data', keep);
    this.#child.stderr!.on('data', keep);
    this.exited = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }));
    process.on('exit', this.#killAtExit);
    void this.exited.then(() => process.off('exit', this.#killAtExit));
  }

  get output(): string {
    return this.#output;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  /** Waits until clients are let in; false when the process ended before that. */
  async ready(): Promise<boolean> {
    const deadline = performance.now() + START_MILLIS_MAX;
    while (performance.now() < deadline) {
      if (this.hasExited) return false;
      const port = await this.#plan.port(this.#output);
      if (port !== undefined) {
        this.port = port;
        return true;
      }
      await sleep(POLL_MILLIS);
    }
    await this.kill();
    throw new Error(`the broker did not start within a minute; it said:\n${this.#output}`);
  }

  async kill(): Promise<Exit> {
    this.#signalGroup('SIGKILL');
    return await this.exited;
  }

  /** SIGTERM, and SIGKILL when that takes a minute, which is a failure. */
  async stop(): Promise<Exit> {
    if (this.hasExited) return await this.exited;
    process.kill(this.#child.pid!, 'SIGTERM');
    const isLate = await Promise.race([
      this.exited.then(() => false),
      sleep(STOP_MILLIS_MAX, true, { ref: false }),
    ]);
    return isLate ? await this.kill() : await this.exited;
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The whole group has gone already.
    }
  }
}

/** WarrenMQ from its sources, or with CRASH_BROKER=built as `npm start` runs it. */
export function launchWarrenmq(options: LaunchOptions): BrokerProcess {
  const isBuilt = process.env['CRASH_BROKER'] === 'built';
  const program = isBuilt ? 'bin/warrenmq.cjs' : 'src/cli/main.ts';
  const ports = ['--host', '127.0.0.1', '--port', '0', '--management-port', '0'];
  const args = [program, 'server', ...ports, '--data-dir', options.dataDirectory];
  const { shards, acceptors = 1 } = options;
  args.push('--shards', String(shards), '--acceptors', String(acceptors));
  for (const [key, value] of Object.entries(options.set ?? {})) {
    if (settingOf(key) !== undefined) args.push('--set', `${key}=${value}`);
  }
  const command = [...(options.wrapper ?? []), process.execPath, ...args];
  const environment = { ...process.env };
  if (options.faults !== undefined) environment['WARRENMQ_TEST_FAULTS'] = options.faults;
  const { depotShift } = options;
  if (depotShift !== undefined) environment['WARRENMQ_TEST_DEPOT_SHIFT'] = String(depotShift);
  return new BrokerProcess({
    command: command[0],
    args: command.slice(1),
    environment,
    port: (output) => {
      const found = /\bAMQP 0-9-1 +127\.0\.0\.1:(?<port>\d+)\s/u.exec(output);
      return Promise.resolve(found === null ? undefined : Number(found.groups!['port']));
    },
  });
}
