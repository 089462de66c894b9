// Which wishes of the load generator's command line contradict each other. Generator's process,
// cold.
// Invariant: options that would make a run hang or lie (an ack batch over the prefetch, a latency
// stamp that does not fit the body) are refused with a sentence that says what to change.
import type { LoadOptions } from './options.ts';
import { STAMP_BYTES, STAMP_TIME_BYTES } from './message-batch.ts';

const PREFETCH_MAX = 65_535;
/** Sequence number and checksum of a body in a pipeline, and something to check. */
const PIPELINE_BODY_BYTES_MIN = 16;

/** What is wrong with a command line, or undefined. */
export function contradiction(options: LoadOptions): string | undefined {
  if (options.queues < 1) return '--queues must be at least 1';
  if (options.duration <= 0) return '--duration must be over 0';
  if (options.workers < 1) return '--workers must be at least 1';
  return (
    modeContradiction(options) ??
    ackContradiction(options) ??
    (options.pipelineStages > 0 ? pipelineContradiction(options) : loadContradiction(options))
  );
}

function modeContradiction(options: LoadOptions): string | undefined {
  const modes = [
    options.idleConnections > 0 ? '--idle-connections' : '',
    options.connectRate > 0 ? '--connect-rate' : '',
    options.churn ? '--churn' : '',
    options.pipelineStages > 0 ? '--pipeline-stages' : '',
  ].filter((mode) => mode !== '');
  if (modes.length > 1) return `${modes.join(' and ')} are modes of their own: choose one`;
  if (modes.length === 1 && options.stuckConsumers > 0) {
    return `--stuck-consumers stand beside the ordinary load, not beside ${modes[0]}`;
  }
  return undefined;
}

function ackContradiction({ prefetch, ackBatch, maxBacklog }: LoadOptions): string | undefined {
  if (prefetch > PREFETCH_MAX) return `--prefetch is a 16-bit number: at most ${PREFETCH_MAX}`;
  if (prefetch > 0 && ackBatch > prefetch) {
    return `--ack-batch ${ackBatch} is never reached with --prefetch ${prefetch}: lower it`;
  }
  if (maxBacklog > 0 && ackBatch > maxBacklog) {
    return `--ack-batch ${ackBatch} is never reached with --max-backlog ${maxBacklog}: lower it`;
  }
  return undefined;
}

function pipelineContradiction(options: LoadOptions): string | undefined {
  const { publishers, consumers, prefetch, maxBacklog, size } = options;
  if (publishers < 1 || consumers < 1) {
    return '--pipeline-stages needs both ends: --publishers and --consumers of at least 1';
  }
  if (prefetch < 1) return '--pipeline-stages: each worker holds --prefetch bodies: set it';
  if (maxBacklog < 1) return '--pipeline-stages: --max-backlog bounds what is on its way: set it';
  if (size < PIPELINE_BODY_BYTES_MIN) {
    return `--pipeline-stages stamps each body: --size of at least ${PIPELINE_BODY_BYTES_MIN}`;
  }
  if (options.rate > 0 || options.verify || options.fanout > 0 || options.ackBatch > 0) {
    return '--pipeline-stages works by itself: no --rate, --verify, --fanout or --ack-batch';
  }
  if (options.exchange !== '') return '--pipeline-stages uses the default exchange: no --exchange';
  return undefined;
}

function loadContradiction(options: LoadOptions): string | undefined {
  const { size, rate, verify, maxBacklog, consumers } = options;
  if (rate > 0 && size < STAMP_TIME_BYTES) {
    return `--rate stamps ${STAMP_TIME_BYTES} bytes into each body: raise --size`;
  }
  if (verify && size < STAMP_BYTES) {
    return `--verify stamps ${STAMP_BYTES} bytes into each body: raise --size`;
  }
  const queues = Math.max(options.queues, options.fanout);
  if ((verify || maxBacklog > 0) && consumers < queues) {
    return `--verify and --max-backlog need a consumer on each queue: --consumers ${queues}`;
  }
  return undefined;
}
