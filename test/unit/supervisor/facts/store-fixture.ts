// A fact store over a portable log in a temporary directory, and what a crash would leave of it.
// Test thread.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import type { Log, LogCallbacks, LogOptions } from '../../../../src/log/log.ts';
import { openLog } from '../../../../src/log/open-log.ts';
import { BrokerState } from '../../../../src/supervisor/facts/broker-state.ts';
import type { Fact } from '../../../../src/supervisor/facts/fact.ts';
import { historyOf } from '../../../../src/supervisor/facts/fact-history.ts';
import { scanFacts, segmentFile } from '../../../../src/supervisor/facts/fact-scan.ts';
import { FactStore } from '../../../../src/supervisor/facts/fact-store.ts';
import type { Command } from '../../../../src/topology/command.ts';
import { isDurable } from '../../../../src/topology/durability.ts';
import { Topology } from '../../../../src/topology/topology.ts';

export type OpenLog = (options: LogOptions, callbacks: LogCallbacks) => Log;

const openPortable: OpenLog = (options, callbacks) => openLog(options, callbacks, 'portable');

/** A log whose writes are lost until they are synced, but for some that a disk may have made. */
export const openUnsynced =
  (seed: number): OpenLog =>
  (options, callbacks) =>
    openPortable({ ...options, faults: `drop-unsynced:${seed}` }, callbacks);

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-facts-'));
let count = 0;

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

export function newDirectory(): string {
  count += 1;
  return path.join(root, String(count));
}

/** The files as they are now: what the next process finds after a kill -9. */
export function copyOf(directory: string): string {
  const copy = newDirectory();
  fs.cpSync(directory, copy, { recursive: true });
  return copy;
}

function newState(): BrokerState {
  return new BrokerState(new Topology({ shardCount: 3 }));
}

/** As main uses it. */
export class StoreRun {
  readonly state = newState();
  readonly store: FactStore;
  readonly warnings: string[] = [];
  /** What was said that is no warning. */
  readonly notes: string[] = [];
  /** What was said about disk space. */
  readonly shortages: boolean[] = [];
  isNew = false;

  constructor(directory: string, open: OpenLog) {
    const say = (message: string, fields?: object): void => {
      this.warnings.push(`${message} ${JSON.stringify(fields ?? {})}`);
    };
    const logger = { info: (message: string) => void this.notes.push(message), warn: say };
    const onSpace = (isShort: boolean): void => void this.shortages.push(isShort);
    this.store = new FactStore(this.state, { directory, openLog: open, logger, onSpace });
  }

  async start(): Promise<this> {
    await this.store.start((state) => {
      this.isNew = true;
      state.topology.execute({ kind: 'create-vhost', vhost: '/' });
      state.users.add({ ...account('guest'), permissions: new Map() });
    });
    return this;
  }

  /** Resolves as the answer to a client would. */
  execute(command: Command): Promise<void> {
    return this.store.append(this.state.execute(command).changes.filter(isDurable));
  }

  record(fact: Fact): Promise<void> {
    const problem = this.state.restore(fact);
    if (problem !== undefined) throw new Error(problem);
    return this.store.append([fact]);
  }

  /** Everything durable. */
  get facts(): Fact[] {
    return [...this.state.facts()];
  }
}

export async function startStore(directory: string, open = openPortable): Promise<StoreRun> {
  return new StoreRun(directory, open).start();
}

/** Starts on a directory, looks, and stops. */
export async function restartOn(directory: string): Promise<StoreRun> {
  const run = await startStore(directory);
  await run.store.close();
  return run;
}

/** The same without writing anything: what the log says now. */
export async function factsIn(directory: string): Promise<Fact[]> {
  const callbacks = { onProgress() {}, onRead() {}, onPacked() {}, onSpace() {}, onFailure() {} };
  const log = openLog(
    { directory, segmentBytes: 1024 * 1024, spareSegments: 1, memories: [], readOnly: true },
    callbacks,
    'portable',
  );
  const { facts } = historyOf((await scanFacts(log)).facts);
  await log.close();
  const state = newState();
  for (const { fact } of facts) state.restore(fact);
  return [...state.facts()];
}

/** A log of which some calls, or what it says, are the test's. */
export function watchedLog(
  change: (
    log: Log,
    callbacks: LogCallbacks,
  ) => { log?: Partial<Log>; told?: Partial<LogCallbacks> },
): OpenLog {
  return (options, callbacks) => {
    let told: Partial<LogCallbacks> = {};
    const inner = openPortable(options, {
      onProgress: (...args) => (told.onProgress ?? callbacks.onProgress)(...args),
      onRead: () => {},
      onPacked: () => {},
      onSpace: (isShort) => callbacks.onSpace(isShort),
      onFailure: (reason) => callbacks.onFailure(reason),
    });
    const changed = change(inner, callbacks);
    told = changed.told ?? {};
    return new Proxy(inner, {
      get(target, key) {
        const own = changed.log?.[key as keyof Log] ?? Reflect.get(target, key);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
  };
}

export function account(name: string) {
  return { name, passwordHash: '', hashingAlgorithm: 'sha256', tags: [] } as const;
}

export function segmentsOf(directory: string): string[] {
  return fs.readdirSync(directory).filter((name) => name.endsWith('.seg'));
}

export function segmentPath(directory: string, segment: number): string {
  return path.join(directory, segmentFile(segment));
}
