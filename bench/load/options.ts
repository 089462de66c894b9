// The load generator's command line: what may be asked. Generator's process, cold.
// Invariant: whoever gets options may rely on them: what contradicts itself was refused here.
import { Command, InvalidArgumentError } from 'commander';
import { contradiction } from './contradictions.ts';

export interface LoadOptions {
  readonly url: string;
  readonly publishers: number;
  readonly consumers: number;
  readonly queues: number;
  readonly firstQueue: number;
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
  readonly stuckConsumers: number;
  readonly idleConnections: number;
  readonly connectRate: number;
  /** Seconds. */
  readonly hold: number;
  readonly churn: boolean;
  readonly pipelineStages: number;
  readonly workers: number;
  readonly verbose: boolean;
  readonly json: boolean;
}

const INTEGER_MAX = 2 ** 31 - 1;

/** Reads the arguments after the script's name; throws commander's error with a usable text. */
export function parseLoadOptions(args: readonly string[]): LoadOptions {
  const command = loadCommand();
  command.parse(args, { from: 'user' });
  const options = command.opts<LoadOptions>();
  const problem = contradiction(options);
  if (problem !== undefined) command.error(`error: ${problem}`);
  // With fan-out every message goes to all queues, and a stage of a pipeline is one.
  const { fanout, pipelineStages, queues } = options;
  return { ...options, queues: fanout || pipelineStages || queues };
}

function loadCommand(): Command {
  return new Command('load')
    .description('Loads an AMQP 0-9-1 broker and reports what it did with the messages.')
    .option('--url <url>', 'the broker', 'amqp://guest:guest@127.0.0.1:5672')
    .option('--publishers <n>', 'connections that publish', integer, 1)
    .option('--consumers <n>', 'connections that consume', integer, 1)
    .option('--queues <n>', 'publisher and consumer i use queue i modulo n', integer, 1)
    .option('--first-queue <n>', 'number of the first queue: runs side by side', integer, 0)
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
    .option('--stuck-consumers <n>', 'beside the load: n that never read', integer, 0)
    .option('--idle-connections <n>', 'only open n connections and hold them', integer, 0)
    .option('--connect-rate <per-second>', 'only connect, at this rate, and close', integer, 0)
    .option('--hold <seconds>', 'how long --connect-rate keeps a connection', seconds, 0.1)
    .option('--churn', 'only open and close, declare and delete, and so on', false)
    .option('--pipeline-stages <n>', 'messages pass n queues, then are checked', integer, 0)
    .option('--workers <n>', 'of --pipeline-stages per stage, of --churn per kind', integer, 1)
    .option('--verbose', 'a line per second', false)
    .option('--json', 'print the result as JSON', false)
    .exitOverride();
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
