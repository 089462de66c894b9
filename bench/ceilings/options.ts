// The command line of the ceilings: the measuring itself, and the two roles that it starts as
// processes of their own. All three processes, cold.
// Invariant: the defaults of the relay are what was found to be fastest, so that the ceiling is an
// honest one.
import { Command, InvalidArgumentError } from 'commander';
import type { RawLoadOptions } from './raw-load.ts';
import type { RelayOptions } from './relay.ts';

export interface CeilingsOptions extends RelayOptions {
  readonly sizes: readonly number[];
  readonly repeats: number;
  readonly warmup: number;
  readonly duration: number;
  readonly json: boolean;
}

export interface Roles {
  readonly measure: (options: CeilingsOptions) => Promise<void>;
  readonly relay: (options: RelayOptions) => Promise<void>;
  readonly load: (options: RawLoadOptions) => Promise<void>;
  readonly disk: (options: { readonly duration: number }) => void;
}

const SIZES = [16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
const BUFFER_BYTES = 1_048_576;
const BUFFERS = 8;

/** The command whose parsing runs one of the roles. */
export function ceilingsCommand(roles: Roles): Command {
  const command = new Command('ceilings')
    .description('What sockets and memory alone could do on this machine, without a broker.')
    .exitOverride();
  command
    .command('measure', { isDefault: true })
    .description('the raw relay at each size in turns, then copies to shared memory')
    .option('--sizes <bytes>', 'of bodies, separated by commas', sizes, SIZES)
    .option('--repeats <n>', 'turns per size', positive, 3)
    .option('--warmup <seconds>', 'before measuring', seconds, 0.5)
    .option('--duration <seconds>', 'of measuring', seconds, 2)
    .option('--buffer-bytes <n>', 'of each buffer of the relay', positive, BUFFER_BYTES)
    .option('--buffers <n>', 'of the relay; at least 2', several, BUFFERS)
    .option('--json', 'print every turn as JSON', false)
    .action(roles.measure);
  command
    .command('relay')
    .description('only the relay; it prints its address')
    .option('--buffer-bytes <n>', 'of each buffer', positive, BUFFER_BYTES)
    .option('--buffers <n>', 'at least 2', several, BUFFERS)
    .action(roles.relay);
  command
    .command('load')
    .description('only the raw generator; it prints JSON')
    .requiredOption('--url <url>', 'what the relay has printed')
    .option('--size <bytes>', 'of a body', positive, 262_144)
    .option('--warmup <seconds>', 'before measuring', seconds, 0.5)
    .option('--duration <seconds>', 'of measuring', seconds, 2)
    .option('--json', 'as it always does', true)
    .action(roles.load);
  command
    .command('disk')
    .description('only the disk; it prints JSON')
    .option('--duration <seconds>', 'of measuring', seconds, 2)
    .action(roles.disk);
  return command;
}

function sizes(text: string): number[] {
  return text.split(',').map(positive);
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected 1 or more.');
  return value;
}

function several(text: string): number {
  if (positive(text) < 2) throw new InvalidArgumentError('Expected 2 or more: one is read into.');
  return Number(text);
}

function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, as in 0.5.');
  return Number(text);
}
