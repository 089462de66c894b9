// Test thread. Flips one bit at a time in copies of a sample store, starts each copy in this process,
// reads it all, and holds what came against the undamaged store. A flip that breaks a promise of
// docs/durability.md is a failure with words; everything else is counted.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Random } from '../../fuzz/session-bytes.ts';
import { implementations } from '../../unit/log/test-log.ts';
import { difference, Harvest } from '../harvest.ts';
import {
  fingerprintOf,
  makeSampleStore,
  queuesOf,
  type SampleStore,
  SHARD_FOLDERS,
  TOPOLOGY_FOLDER,
} from './sample-store.ts';
import { type Found, startAndRead } from './start-in-process.ts';
import {
  type Part,
  randomFlip,
  type StoreFile,
  type StoreFlip,
  storeFiles,
  writeStore,
} from './store-files.ts';

const QUEUES_MAX = 32;
/** Of 100 flips: made when the shards have recovered, before anything is read. */
const LATE_PERCENT = 20;
const TWICE_PERCENT = 20;
const LATE_PARTS: readonly Part[] = ['message', 'piece', 'block'];

export interface FlipSums {
  flips: number;
  /** By what was hit. */
  readonly hits: Record<string, number>;
  /** Said at the start; said when a consumer wanted the message. */
  seenAtStart: number;
  seenInReading: number;
  /** Not said, because what was hit is not read: nothing may be different. By what was hit. */
  readonly harmless: Record<string, number>;
  flipsWithLoss: number;
  messagesLost: number;
  /** In one flip. */
  messagesLostMax: number;
  /** Copies whose ack was hit, or the checkpoint that stood for it. */
  cameAgain: number;
  countsForgotten: number;
  wrongBodies: number;
  failedStarts: number;
  readonly failures: string[];
}

interface Trial {
  readonly flip: StoreFlip;
  readonly isLate: boolean;
  readonly isTwice: boolean;
  readonly backend: 'native' | 'portable';
  /** The one that is hit, or when the topology is any. */
  readonly shard: number;
}

export class FlipProof {
  readonly sums: FlipSums = {
    flips: 0,
    hits: {},
    seenAtStart: 0,
    seenInReading: 0,
    harmless: {},
    flipsWithLoss: 0,
    messagesLost: 0,
    messagesLostMax: 0,
    cameAgain: 0,
    countsForgotten: 0,
    wrongBodies: 0,
    failedStarts: 0,
    failures: [],
  };
  readonly files: readonly StoreFile[];
  readonly #root: string;
  readonly #store: SampleStore;
  readonly #random: Random;
  #whole!: Found;
  #expected!: Harvest;

  private constructor(root: string, store: SampleStore, files: readonly StoreFile[], seed: number) {
    this.#root = root;
    this.#store = store;
    this.files = files;
    this.#random = new Random(seed);
  }

  static async begin(seed: number): Promise<FlipProof> {
    const root = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-store-bits-'));
    const store = await makeSampleStore(path.join(root, 'sample'));
    const files = await storeFiles(store.directory, [...SHARD_FOLDERS, TOPOLOGY_FOLDER]);
    const proof = new FlipProof(root, store, files, seed);
    await proof.#readWhole();
    return proof;
  }

