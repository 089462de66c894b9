// Test process. One bit of a store is wrong: whichever it is, the broker starts, delivers no wrong body,
// loses at most the one message that the bit belongs to, and says so in its log.
// A small store is made by a broker (messages, acks, a clean stop, a crash) and kept as it is; every
// flip gets a copy of it. What an undamaged copy holds is what a damaged one is compared with.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LoadConnection, parseEndpoint } from '../../bench/load/connection.ts';
import { CrashRun, type Ending, type RunSettings } from './crash-run.ts';
import { drainAll } from './drain.ts';
import { difference, Harvest } from './harvest.ts';
import { type MessageMix, seededRandom } from './message-plan.ts';
import { Parties } from './parties.ts';
import { readyMessages } from './topology.ts';

export const BITS_MIX: MessageMix = {
  queues: 4,
  fanoutQueues: 2,
  fanoutPerMille: 200,
  transientPerMille: 100,
  largePerMillion: 0,
  hugePerMillion: 0,
  smallBytesMax: 400,
};

/** What holds messages and queues; `lock` and `format` are refused with words instead. */
export const STORE_FOLDERS: readonly string[] = ['shards', 'topology'];
const MESSAGES_PER_STEP = 20;
const REPORT = /corrupt|torn/iu;

export interface Flip {
  /** Below the data directory. */
  readonly file: string;
  readonly offset: number;
  readonly bit: number;
}

export interface FlipOutcome {
  readonly flip: Flip;
  readonly missing: number;
  readonly extra: number;
  readonly queuesMissing: number;
}

/** A data directory after messages, acks, a clean stop and then a crash. */
export async function makeStore(settings: RunSettings): Promise<void> {
  const run = new CrashRun(settings);
  const endings: readonly Ending[] = ['stop', 'kill'];
  for (const [queue, ending] of endings.entries()) {
    await run.life(ending, undefined, async (parties) => {
      await publishSome(run, parties);
      await drainAll(parties, [queue]);
      await publishSome(run, parties);
    });
  }
}

async function publishSome(run: CrashRun, parties: Parties): Promise<void> {
  for (let index = 0; index < run.settings.publishers; index += 1) {
    const settings = { index, window: 10, backlogMax: 1e9, limit: MESSAGES_PER_STEP };
    const publisher = await parties.addPublisher(settings);
    await publisher.publishAll();
    await publisher.connection.close();
  }
}

/** Random bits of what is in use in the files of a store. */
export function randomFlips(
  directory: string,
  folders: readonly string[],
  seed: number,
  count: number,
): Flip[] {
  const files = folders.flatMap((folder) => filesIn(directory, folder));
  const used = files.map((file) => usedBytes(readFileSync(path.join(directory, file))));
  const total = used.reduce((sum, bytes) => sum + bytes, 0);
  if (total === 0) throw new Error(`${directory} holds no store: nothing in ${folders.join(', ')}`);
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    let offset = Math.floor(random() * total);
    let index = 0;
    while (offset >= used[index]) {
      offset -= used[index];
      index += 1;
    }
    return { file: files[index], offset, bit: Math.floor(random() * 8) };
  });
}

export class BitFlips {
  readonly #settings: RunSettings;
  readonly #pristine: string;
  #expected: Harvest | undefined;

  /** `settings.options.dataDirectory` is the store; copies lie beside it. */
  constructor(settings: RunSettings) {
    this.#settings = settings;
    this.#pristine = settings.options.dataDirectory;
  }

  /** Throws when the broker does what it must not. */
  async try(flip: Flip, name: string): Promise<FlipOutcome> {
    this.#expected ??= (await this.#harvest(`${name}-whole`, undefined)).harvest;
    const { harvest, gone, output } = await this.#harvest(name, flip);
    const found = difference(this.#expected, harvest, gone);
    const where = `${flip.file}, byte ${flip.offset}, bit ${flip.bit}`;
    const said = `${JSON.stringify(found)}; the broker said:\n${output.slice(-2000)}`;
    if (harvest.wrongBodies > 0) throw new Error(`${where}: wrong body delivered: ${said}`);
    if (found.missing > 1) throw new Error(`${where}: more than one message lost: ${said}`);
    if (found.misplaced > 0) throw new Error(`${where}: order lost: ${said}`);
    const isDifferent = found.missing + found.extra + found.queuesMissing > 0;
    if (isDifferent && !REPORT.test(output)) throw new Error(`${where}: not reported: ${said}`);
    if (gone.size > 0 && !flip.file.startsWith('topology')) {
      throw new Error(`${where}: a queue is lost: ${said}`);
    }
    return { flip, ...found };
  }

  async #harvest(
    name: string,
    flip: Flip | undefined,
  ): Promise<{ harvest: Harvest; gone: Set<number>; output: string }> {
    const directory = `${this.#pristine}-${name}`;
    cpSync(this.#pristine, directory, { recursive: true });
    if (flip !== undefined) flipBit(path.join(directory, flip.file), flip);
    const run = new CrashRun({
      ...this.#settings,
      options: { ...this.#settings.options, dataDirectory: directory },
    });
    const broker = await run.start();
    const harvest = new Harvest(run.plan.queues.length);
    const parties = new Parties(broker.url, run.plan, run.checker, harvest);
    try {
      const gone = await missingQueues(broker.url, run.plan.queues);
      const queues = run.plan.queues.filter((queue) => !gone.has(queue));
      await Promise.race([drainAll(parties, queues), parties.failure]);
      parties.expectEnd();
      await broker.kill();
      rmSync(directory, { recursive: true, force: true });
      return { harvest, gone, output: broker.output };
    } finally {
      parties.cutOff();
      await broker.kill();
    }
  }
}

async function missingQueues(url: string, queues: readonly number[]): Promise<Set<number>> {
  const gone = new Set<number>();
  for (const queue of queues) {
    const control = await LoadConnection.open(parseEndpoint(url), () => undefined);
    await control.openChannel();
    try {
      await readyMessages(control, queue);
    } catch (error) {
      if (!/\b404\b/u.test((error as Error).message)) throw error;
      gone.add(queue);
    }
    control.destroy();
  }
  return gone;
}

function flipBit(file: string, { offset, bit }: Flip): void {
  const bytes = readFileSync(file);
  bytes[offset] ^= 1 << bit;
  writeFileSync(file, bytes);
}

/** Names of all files in a folder of the store, from the store's root. */
function filesIn(directory: string, folder: string): string[] {
  try {
    return readdirSync(path.join(directory, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Up to the last byte that is not zero: behind it nothing was ever written. */
function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}
