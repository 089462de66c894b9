// A broker under test: a process that this harness started, its address and how to stop it. Harness
// process, cold.
// Invariants: whatever is started here is stopped here, by process id; its files live in a
// temporary directory that goes with it; it listens on 127.0.0.1 at a port that was free.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadConnection, parseEndpoint } from '../load/connection.ts';

const START_SECONDS_MAX = 60;
const STOP_SECONDS_MAX = 30;

export interface Broker {
  readonly name: string;
  /** What it says it is in connection.start, such as "RabbitMQ 3.10.8". */
  readonly product: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function makeWorkDirectory(name: string): Promise<string> {
  return await mkdtemp(join(tmpdir(), `warrenmq-bench-${name}-`));
}

export interface LaunchPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly port: number;
  readonly directory: string;
  /** Processes to end after the broker. */
  readonly companions: readonly ChildProcess[];
}

/** Starts a broker and waits until it lets a client log in. */
export async function launch(plan: LaunchPlan): Promise<Broker> {
  const child = spawn(plan.command, plan.args, {
    env: plan.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-4096);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(error.message)));
  const stop = async (): Promise<void> => {
    await endProcess(child);
    for (const companion of plan.companions) await endProcess(companion);
    await rm(plan.directory, { recursive: true, force: true });
  };
  const url = `amqp://guest:guest@127.0.0.1:${plan.port}`;
  const product = await waitForLogin(url, child);
  if (product === undefined) {
    await stop();
    throw new Error(`${plan.name} did not start; it said:\n${output}`);
  }
  return { name: plan.name, product, url, pid: child.pid!, stop };
}

/** Asks a process to end, and makes it when it does not. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(STOP_SECONDS_MAX * 1000, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  child.kill('SIGKILL');
  await ended;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The product that answers, or undefined when the process ended or took too long. */
async function waitForLogin(url: string, child: ChildProcess): Promise<string | undefined> {
  const deadline = Date.now() + START_SECONDS_MAX * 1000;
  while (Date.now() < deadline && child.pid !== undefined && !hasEnded(child)) {
    try {
      const connection = await LoadConnection.open(parseEndpoint(url), () => undefined);
      const { product } = connection;
      await connection.close();
      return product;
    } catch {
      // Not listening yet, or not ready to let anybody in: both are what is being waited for.
      await sleep(100);
    }
  }
  return undefined;
}
