// Test thread. Makes the data directory that the flips of this proof hit: the topology's log and
// those of two shards, one left by a crash and one by a stop in order. In each shard several queues
// hold messages of many sizes (inline, in slabs, in several records, in compressed blocks), some
// with priority or time to live; there are acks, counts and checkpoints from before and after.
// Everything is made by the broker's own parts: FactStore, and the shard with its acceptor.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { OUTCOME_REQUEUE } from '../../../shards/mailbox/to-shard-layout.ts';
import type { QueueSpec } from '../../../src/routing/change.ts';
import type { Fact } from '../../../src/supervisor/facts/fact.ts';
import {
  type Arrived,
  bodyOf,
  CHANNEL,
  DurableShard,
} from '../../unit/shards/log/durable-shard.ts';
import { DECLARATIONS } from '../../unit/supervisor/facts/every-fact.ts';
import { account, startStore } from '../../unit/supervisor/facts/store-fixture.ts';

export const SHARD_FOLDERS = ['shards/000', 'shards/001'] as const;
export const TOPOLOGY_FOLDER = 'topology';

const KIB = 1024;
const DAY_MILLIS = 86_400_000;
/** Per shard, the queue that only fills segments, so that they are cleaned. */
const CHURN = 5;
const CHURN_BYTES = 3000;
/** Up to here every tenth message stays; what is behind moves it out of its segment. */
const STAYING_UNTIL = 800;
const CHURN_MESSAGES_MAX = 20_000;
const SIZES = [0, 9, 120, 700, 2500, 4000, 5000, 30 * KIB];
/** One in each life of a shard: each byte of it makes every start slower. */
const CONTINUED_SIZES = [260 * KIB, 300 * KIB];
/** When cleaning is through with what it was to pack. */
const SEGMENTS_MAX = 4;
const CLEANING = { slackBytes: 0, movedBytesMax: 64 * KIB };

/** Of a message that was published, by its exchange and routing key. */
export interface Sent {
  readonly fingerprint: string;
  readonly queues: readonly number[];
}

export interface SampleStore {
  readonly directory: string;
  readonly sent: ReadonlyMap<string, Sent>;
}

export function fingerprintOf(props: string, body: Buffer): string {
  return createHash('sha1').update(`${props.length} ${props}`).update(body).digest('base64');
}

/** Shard s has the queues 10 s + 1 to 10 s + 5, alike in both. */
export function queuesOf(shard: number): Record<number, Partial<QueueSpec>> {
  const base = shard * 10;
  const tables = [{}, {}, { 'x-max-priority': 3 }, { 'x-message-ttl': DAY_MILLIS }, {}];
  return Object.fromEntries(
    tables.map((table, index) => [base + 1 + index, { shard, arguments: table }]),
  );
}

/** `directory` is made; the work is done beside it. */
export async function makeSampleStore(directory: string): Promise<SampleStore> {
  const sent = new Map<string, Sent>();
  mkdirSync(path.join(directory, 'shards'), { recursive: true });
  for (const [shard, folder] of SHARD_FOLDERS.entries()) {
    const made = await new ShardMaker(`${directory}-${shard}`, shard, sent).make();
    if (shard === 1) await made.stop();
    copyAll(made.directory, path.join(directory, folder));
    await made.stop();
  }
  await makeTopology(`${directory}-topology`, path.join(directory, TOPOLOGY_FOLDER));
  return { directory, sent };
}

