// The pipeline: bodies travel through n queues; workers carry them from each to the next; the end
// checks that each came through once and undamaged. Generator's process, cold.
// Invariants: consumers are in place before sources; after the window sources stop and what is on
// its way is waited for, so that a message still missing then is lost; rates are of messages that
// came out at the end.
import { setTimeout as sleep } from 'node:timers/promises';
import { Backlog } from './backlog.ts';
import { DeliveryLedger } from './delivery-ledger.ts';
import { MeasuringWindow, monotonicMillis } from './measuring-window.ts';
import { onTopology, type Open, type Party } from './on-topology.ts';
import type { LoadOptions } from './options.ts';
import { PipelineBodies } from './pipeline-body.ts';
import { PipelineSink } from './pipeline-sink.ts';
import { PipelineSource, type SentCount } from './pipeline-source.ts';
import { PipelineWorker } from './pipeline-worker.ts';
import type { LoadResult } from './result.ts';
import { ratesOf } from './summary.ts';
import { queueName } from './topology.ts';
import { sampleWindow, type Counters, type LoadEvent } from './window-samples.ts';

const DRAIN_SILENCE_SECONDS = 5;
const DUPLICATE_MILLIS = 50;

interface PipelineParties {
  readonly sources: readonly PipelineSource[];
  readonly workers: readonly PipelineWorker[];
  readonly sinks: readonly PipelineSink[];
  readonly ledger: DeliveryLedger;
  readonly sent: SentCount;
  readonly window: MeasuringWindow;
}

export async function runPipeline(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  return onTopology(
    options,
    (open) => connectPipeline(options, open),
    everybody,
    (parties) => measure(options, parties, onEvent, print),
  );
}

async function connectPipeline(options: LoadOptions, open: Open): Promise<PipelineParties> {
  const { size, persistent, prefetch, confirmWindow, pipelineStages } = options;
  const window = new MeasuringWindow();
  const ledger = new DeliveryLedger();
  const sent: SentCount = { value: 0 };
  const sources: PipelineSource[] = [];
  const backlog = new Backlog(options.maxBacklog, 1, () => {
    for (const source of sources) source.wake();
  });
  const first = await open();
  const bodies = new PipelineBodies(queueName(options, 0), size, persistent, first.frameBytesMax);
  const sinks: PipelineSink[] = [];
  for (let index = 0; index < options.consumers; index += 1) {
    const sink = new PipelineSink(await open(), bodies, ledger, backlog, sent);
    await sink.prepare(queueName(options, pipelineStages - 1), prefetch);
    sinks.push(sink);
  }
  const workers: PipelineWorker[] = [];
  for (let stage = 0; stage + 1 < pipelineStages; stage += 1) {
    const path = { from: queueName(options, stage), to: queueName(options, stage + 1) };
    const confirms = confirmWindow > 0;
    for (let index = 0; index < options.workers; index += 1) {
      const settings = { ...path, bodyBytes: size, prefetch, persistent, confirms };
      const worker = new PipelineWorker(await open(), settings);
      await worker.prepare();
      workers.push(worker);
    }
  }
  for (let index = 0; index < options.publishers; index += 1) {
    const connection = index === 0 ? first : await open();
    const source = new PipelineSource(connection, bodies, backlog, sent, confirmWindow, window);
    await source.prepare();
    sources.push(source);
  }
  return { sources, workers, sinks, ledger, sent, window };
}

async function measure(
  options: LoadOptions,
  parties: PipelineParties,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  const { sources, ledger, sent, window } = parties;
  for (const source of sources) source.start();
  await sleep(options.warmup * 1000);
  const readCounters = (): Counters => countersOf(parties);
  const samples = await sampleWindow(options, window, readCounters, onEvent, print);
  for (const source of sources) source.stop();
  await drain(parties);
  const lost = ledger.lost(sent.value);
  const { corrupt, duplicated } = ledger;
  const correct = corrupt + duplicated + lost === 0;
  const stages = options.pipelineStages;
  return {
    ...ratesOf(options, samples),
    nacked: 0,
    blocked: everybody(parties).reduce((sum, party) => sum + party.connection.blockedCount, 0),
    pipeline: { correct, stages, sent: sent.value, corrupt, duplicated, lost },
  };
}

function everybody(parties: PipelineParties): readonly Party[] {
  return [...parties.sources, ...parties.workers, ...parties.sinks];
}

function countersOf({ sources, sinks }: PipelineParties): Counters {
  let published = 0;
  let confirmed = 0;
  let delivered = 0;
  let deliveredBytes = 0;
  for (const source of sources) {
    published += source.published;
    confirmed += source.confirmed;
  }
  for (const sink of sinks) {
    delivered += sink.delivered;
    deliveredBytes += sink.deliveredBytes;
  }
  return { published, confirmed, delivered, deliveredBytes };
}

/** Waits until everything sent has come out, or until nothing has for some seconds. */
async function drain(parties: PipelineParties): Promise<void> {
  let seen = -1;
  let lastArrival = monotonicMillis();
  for (;;) {
    const { deliveredBytes } = countersOf(parties);
    const now = monotonicMillis();
    if (deliveredBytes > seen) lastArrival = now;
    seen = deliveredBytes;
    // Whatever comes twice comes soon.
    if (parties.ledger.lost(parties.sent.value) === 0) return await sleep(DUPLICATE_MILLIS);
    if (now - lastArrival > DRAIN_SILENCE_SECONDS * 1000) return;
    await sleep(10);
  }
}
