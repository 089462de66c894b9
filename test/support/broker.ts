// Test thread. One broker per test file: `useBroker()` starts WarrenMQ as a child process on port 0
// before the file's tests and stops it with SIGTERM after them; a broker that dies by itself, or
// stops with anything but exit code 0, fails the file. With CONFORMANCE_URL=amqp://host:port set,
// the tests run against that broker instead (that is how they are proven on RabbitMQ), and those that
// need the HTTP API find it at CONFORMANCE_MANAGEMENT_URL=http://host:port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { withDeadline } from './inbox.ts';
import type { RawChannel } from './raw-channel.ts';
import { type OpenOptions, RawClient } from './raw-client.ts';

/**
 * RabbitMQ 3.10 is what Debian ships; expectations that differ are in conformance/differences.ts.
 */
export type BrokerKind = 'rabbitmq310' | 'warrenmq';

export interface BrokerShape {
  readonly acceptors: number;
  readonly shards: number;
}

export interface BrokerOptions extends Partial<BrokerShape> {
  /** Configuration settings, as `--set key=value`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Stays when the broker has stopped; without it the broker has one of its own that goes with it. */
  readonly dataDirectory?: string;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXTERNAL_URL = process.env['CONFORMANCE_URL'];
const START_MILLIS_MAX = 20_000;
const STOP_MILLIS_MAX = 10_000;

/** The shapes that the core tests run with; a broker from outside has only its own. */
export const BROKER_SHAPES: readonly BrokerShape[] =
  EXTERNAL_URL === undefined
    ? [
        { acceptors: 1, shards: 1 },
        { acceptors: 1, shards: 3 },
        { acceptors: 2, shards: 3 },
      ]
    : [{ acceptors: 1, shards: 1 }];

/**
 * CONFORMANCE_SHAPE=2,3 runs every test that does not name a shape with 2 acceptors and 3 shards.
 */
function defaultShape(): BrokerShape {
  const [acceptors, shards] = (process.env['CONFORMANCE_SHAPE'] ?? '1,1').split(',').map(Number);
  return { acceptors: acceptors ?? 1, shards: shards ?? 1 };
}

export class TestBroker {
  host = '127.0.0.1';
  port = 0;
  /** Where our own broker speaks TLS, if it does. */
  tlsPort = 0;
  /** Of our own broker. */
  pid = 0;
  managementUrl = '';
  kind: BrokerKind = 'warrenmq';
  #stop: () => Promise<void> = () => Promise.resolve();
  #kill: () => Promise<void> = () => Promise.resolve();
  #output: () => string = () => '';
  readonly #clients: RawClient[] = [];

  /** The last that our own broker has said, its log included. */
  get output(): string {
    return this.#output();
  }

  get url(): string {
    return `amqp://guest:guest@${this.host}:${this.port}`;
  }

  async start(options: BrokerOptions): Promise<void> {
    if (EXTERNAL_URL === undefined) {
      const child = await startWarren(options);
      this.port = child.port;
      this.tlsPort = child.tlsPort;
      this.pid = child.pid;
      this.managementUrl = child.managementUrl;
      this.#stop = child.stop;
      this.#kill = child.kill;
      this.#output = child.output;
      return;
    }
    this.managementUrl = process.env['CONFORMANCE_MANAGEMENT_URL'] ?? '';
    const url = new URL(EXTERNAL_URL);
    this.host = url.hostname;
    this.port = Number(url.port);
    const probe = await RawClient.open(this);
    const platform = String(probe.serverProperties['platform']);
    this.kind = platform.startsWith('Erlang') ? 'rabbitmq310' : 'warrenmq';
    await probe.close();
  }

  /** Closes the clients that tests left open and stops the broker, if it is ours. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.socket.destroy();
    await this.#stop();
  }

  /** Ends our own broker as a crash of the process would. */
  async kill(): Promise<void> {
    for (const client of this.#clients) client.socket.destroy();
    await this.#kill();
  }

  /** A client that is logged in; it is cut off when the file ends. */
  async open(options: OpenOptions = {}): Promise<RawClient> {
    const client = await this.connect();
    await client.login(options);
    await client.tuneAndOpen(options);
    return client;
  }

  /** A channel on a client of its own. */
  async channel(options: OpenOptions = {}): Promise<RawChannel> {
    return (await this.open(options)).channel();
  }

  /** A TCP connection without handshake; it is cut off when the file ends. */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this);
    this.#clients.push(client);
    return client;
  }
}

