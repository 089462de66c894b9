// Compares WarrenMQ with RabbitMQ, or with another WarrenMQ: both run all the time, one at a time
// is loaded, in turns. `node bench/rivals/main.ts --help`. A process of its own that mostly sleeps.
// Invariants: whatever was started is stopped, also after a failure or a signal; every turn is kept
// in the output file, so that medians can be checked. Exit codes: 0 done, 1 failed, 2 bad
// arguments.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { CommanderError } from 'commander';
import { formatComparison } from '../report/comparison.ts';
import type { RivalsFile, ScenarioRecord, TurnRecord } from '../report/records.ts';
import type { Broker } from './broker.ts';
import {
  diskArguments,
  loadArguments,
  parseRivalsOptions,
  relayArguments,
  type RivalsOptions,
} from './options.ts';
import { findRabbitmq, startRabbitmq } from './rabbitmq.ts';
import { startRelay } from './raw-relay.ts';
import type { Scenario } from './scenarios.ts';
import { takeDiskTurn, takeTurn } from './turn.ts';
import { startWarrenmq, warrenmqIsBuilt } from './warrenmq.ts';

const running = new Set<Broker>();
const starting = new Set<Promise<Broker>>();

async function started(start: Promise<Broker>): Promise<Broker> {
  starting.add(start);
  try {
    const broker = await start;
    running.add(broker);
    return broker;
  } finally {
    starting.delete(start);
  }
}

async function stopBroker(broker: Broker): Promise<void> {
  running.delete(broker);
  await broker.stop();
}

/** WarrenMQ first, then its rival; only what was asked for, and with --tiny only one of them. */
async function startBrokers(options: RivalsOptions): Promise<readonly Broker[]> {
  const brokers: Broker[] = [];
  const hasWarrenmq = options.warrenmqCommand !== '' || warrenmqIsBuilt();
  const wantsRabbitmq = options.only !== 'warrenmq' && options.rivalCommand === '';
  const script = wantsRabbitmq ? findRabbitmq() : undefined;
  if (options.only !== 'rabbitmq' && (hasWarrenmq || !options.tiny)) {
    brokers.push(await started(startWarrenmq('warrenmq', options.warrenmqCommand, [])));
    if (options.tiny) return brokers;
  }
  if (options.rivalCommand !== '') {
    brokers.push(await started(startWarrenmq('rival', options.rivalCommand, [])));
  } else if (wantsRabbitmq) {
    if (script === undefined) throw new Error('RabbitMQ is not installed; try --only warrenmq');
    brokers.push(await started(startRabbitmq(script)));
  }
  return brokers;
}

/** Starts one more broker of the kind and name of `broker`, with the scenario's own flags. */
function startAnother(options: RivalsOptions, broker: Broker, scenario: Scenario): Promise<Broker> {
  if (broker.name === 'rabbitmq') return started(startRabbitmq(findRabbitmq()!));
  const template = broker.name === 'rival' ? options.rivalCommand : options.warrenmqCommand;
  return started(startWarrenmq(broker.name, template, scenario.warrenmqFlags));
}

async function runScenario(
  options: RivalsOptions,
  brokers: readonly Broker[],
  relay: Broker | undefined,
  scenario: Scenario,
  turns: TurnRecord[],
): Promise<void> {
  const contenders: Broker[] = [];
  for (const broker of brokers) {
    const usesShared = scenario.warrenmqFlags.length === 0 || broker.name === 'rabbitmq';
    const shared = usesShared || scenario.freshBrokers;
    contenders.push(shared ? broker : await startAnother(options, broker, scenario));
  }
  const args = loadArguments(options, scenario);
  for (let repeat = 1; repeat <= options.repeats; repeat += 1) {
    for (const contender of contenders) {
      const broker = scenario.freshBrokers
        ? await startAnother(options, contender, scenario)
        : contender;
      const all = ['--url', broker.url, '--json', ...args];
      const turn = await takeTurn([...running], broker, scenario.name, 'load', all);
      if (broker !== contender) await stopBroker(broker);
      turns.push(turn);
      const delivered = turn.load ? ` ${progress(turn.load.deliveredPerSecond)}/s delivered` : '';
      process.stderr.write(`${scenario.name} ${repeat} ${broker.name}${delivered}\n`);
    }
    if (relay !== undefined) turns.push(...(await takeCeiling(options, relay, scenario)));
  }
  for (const broker of contenders) if (!brokers.includes(broker)) await stopBroker(broker);
}

/** No turn where there is nothing to measure. */
async function takeCeiling(
  options: RivalsOptions,
  relay: Broker,
  { name, ceiling }: Scenario,
): Promise<readonly TurnRecord[]> {
  if (ceiling === undefined) return [];
  if (ceiling.of === 'disk') {
    return [await takeDiskTurn([...running], name, diskArguments(options))];
  }
  const args = ['load', '--url', relay.url, ...relayArguments(options, ceiling.bytes)];
  return [await takeTurn([...running], relay, name, 'ceilings', args)];
}

async function compare(options: RivalsOptions): Promise<RivalsFile> {
  const brokers = await startBrokers(options);
  const relay = options.ceiling ? await started(startRelay([])) : undefined;
  const turns: TurnRecord[] = [];
  const startedAt = new Date().toISOString();
  for (const scenario of options.scenarios) {
    await runScenario(options, brokers, relay, scenario, turns);
  }
  return {
    startedAt,
    commit: commitId(),
    machine: machine(),
    node: process.versions.node,
    brokers: Object.fromEntries(brokers.map(({ name, product }) => [name, product])),
    scenarios: options.scenarios.map(recordOf),
    turns,
  };
}

function recordOf({ name, purpose, metrics, baseline }: Scenario): ScenarioRecord {
  return { name, purpose, metrics, ...(baseline === undefined ? {} : { baseline }) };
}

function progress(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en-US');
}

function machine(): string {
  const processor = `${cpus().length} x ${cpus()[0]?.model ?? 'processor'}`;
  return `${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
}

/** Empty outside of a git checkout: the numbers are then of an installed package. */
function commitId(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

async function stopAll(): Promise<void> {
  // A broker that is just starting is waited for: only then is there somebody to stop.
  await Promise.allSettled(starting);
  await Promise.all([...running].map(stopBroker));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void stopAll().finally(() => process.exit(1));
  });
}

try {
  const options = parseRivalsOptions(process.argv.slice(2));
  const file = await compare(options);
  if (options.out !== '') writeFileSync(options.out, `${JSON.stringify(file)}\n`);
  process.stdout.write(`${formatComparison(file)}\n`);
} catch (error) {
  const usage = error instanceof CommanderError;
  if (!usage) process.stderr.write(`rivals: ${(error as Error).message}\n`);
  process.exitCode = usage ? (error.exitCode === 0 ? 0 : 2) : 1;
} finally {
  await stopAll();
}
