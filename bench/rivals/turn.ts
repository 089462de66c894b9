// One turn: wait until the brokers are idle, load one of them once, read its meters at the edges of
// the measured window. Harness process, which sleeps while the generator works.
// Invariants: the generator is a process of its own; meters are read when it says that the window
// starts and ends, so warm-up, drain and clean-up cost nothing here.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadEvent } from '../load/window-samples.ts';
import type { TurnRecord } from '../report/records.ts';
import type { Broker } from './broker.ts';
import { runGenerator, type GeneratorName, type GeneratorResult } from './generator.ts';
import { readMachineCpuSeconds, readUsage, type Usage } from './process-usage.ts';

const IDLE_CORES = 0.05;
const SETTLE_STEP_SECONDS = 0.25;
const SETTLE_SECONDS_MAX = 20;

interface Meters {
  readonly millis: number;
  readonly usage: Usage;
  readonly machineCpuSeconds: number;
}

export async function takeTurn(
  brokers: readonly Broker[],
  loaded: Broker,
  scenario: string,
  generator: GeneratorName,
  args: readonly string[],
): Promise<TurnRecord> {
  const settled = await settle(brokers);
  const edges = new Map<LoadEvent, Meters>();
  const result = await runGenerator(generator, args, (event) => {
    edges.set(event, readMeters(loaded));
  });
  const start = edges.get('window-start');
  const end = edges.get('window-end');
  if (start === undefined || end === undefined) throw new Error('the generator said no window');
  const seconds = (end.millis - start.millis) / 1000;
  const cpuSeconds = end.usage.cpuSeconds - start.usage.cpuSeconds;
  const machineSeconds = end.machineCpuSeconds - start.machineCpuSeconds;
  const generatorSeconds = 'generatorCpuSeconds' in result ? result.generatorCpuSeconds : 0;
  return {
    scenario,
    broker: loaded.name,
    settled,
    cpuSeconds,
    cpuMicrosPerMessage: cpuMicrosPerMessage(cpuSeconds, result),
    rssBytes: end.usage.rssBytes,
    rssBytesBefore: start.usage.rssBytes,
    otherCores: Math.max(0, (machineSeconds - cpuSeconds - generatorSeconds) / seconds),
    load: undefined,
    idleConnections: undefined,
    ...measured(result),
  };
}

/** What the disk takes while the brokers are idle; its processor time is nobody's. */
export async function takeDiskTurn(
  brokers: readonly Broker[],
  scenario: string,
  args: readonly string[],
): Promise<TurnRecord> {
  const settled = await settle(brokers);
  const result = await runGenerator('ceilings', ['disk', ...args], () => undefined);
  return {
    scenario,
    broker: 'disk',
    settled,
    cpuSeconds: 0,
    cpuMicrosPerMessage: undefined,
    rssBytes: 0,
    rssBytesBefore: 0,
    otherCores: 0,
    load: undefined,
    idleConnections: undefined,
    ...measured(result),
  };
}

function measured(result: GeneratorResult): Partial<TurnRecord> {
  if ('published' in result) return { load: result };
  if ('idleConnections' in result) return { idleConnections: result.idleConnections };
  if ('operations' in result) return { churn: result };
  if ('openedPerSecond' in result) return { connects: result };
  return { ceiling: result };
}

/** Half a message for its publish and half for its delivery, so that a backlog does not flatter. */
function cpuMicrosPerMessage(cpuSeconds: number, result: GeneratorResult): number | undefined {
  if (!('published' in result)) return undefined;
  return (cpuSeconds * 1e6) / Math.max(1, (result.published + result.delivered) / 2);
}

/** Waits until no broker uses more than a little processor time; false when one never stops. */
async function settle(brokers: readonly Broker[]): Promise<boolean> {
  const cpuSeconds = (): number =>
    brokers.reduce((sum, broker) => sum + readUsage(broker.pid).cpuSeconds, 0);
  let before = cpuSeconds();
  for (let waited = 0; waited < SETTLE_SECONDS_MAX; waited += SETTLE_STEP_SECONDS) {
    await sleep(SETTLE_STEP_SECONDS * 1000);
    const after = cpuSeconds();
    if (after - before <= IDLE_CORES * SETTLE_STEP_SECONDS) return true;
    before = after;
  }
  return false;
}

function readMeters(broker: Broker): Meters {
  return {
    millis: performance.now(),
    usage: readUsage(broker.pid),
    machineCpuSeconds: readMachineCpuSeconds(),
  };
}
