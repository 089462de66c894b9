// The load generator's command line: what may be asked, and which wishes contradict each other.
// Generator's process, cold.
// Invariant: options that would make a run hang or lie (an ack batch over the prefetch, a latency
// stamp that does not fit the body) are refused with a sentence that says what to change.
import { Command, InvalidArgumentError } from 'commander';
import { STAMP_BYTES, STAMP_TIME_BYTES } from './message-batch.ts';

export interface LoadOptions {
  readonly url: string;
  readonly publishers: number;
  readonly consumers: number;
  readonly queues: number;
  readonly size: number;
  readonly confirmWindow: number;
  readonly prefetch: number;
  readonly ackBatch: number;
  readonly persistent: boolean;
  readonly durable: boolean;
  readonly rate: number;
  readonly warmup: number;
  readonly duration: number;
  readonly exchange: string;
  readonly exchangeType: string;
  readonly fanout: number;
  readonly maxBacklog: number;
  readonly verify: boolean;
  readonly idleConnections: number;
  readonly verbose: boolean;
  readonly json: boolean;
}

const INTEGER_MAX = 2 ** 31 - 1;
const PREFETCH_MAX = 65_535;

/** Reads the arguments after the script's name; throws commander's error with a usable text. */
export function parseLoadOptions(args: readonly string[]): LoadOptions {
  const command = loadCommand();
  command.parse(args, { from: 'user' });
  const options = command.opts<LoadOptions>();
  const problem = contradiction(options);
  if (problem !== undefined) command.error(`error: ${problem}`);
  // With fan-out every message goes to all queues, so there are exactly as many as asked for.
  return options.fanout > 0 ? { ...options, queues: options.fanout } : options;
}

function loadCommand(): Command {
  return new Command('load')
    .description('Loads an AMQP 0-9-1 broker and reports what it did with the messages.')
    .option('--url <url>', 'the broker', 'amqp://guest:guest@127.0.0.1:5672')
    .option('--publishers <n>', 'connections that publish', integer, 1)
    .option('--consumers <n>', 'connections that consume', integer, 1)
    .option('--queues <n>', 'publisher and consumer i use queue i modulo n', integer, 1)
    .option('--size <bytes>', 'body size', integer, 16)
    .option('--confirm-window <n>', 'unconfirmed publishes at most; 0: no confirms', integer, 0)
    .option('--prefetch <n>', 'per consumer; 0: unlimited', integer, 0)
    .option('--ack-batch <n>', 'deliveries per basic.ack multiple; 0: no-ack', integer, 0)
    .option('--persistent', 'delivery mode 2', false)
    .option('--durable', 'durable queues', false)
    .option('--rate <per-second>', 'open loop at this total rate; 0: closed loop', integer, 0)
    .option('--warmup <seconds>', 'before measuring', seconds, 2)
    .option('--duration <seconds>', 'of measuring', seconds, 10)
    .option('--exchange <name>', 'publish through this exchange; the default one if empty', '')
    .option('--exchange-type <type>', 'of --exchange: direct, topic or fanout', 'direct')
    .option('--fanout <n>', 'one fanout exchange bound to n queues', integer, 0)
    .option('--max-backlog <n>', 'publishers stop while more is unconsumed; 0: off', integer, 0)
    .option('--verify', 'check order and counts by sequence numbers, after a drain', false)
    .option('--idle-connections <n>', 'only open n connections and hold them', integer, 0)
    .option('--verbose', 'a line per second', false)
    .option('--json', 'print the result as JSON', false)
    .exitOverride();
}

function contradiction(options: LoadOptions): string | undefined {
  const { prefetch, ackBatch, size, rate, verify, maxBacklog, consumers } = options;
  if (options.queues < 1) return '--queues must be at least 1';
  if (options.duration <= 0) return '--duration must be over 0';
  if (prefetch > PREFETCH_MAX) return `--prefetch is a 16-bit number: at most ${PREFETCH_MAX}`;
  if (prefetch > 0 && ackBatch > prefetch) {
    return `--ack-batch ${ackBatch} is never reached with --prefetch ${prefetch}: lower it`;
  }
  if (rate > 0 && size < STAMP_TIME_BYTES) {
    return `--rate stamps ${STAMP_TIME_BYTES} bytes into each body: raise --size`;
  }
  if (verify && size < STAMP_BYTES) {
    return `--verify stamps ${STAMP_BYTES} bytes into each body: raise --size`;
  }
  if (maxBacklog > 0 && ackBatch > maxBacklog) {
    return `--ack-batch ${ackBatch} is never reached with --max-backlog ${maxBacklog}: lower it`;
  }
  const queues = Math.max(options.queues, options.fanout);
  if ((verify || maxBacklog > 0) && consumers < queues) {
    return `--verify and --max-backlog need a consumer on each queue: --consumers ${queues}`;
  }
  return undefined;
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > INTEGER_MAX) {
    throw new InvalidArgumentError(`Expected a whole number from 0 to ${INTEGER_MAX}.`);
  }
  return value;
}

function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, as in 0.5.');
  return Number(text);
}
