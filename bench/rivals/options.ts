// The harness's command line. Harness process, cold.
// Invariant: with --tiny every run lasts a blink and the numbers mean nothing; it is there so that
// tests can see the whole machinery work.
import { Command, InvalidArgumentError } from 'commander';
import { chooseScenarios, type Scenario } from './scenarios.ts';

export interface RivalsOptions {
  readonly scenarios: readonly Scenario[];
  readonly repeats: number;
  readonly warmup: string;
  readonly duration: string;
  readonly warrenmqCommand: string;
  /** Compare WarrenMQ with this WarrenMQ instead of with RabbitMQ. */
  readonly rivalCommand: string;
  readonly only: string;
  readonly out: string;
  /** A turn of the raw relay after each pair, where bodies are large. */
  readonly ceiling: boolean;
  readonly tiny: boolean;
}

export function parseRivalsOptions(args: readonly string[]): RivalsOptions {
  const command = new Command('rivals')
    .description('Loads WarrenMQ and a rival in turns, A B A B, and compares the medians.')
    .option('--scenarios <names>', 'separated by commas; all if empty', chooseScenarios)
    .option('--repeats <n>', 'turns per broker and scenario', positiveInteger, 5)
    .option('--warmup <seconds>', 'before measuring', '2')
    .option('--duration <seconds>', 'of measuring', '5')
    .option('--warrenmq-command <command>', 'starts WarrenMQ; may hold {port} {dataDir} {node}', '')
    .option('--rival-command <command>', 'compare with this WarrenMQ, not with RabbitMQ', '')
    .option('--only <broker>', 'warrenmq or rabbitmq alone', '')
    .option('--ceiling', 'after each pair what the machine allows, from 16 KiB bodies on', false)
    .option('--out <file>', 'where to write all turns as JSON', '')
    .option('--tiny', 'one short turn of one broker', false)
    .exitOverride();
  command.parse(args, { from: 'user' });
  const options = command.opts<RivalsOptions>();
  const chosen = { ...options, scenarios: options.scenarios ?? chooseScenarios('') };
  if (!['', 'warrenmq', 'rabbitmq'].includes(options.only)) {
    command.error(`error: --only is warrenmq or rabbitmq, not ${options.only}`);
  }
  if (!options.tiny) return chosen;
  return { ...chosen, repeats: 1, warmup: '0.1', duration: '0.3' };
}

/** What --tiny overrides in a scenario that has it. */
const TINY_ARGUMENTS: readonly (readonly [name: string, value: string])[] = [
  ['--idle-connections', '20'],
  ['--connect-rate', '100'],
];

/** The generator's arguments for a scenario; with --tiny a few idle connections are enough. */
export function loadArguments(options: RivalsOptions, scenario: Scenario): readonly string[] {
  const fewer = TINY_ARGUMENTS.filter(([name]) => options.tiny && scenario.load.includes(name));
  return [...scenario.load, ...durations(options), ...fewer.flat()];
}

/** The arguments of the raw generator beside a scenario. */
export function relayArguments(options: RivalsOptions, size: number): readonly string[] {
  return ['--size', String(size), ...durations(options)];
}

export function diskArguments(options: RivalsOptions): readonly string[] {
  return ['--duration', options.duration];
}

function durations(options: RivalsOptions): readonly string[] {
  return ['--warmup', options.warmup, '--duration', options.duration];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected 1 or more.');
  return value;
}
