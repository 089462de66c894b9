// Which of a depot's messages are done with although they are still in its files: gone on,
// cancelled, or never the depot's. Shard thread, cold. done.log says it (docs/delayed-format.md).
//
// What has gone on is noted soon, and lost in a crash at worst: then it goes again. What was
// cancelled is synced before anybody is told.
import { type FileHandle, open } from 'node:fs/promises';
import {
  DONE_COUNT_MAX,
  newDoneRecord,
  newHeader,
  seal,
  seedOf,
  SETTLED,
  VOID,
} from '../../src/log/depot/entry-format.ts';
import { DONE_LOG, NEW_DONE_LOG } from '../../src/log/depot/file-names.ts';
import { scanDone } from '../../src/log/depot/file-scan.ts';
import type { DepotDirectory } from './depot-directory.ts';
import { writeFully } from './file-appends.ts';

/** A log that is larger, and four times as long as when it was new, is written anew. */
const REWRITTEN_FROM_BYTES = 256 * 1024;

export class DoneLog {
  private readonly directory: DepotDirectory;
  private readonly queueId: number;
  /** Further positions that are settled and whose entries are still there. */
  private readonly others: () => Iterable<number>;
  /** The file says what an earlier life wrote: it is to be written anew before anything else. */
  isStale: boolean;
  /** By position, of messages in files that nobody has looked into yet: SETTLED or VOID. */
  readonly kinds: Map<number, number>;
  private readonly settled: number[];
  private readonly voided: number[];
  /** Undefined: there is no file. */
  private seed: number | undefined;
  private end: number;
  /** Its name is on the disk. */
  private isNamed: boolean;
  private shortenFrom: number;

  constructor(directory: DepotDirectory, queueId: number, others: () => Iterable<number>) {
    this.directory = directory;
    this.queueId = queueId;
    this.others = others;
    this.isStale = false;
    this.kinds = new Map();
    this.settled = [];
    this.voided = [];
    this.seed = undefined;
    this.end = 0;
    this.isNamed = false;
    this.shortenFrom = REWRITTEN_FROM_BYTES;
  }

  /** Something is not written yet. */
  get isBehind(): boolean {
    return this.settled.length > 0 || this.voided.length > 0;
  }

  /** Reads what an earlier life left; returns what of it cannot be read. Call `rewrite` next. */
  async read(): Promise<readonly number[]> {
    this.isStale = true;
    const damage = await scanDone(this.directory.file(DONE_LOG), (position, kind) => {
      this.kinds.set(position, kind);
    });
    return damage ?? [];
  }

  /** The message is done with; `isInFile`: in a file that nobody has looked into yet. */
  settle(position: number, isInFile: boolean): void {
    this.settled.push(position);
    if (isInFile) this.kinds.set(position, SETTLED);
  }

  /** The entry of this position, in a file that nobody has looked into yet, does not count. */
  voidEntry(position: number): void {
    this.voided.push(position);
    this.kinds.set(position, VOID);
  }

  /** The files that hold entries of these positions are gone. */
  forget(positions: Iterable<number>): void {
    for (const position of positions) this.kinds.delete(position);
  }

  clear(): void {
    this.kinds.clear();
    this.settled.length = 0;
    this.voided.length = 0;
  }

  /** Writes what is not written yet; `isSynced`: also to the disk. */
  async flush(isSynced: boolean): Promise<void> {
    if (this.isStale) {
      await this.rewrite();
      return;
    }
    const settled = this.settled.splice(0);
    const voided = this.voided.splice(0);
    if (settled.length + voided.length === 0) return;
    try {
      await this.append(settled, voided, isSynced);
    } catch (error) {
      this.settled.push(...settled);
      this.voided.push(...voided);
      throw error;
    }
  }

  private async append(
    settled: readonly number[],
    voided: readonly number[],
    isSynced: boolean,
  ): Promise<void> {
    await this.directory.make();
    const isNew = this.seed === undefined;
    const pieces: Buffer[] = [];
    const header = isNew ? newHeader('done', this.queueId, 0) : undefined;
    const seed = header === undefined ? this.seed! : seedOf(header, 'done')!;
    if (header !== undefined) pieces.push(header);
    const from = header?.length ?? this.end;
    const records = recordsOf(settled, voided, seed, from);
    const handle = await open(this.directory.file(DONE_LOG), isNew ? 'w' : 'r+', 0o640);
    try {
      await writeFully(handle, Buffer.concat([...pieces, ...records]), isNew ? 0 : from);
      if (isSynced) await handle.datasync();
    } finally {
      await handle.close();
    }
    this.seed = seed;
    this.end = records.reduce((at, { length }) => at + length, from);
    if (isNew) this.isNamed = false;
    if (!isSynced || this.isNamed) return;
    await this.directory.sync();
    this.isNamed = true;
  }

  /** Writes the log anew when it is long, and says much that no file needs. */
  async shorten(): Promise<void> {
    if (this.end <= this.shortenFrom) return;
    await this.rewrite();
    this.shortenFrom = Math.max(REWRITTEN_FROM_BYTES, this.end * 4);
  }

  /** Writes the log anew with what files still need. What is gone must be so on the disk. */
  async rewrite(): Promise<void> {
    const settled = [...this.others()];
    const voided: number[] = [];
    for (const [position, kind] of this.kinds) (kind === VOID ? voided : settled).push(position);
    // All that was to be written is among these; what comes from now on is not.
    const before = [this.settled.splice(0), this.voided.splice(0)];
    try {
      await this.replace(settled, voided);
    } catch (error) {
      this.settled.push(...before[0]);
      this.voided.push(...before[1]);
      throw error;
    }
    this.isStale = false;
  }

  private async replace(settled: readonly number[], voided: readonly number[]): Promise<void> {
    if (settled.length + voided.length === 0) {
      await this.directory.remove([DONE_LOG]);
      await this.directory.sync();
      this.seed = undefined;
      this.end = 0;
    } else {
      await this.writeNew(settled, voided);
    }
  }

  private async writeNew(settled: readonly number[], voided: readonly number[]): Promise<void> {
    const header = newHeader('done', this.queueId, 0);
    const seed = seedOf(header, 'done')!;
    const bytes = Buffer.concat([header, ...recordsOf(settled, voided, seed, header.length)]);
    const handle: FileHandle = await open(this.directory.file(NEW_DONE_LOG), 'w', 0o640);
    try {
      await writeFully(handle, bytes, 0);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await this.directory.rename(NEW_DONE_LOG, DONE_LOG);
    await this.directory.sync();
    this.seed = seed;
    this.end = bytes.length;
    this.isNamed = true;
  }
}

function recordsOf(
  settled: readonly number[],
  voided: readonly number[],
  seed: number,
  from: number,
): Buffer[] {
  const records: Buffer[] = [];
  let at = from;
  for (const [kind, positions] of [[SETTLED, settled] as const, [VOID, voided] as const]) {
    for (let i = 0; i < positions.length; i += DONE_COUNT_MAX) {
      const record = newDoneRecord(kind, positions.slice(i, i + DONE_COUNT_MAX));
      seal(record, seed, at);
      at += record.length;
      records.push(record);
    }
  }
  return records;
}
