// Test thread. What a start of the broker does with a data directory, without its processes and
// threads: FactStore brings the topology back, each shard recovers the queues that the topology
// says it has, and consumers read every message by way of the shard's rings and slabs.
import path from 'node:path';
import { openLog } from '../../../src/log/open-log.ts';
import type { QueueSpec } from '../../../src/routing/change.ts';
import type { Implementation } from '../../unit/log/test-log.ts';
import { type Arrived, CHANNEL, DurableShard } from '../../unit/shards/log/durable-shard.ts';
import { StoreRun } from '../../unit/supervisor/facts/store-fixture.ts';
import { SHARD_FOLDERS, TOPOLOGY_FOLDER } from './sample-store.ts';

/** Enough for what the sample store holds; thousands of shards are opened one after the other. */
const SMALL = { ringBytes: 256 * 1024, slabBytes: 64 * 1024, shardSlabBytes: 1024 * 1024 };
const EXTRA_TURNS = 3;

/** What a start found. */
export interface Found {
  /** By queue, in the order of delivery. */
  readonly messages: ReadonlyMap<number, readonly Arrived[]>;
  /** By queue, how often its messages were delivered before. */
  readonly counts: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** All that the topology's log says now. */
  readonly facts: string;
  readonly nextQueueId: number;
  readonly isNew: boolean;
  /** What was said about damage, by folder. */
  readonly reports: ReadonlyMap<string, readonly string[]>;
  /** Messages that could not be read when a consumer wanted them. */
  readonly lostInReading: number;
}

export interface StartOptions {
  /** The shards that are started beside the topology; they know nothing of each other. */
  readonly shards: readonly number[];
  readonly backend: Implementation;
  /** Everything is started and stopped once before it is read, so that mended logs are read. */
  readonly isTwice: boolean;
  /** Called when all has recovered, before anything is read. */
  readonly beforeReading: () => void;
}

interface Opened {
  readonly topology: StoreRun;
  readonly shards: readonly DurableShard[];
}

export async function startAndRead(directory: string, options: StartOptions): Promise<Found> {
  const reports = new Map<string, string[]>();
  if (options.isTwice) await stopAll(await open(directory, options, reports));
  const opened = await open(directory, options, reports);
  const { topology, shards } = opened;
  try {
    options.beforeReading();
    const messages = new Map<number, readonly Arrived[]>();
    const counts = new Map<number, ReadonlyMap<number, number>>();
    for (const shard of shards) {
      for (const queue of shard.driver.state.queues.values()) {
        counts.set(queue.id, new Map(queue.ready.countsOfRecovered));
        messages.set(queue.id, await readAll(shard, queue.id));
      }
    }
    const { state, isNew } = topology;
    return {
      messages,
      counts,
      facts: JSON.stringify(topology.facts),
      nextQueueId: state.topology.nextQueueId,
      isNew,
      reports,
      lostInReading: shards.reduce((sum, shard) => sum + lostNotices(shard), 0),
    };
  } finally {
    await stopAll(opened);
  }
}

async function open(
  directory: string,
  { backend, shards: numbers }: StartOptions,
  reports: Map<string, string[]>,
): Promise<Opened> {
  const say = (folder: string, lines: readonly string[]): void => {
    reports.set(folder, [...(reports.get(folder) ?? []), ...lines]);
  };
  const topology = new StoreRun(path.join(directory, TOPOLOGY_FOLDER), (settings, callbacks) =>
    openLog(settings, callbacks, backend),
  );
  await topology.start();
  // A damaged end looks like a write that a crash cut off, which is no warning.
  say(TOPOLOGY_FOLDER, [...topology.warnings, ...topology.notes]);
  const specs = [...topology.state.topology.queues('/')];
  const shards: DurableShard[] = [];
  for (const number of numbers) {
    const folder = SHARD_FOLDERS[number];
    const queues = queuesIn(specs, number);
    const shard = await DurableShard.open(path.join(directory, folder), {
      ...SMALL,
      backend,
      queues,
    });
    shards.push(shard);
    const { corruptRanges, isTorn } = shard.report;
    say(folder, isTorn ? [...corruptRanges, 'torn'] : corruptRanges);
  }
  return { topology, shards };
}

function queuesIn(specs: readonly QueueSpec[], shard: number): Record<number, QueueSpec> {
  const own = specs.filter((spec) => spec.shard === shard);
  return Object.fromEntries(own.map((spec) => [spec.id, spec]));
}

async function stopAll({ topology, shards }: Opened): Promise<void> {
  for (const shard of shards) await shard.stop();
  await topology.store.close();
}

/** Until the queue is empty, whatever of it turns out to be gone on the way. */
async function readAll(shard: DurableShard, queueId: number): Promise<Arrived[]> {
  const queue = shard.queue(queueId);
  const consumer = 1_000_000 + queueId;
  shard.acceptor.consume(queueId, CHANNEL, consumer, { noAck: true });
  await shard.until(() => queue.ready.isEmpty && !queue.isLoading);
  let turns = 0;
  await shard.until(() => (turns += 1) > EXTRA_TURNS);
  shard.acceptor.cancel(CHANNEL, consumer);
  return shard.deliveries();
}

function lostNotices(shard: DurableShard): number {
  return shard.driver.notices.filter(({ kind }) => kind === 'message-lost').length;
}