/** Call at the top of a test file or a describe block. */
export function useBroker(options: BrokerOptions = {}): TestBroker {
  const broker = new TestBroker();
  beforeAll(() => broker.start(options));
  afterAll(() => broker.stop());
  return broker;
}

interface StartedWarren {
  readonly port: number;
  readonly tlsPort: number;
  readonly output: () => string;
  readonly pid: number;
  readonly managementUrl: string;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

async function startWarren(options: BrokerOptions): Promise<StartedWarren> {
  const shape = { ...defaultShape(), ...options };
  const dataDirectory =
    options.dataDirectory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
  const args = ['src/cli/main.ts', 'server', '--port', '0', '--management-port', '0'];
  args.push('--data-dir', dataDirectory);
  args.push('--shards', String(shape.shards), '--acceptors', String(shape.acceptors));
  for (const [key, value] of Object.entries(options.set ?? {}))
    args.push('--set', `${key}=${value}`);
  const env = { ...process.env, ...options.environment };
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  const exit = once(child, 'exit');
  const port = await portFrom(child, output, exit);
  let stopping = false;
  const removeOwnDirectory = (): void => {
    if (options.dataDirectory !== undefined) return;
    fs.rmSync(dataDirectory, { recursive: true, force: true });
  };
  const stop = async (): Promise<void> => {
    const died = child.exitCode !== null || child.signalCode !== null;
    stopping = true;
    if (!died) child.kill('SIGTERM');
    try {
      const [code, signal] = await withDeadline('the broker to stop', exit, STOP_MILLIS_MAX);
      if (died || code !== 0) {
        const how = died ? 'exited by itself' : 'did not stop cleanly';
        throw new Error(`the broker ${how} (code ${code}, signal ${signal}):\n${output()}`);
      }
    } finally {
      child.kill('SIGKILL');
      removeOwnDirectory();
    }
  };
  const kill = async (): Promise<void> => {
    stopping = true;
    child.kill('SIGKILL');
    await withDeadline('the broker to be gone', exit, STOP_MILLIS_MAX);
    removeOwnDirectory();
  };
  // Said at once: what fails afterwards in the tests is only a consequence.
  child.on('exit', (code, signal) => {
    if (stopping) return;
    process.stderr.write(`broker exited by itself (code ${code}, ${signal}):\n${output()}\n`);
  });
  const managementUrl = /Management +(https?:\S+)/u.exec(output())?.[1] ?? '';
  const tlsPort = Number(/AMQP \+ TLS +\S*:(\d+)/u.exec(output())?.[1] ?? 0);
  return { port, tlsPort, pid: child.pid!, managementUrl, output, stop, kill };
}

/** Keeps the last part of what the broker says, for failure messages. */
function collectOutput(child: ChildProcess): () => string {
  let text = '';
  const keep = (bytes: Buffer): void => {
    text = (text + bytes.toString()).slice(-20_000);
  };
  child.stdout!.on('data', keep);
  child.stderr!.on('data', keep);
  return () => text;
}

/** The port in the first `amqp://HOST:PORT` that the broker prints when it is ready. */
async function portFrom(
  child: ChildProcess,
  output: () => string,
  exit: Promise<unknown[]>,
): Promise<number> {
  const ready = new Promise<number>((resolve) => {
    child.stdout!.on('data', () => {
      const found = /amqp:\/\/\S*:(\d+)\s/.exec(output());
      if (found !== null) resolve(Number(found[1]));
    });
  });
  const early = exit.then(([code, signal]) => {
    throw new Error(`the broker did not start (code ${code}, signal ${signal}):\n${output()}`);
  });
  try {
    const started = Promise.race([ready, early]);
    return await withDeadline('the broker to say its port', started, START_MILLIS_MAX);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    // The race is over; a later exit is judged by `stop`.
    early.catch(() => undefined);
  }
}
