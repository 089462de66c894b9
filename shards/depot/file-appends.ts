// What is to be appended to a depot's files: gathered per file, written together, synced together.
// Shard thread, cold. Until `sync` has come back nothing of it counts; `undo` makes the files what
// they were before, as far as the disk can tell.
import { type FileHandle, open } from 'node:fs/promises';
import { ENTRIES_AT, newHeader, seal, seedOf } from '../../src/log/depot/entry-format.ts';
import { type DepotDirectory, isFull } from './depot-directory.ts';
import type { PeriodFile } from './period.ts';

/** Files that are written to, or synced, at the same time. */
const FILES_AT_ONCE = 16;

interface Append {
  readonly file: PeriodFile;
  /** Where the file ended before. */
  readonly from: number;
  /** What is not written yet goes there. */
  at: number;
  pieces: Buffer[];
}

export class FileAppends {
  private readonly directory: DepotDirectory;
  private readonly queueId: number;
  private readonly appends: Map<PeriodFile, Append>;
  /** Not written yet. */
  bytes: number;

  constructor(directory: DepotDirectory, queueId: number) {
    this.directory = directory;
    this.queueId = queueId;
    this.appends = new Map();
    this.bytes = 0;
  }

  /** Adds an entry without its checksum; returns where it will stand. */
  add(file: PeriodFile, entry: Buffer): number {
    const append = this.appendOf(file);
    const offset = file.end;
    seal(entry, file.seed!, offset);
    append.pieces.push(entry);
    file.end += entry.length;
    this.bytes += entry.length;
    return offset;
  }

  private appendOf(file: PeriodFile): Append {
    const known = this.appends.get(file);
    if (known !== undefined) return known;
    const append: Append = { file, from: file.end, at: file.end, pieces: [] };
    this.appends.set(file, append);
    if (file.seed === undefined) {
      const header = newHeader('messages', this.queueId, file.id);
      file.seed = seedOf(header, 'messages')!;
      file.end = ENTRIES_AT;
      append.pieces.push(header);
    }
    return append;
  }

  async write(): Promise<void> {
    await this.directory.make();
    await this.each(async (append) => {
      const { pieces } = append;
      if (pieces.length === 0) return;
      append.pieces = [];
      const bytes = Buffer.concat(pieces);
      const path = this.directory.file(append.file.name);
      const handle = await open(path, append.at === 0 ? 'wx' : 'r+', 0o640);
      try {
        await writeFully(handle, bytes, append.at);
      } finally {
        await handle.close();
      }
      append.at += bytes.length;
    });
    this.bytes = 0;
  }

  /** Everything that was written is on the disk, under its name. */
  async sync(): Promise<void> {
    await this.each(async ({ file }) => {
      const handle = await open(this.directory.file(file.name), 'r+');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
    });
    await this.directory.sync();
  }

  /** Takes back what was written: new files go, others end where they did. */
  async undo(): Promise<void> {
    await this.each(async ({ file, from }) => {
      if (from === 0) {
        await this.directory.remove([file.name]);
        file.seed = undefined;
      } else {
        await this.cut(file, from);
      }
      file.end = from;
    });
    await this.directory.sync();
    this.appends.clear();
  }

  private async cut(file: PeriodFile, end: number): Promise<void> {
    const handle = await open(this.directory.file(file.name), 'r+');
    try {
      await handle.truncate(end);
      // So that what is cut off does not come back, if the disk can do that much.
      await handle.datasync().catch((error: unknown) => {
        if (!isFull(error)) throw error;
      });
    } finally {
      await handle.close();
    }
  }

  private async each(act: (append: Append) => Promise<void>): Promise<void> {
    const all = [...this.appends.values()];
    for (let from = 0; from < all.length; from += FILES_AT_ONCE) {
      const settled = await Promise.allSettled(all.slice(from, from + FILES_AT_ONCE).map(act));
      // Not before all have come back: nothing else may happen to these files meanwhile.
      const failed = settled.find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    }
  }
}

export async function writeFully(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