/** A file may be renamed or go while the others are copied. */
function copyAll(from: string, to: string): void {
  for (let tries = 0; ; tries += 1) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

async function makeTopology(work: string, copy: string): Promise<void> {
  const first = await startStore(work);
  for (const fact of [...DECLARATIONS, ...queueFacts()]) await first.record(fact);
  await first.store.close();
  const second = await startStore(work);
  for (const name of ['ann', 'bob', 'cem']) {
    await second.record({ kind: 'user-set', account: account(name) });
  }
  await second.record({ kind: 'user-deleted', user: 'bob' });
  copyAll(work, copy);
  await second.store.close();
}

function queueFacts(): Fact[] {
  return SHARD_FOLDERS.flatMap((_folder, shard) =>
    Object.entries(queuesOf(shard)).map(([id, { arguments: table = {} }]): Fact => {
      const common = { durable: true, autoDelete: false, exclusiveOwner: 0 };
      const queue = { ...common, id: Number(id), shard, name: `q${id}`, arguments: table };
      return { kind: 'queue-declared', vhost: '/', queue };
    }),
  );
}

class ShardMaker {
  readonly #directory: string;
  readonly #number: number;
  readonly #sent: Map<string, Sent>;
  #shard!: DurableShard;
  #lastId = 0;

  constructor(directory: string, number: number, sent: Map<string, Sent>) {
    this.#directory = directory;
    this.#number = number;
    this.#sent = sent;
  }

  async make(): Promise<DurableShard> {
    await this.#start();
    await this.#fillBlocks();
    // The first checkpoint of a start lets go what is dead, which would only make every flip slower.
    await this.#shard.stop();
    await this.#start();
    await this.#shard.until(() => this.#shard.storage.report().checkpoints > 0);
    await this.#life(CONTINUED_SIZES[0]);
    // The stop writes a checkpoint with everything in it, the start another one and a new segment.
    await this.#shard.stop();
    await this.#start();
    await this.#life(CONTINUED_SIZES[1]);
    return this.#shard;
  }

  #queue(index: number): number {
    return this.#number * 10 + index;
  }

  async #start(): Promise<void> {
    const queues = queuesOf(this.#number);
    this.#shard = await DurableShard.open(this.#directory, { queues, cleaning: CLEANING });
  }

  #publish(queues: readonly number[], size: number): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const exrk = `#${this.#number}.${id}`;
    const props = id % 2 === 0 ? '' : `props ${id}`;
    const body = bodyOf(id, size);
    const priority = id % 5 === 4 ? undefined : id % 5;
    const own = id % 4 === 0 ? { ttlMillis: DAY_MILLIS + id } : {};
    const traits = priority === undefined ? own : { ...own, priority };
    this.#shard.publish(queues, body, { exrk, props, ...traits });
    this.#sent.set(exrk, { fingerprint: fingerprintOf(props, body), queues });
  }

  /** Messages that stay among many that go, until cleaning has packed those that stay. */
  async #fillBlocks(): Promise<void> {
    const churn = this.#queue(CHURN);
    for (let i = 1; i <= CHURN_MESSAGES_MAX; i += 1) {
      if (i % 10 === 0 && i <= STAYING_UNTIL) {
        this.#publish(i % 20 === 0 ? [this.#queue(1), this.#queue(3)] : [this.#queue(2)], i % 900);
      }
      this.#shard.publish([churn], bodyOf(i, CHURN_BYTES), { exrk: 'churn' });
      if (i % 100 !== 0) continue;
      await this.#shard.synced();
      this.#shard.acceptor.purge(churn);
      this.#shard.turn();
      if (i > STAYING_UNTIL && this.#isCleaned()) return;
    }
    throw new Error('cleaning made no blocks');
  }

  /** Few segments are left, and all messages lie in blocks. */
  #isCleaned(): boolean {
    const { records } = this.#shard.storage.shardLog;
    if (this.#shard.storage.report().segments > SEGMENTS_MAX) return false;
    for (let row = 0; row < records.end; row += 1) {
      if (records.isUsed(row) && records.inner(row) < 0) return false;
    }
    return true;
  }

  /** Messages of all sizes into all queues; some are acked, some given back. */
  async #life(continuedBytes: number): Promise<void> {
    const shard = this.#shard;
    for (let i = 0; i < 40; i += 1) {
      const queues = [1, 2, 3, 4].filter((queue) => queue === 1 + (i % 4) || i % 6 === queue);
      this.#publish(
        queues.map((queue) => this.#queue(queue)),
        SIZES[i % SIZES.length],
      );
    }
    this.#publish([this.#queue(2)], continuedBytes);
    await shard.synced();
    for (const index of [1, 2, 4]) await this.#settle(this.#queue(index), 8);
    await shard.until(() => shard.storage.shardLog.isIdle);
  }

  /** Of the first `count`, every other one is acked and the rest given back, all but the last. */
  async #settle(queue: number, count: number): Promise<void> {
    const shard = this.#shard;
    for (let i = 0; i < count; i += 1) {
      const got = (await shard.get(queue)) as Arrived;
      if (i === count - 1) continue;
      if (i % 2 === 0) shard.acceptor.ack(CHANNEL, got.number, 1);
      else shard.acceptor.ack(CHANNEL, got.number, 1, OUTCOME_REQUEUE);
    }
    await shard.until(() => !shard.storage.shardLog.isIdle);
    await shard.synced();
  }
}