  end(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** How many messages the store holds, each once per queue. */
  get messages(): number {
    return this.#expected.messages.reduce((sum, { length }) => sum + length, 0);
  }

  async flipOne(): Promise<void> {
    const { sums } = this;
    const random = this.#random;
    const flip = randomFlip(this.files, random);
    const backend = implementations[sums.flips % implementations.length];
    const isLate = LATE_PARTS.includes(flip.region.part) && random.chance(LATE_PERCENT);
    const isTwice = random.chance(TWICE_PERCENT);
    const hit = SHARD_FOLDERS.findIndex((folder) => flip.file.name.startsWith(folder));
    const shard = hit < 0 ? random.below(SHARD_FOLDERS.length) : hit;
    const trial = { flip, isLate, isTwice, backend, shard };
    const where = describeTrial(trial, sums.flips);
    sums.flips += 1;
    add(sums.hits, flip.region.part);
    try {
      this.#judge(trial, await this.#start(trial), where);
    } catch (error) {
      sums.failedStarts += 1;
      sums.failures.push(`${where}: ${(error as Error).stack}`);
    }
  }

  async #readWhole(): Promise<void> {
    for (const backend of implementations) {
      const directory = path.join(this.#root, 'whole');
      writeStore(directory, this.files, undefined);
      const shards = [...SHARD_FOLDERS.keys()];
      const options = { backend, shards, isTwice: false, beforeReading: () => undefined };
      this.#whole = await startAndRead(directory, options);
      rmSync(directory, { recursive: true });
      const reported = [...this.#whole.reports.values()].flat();
      if (reported.length > 0) throw new Error(`damaged before any flip: ${reported.join()}`);
      const { harvest, wrong } = this.#harvestOf(this.#whole);
      if (wrong.length > 0) throw new Error(`wrong before any flip: ${wrong.join()}`);
      this.#expected = harvest;
    }
  }

  async #start({ flip, isLate, isTwice, backend, shard }: Trial): Promise<Found> {
    const directory = path.join(this.#root, 'flipped');
    const folders = [SHARD_FOLDERS[shard], TOPOLOGY_FOLDER];
    const files = this.files.filter(({ name }) => folders.some((one) => name.startsWith(one)));
    writeStore(directory, files, isLate ? undefined : flip);
    const beforeReading = (): void => {
      if (isLate) flipIn(path.join(directory, flip.file.name), flip);
    };
    try {
      return await startAndRead(directory, { backend, shards: [shard], isTwice, beforeReading });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Deliveries as `queue -> keys`, and those that are not what was published. */
  #harvestOf({ messages }: Found): { harvest: Harvest; wrong: string[] } {
    const harvest = new Harvest(QUEUES_MAX);
    const wrong: string[] = [];
    for (const [queue, deliveries] of messages) {
      for (const { exrk, props, body } of deliveries) {
        const sent = this.#store.sent.get(exrk);
        const isRight =
          sent?.fingerprint === fingerprintOf(props, body) && sent.queues.includes(queue);
        if (isRight) harvest.messages[queue].push(exrk);
        else wrong.push(`${JSON.stringify(exrk)}, ${body.length} bytes, in queue ${queue}`);
      }
    }
    return { harvest, wrong };
  }

  #judge({ flip, isLate, shard }: Trial, found: Found, where: string): void {
    const { sums } = this;
    const whole = this.#whole;
    const { part, messages, isRead } = flip.region;
    const fail = (words: string): void => void sums.failures.push(`${where}: ${words}`);
    const { harvest, wrong } = this.#harvestOf(found);
    sums.wrongBodies += wrong.length;
    if (wrong.length > 0) fail(`wrong messages: ${wrong.join('; ')}`);
    if (![...Object.keys(queuesOf(shard))].every((queue) => found.messages.has(Number(queue)))) {
      fail('a queue is lost');
    }
    if (found.facts !== whole.facts) fail(`other facts: ${found.facts}`);
    if (found.isNew) fail('taken for a new store');
    if (found.nextQueueId < whole.nextQueueId) fail(`queue id ${found.nextQueueId} given again`);

    const elsewhere = [...whole.messages.keys()].filter((queue) => !found.messages.has(queue));
    const { missing, extra, misplaced } = difference(this.#expected, harvest, new Set(elsewhere));
    sums.messagesLost += missing;
    sums.messagesLostMax = Math.max(sums.messagesLostMax, missing);
    sums.cameAgain += extra;
    if (missing > 0) sums.flipsWithLoss += 1;
    if (missing > messages) fail(`${missing} messages lost, at most ${messages} were hit`);
    if (misplaced > 0) fail(`${misplaced} messages twice or out of order`);
    if (extra > 0 && part !== 'ack' && part !== 'checkpoint')
      fail(`${extra} acked ones came again`);

    const said = [...found.reports].filter(([, lines]) => lines.length > 0);
    const isSeen = said.some(([folder]) => flip.file.name.startsWith(folder));
    if (said.length > (isSeen ? 1 : 0)) fail(`said of another log: ${JSON.stringify(said)}`);
    if (isSeen) sums.seenAtStart += 1;
    else if (found.lostInReading > 0) sums.seenInReading += 1;
    else add(sums.harmless, part);
    if (!isLate && isRead && !isSeen) fail('not said');
    if (isLate && missing > 0 && found.lostInReading === 0) fail('lost in silence');
    if (!isLate && found.lostInReading > 0) fail(`${found.lostInReading} lost in reading`);
    this.#judgeCounts(found, part, missing, fail);
  }

  /** Delivery counts belong to COUNT records and checkpoints, and go with their messages. */
  #judgeCounts(found: Found, part: Part, missing: number, fail: (words: string) => void): void {
    let forgotten = 0;
    for (const [queue, counts] of this.#whole.counts) {
      if (!found.counts.has(queue)) continue;
      for (const [position, deliveries] of counts) {
        if ((found.counts.get(queue)?.get(position) ?? 0) < deliveries) forgotten += 1;
      }
    }
    this.sums.countsForgotten += forgotten;
    const isHit = part === 'count' || part === 'checkpoint' || missing > 0;
    if (forgotten > 0 && !isHit) fail(`${forgotten} delivery counts forgotten`);
  }
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function describeTrial({ flip, isLate, isTwice, backend }: Trial, number: number): string {
  const { file, offset, bit, region } = flip;
  const how = [backend, ...(isLate ? ['after recovery'] : []), ...(isTwice ? ['2 starts'] : [])];
  const what = `${region.part} of ${region.from} to ${region.to}`;
  return `flip ${number}, ${file.name}, byte ${offset}, bit ${bit} (${what}; ${how.join(', ')})`;
}

/** In a file that is in use; one that is no longer needed may be gone. */
function flipIn(name: string, { offset, bit }: StoreFlip): void {
  let descriptor: number;
  try {
    descriptor = openSync(name, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0] ^= 1 << bit;
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}
