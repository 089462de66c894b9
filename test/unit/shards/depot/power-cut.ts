// Test support: what of a depot's directory would be left by a power cut that comes when nothing
// that was not synced has reached the disk: files end where they were synced last, names that were
// not synced are not there, and what was removed since the last sync of the directory is back.
// `watched` stands in for node:fs/promises.
import * as fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import path from 'node:path';

type Promises = typeof FsPromises;

const isDepot = (file: string): boolean => file.includes('/delayed/');

export class SyncedFiles {
  /** By path: how long, when it was synced last. */
  private readonly lengths = new Map<string, number>();
  /** By directory: the names that are on the disk. */
  private readonly names = new Map<string, Set<string>>();
  /** By path: what was removed, and is back if the power goes. */
  private readonly removed = new Map<string, Buffer>();

  watched(real: Promises): Partial<Promises> {
    const open = async (file: string, ...rest: [string, number?]) => {
      const handle = await real.open(file, ...rest);
      if (!isDepot(file)) return handle;
      const sync = (act: () => Promise<void>) => async (): Promise<void> => {
        const isDirectory = fs.statSync(file).isDirectory();
        await act.call(handle);
        if (isDirectory) this.directorySynced(file);
        else if (fs.existsSync(file)) this.lengths.set(file, fs.statSync(file).size);
      };
      handle.datasync = sync(handle.datasync);
      handle.sync = sync(handle.sync);
      return handle;
    };
    const unlink = async (file: string): Promise<void> => {
      if (isDepot(file) && fs.existsSync(file)) this.removed.set(file, this.syncedPart(file));
      await real.unlink(file);
    };
    const rename = async (from: string, to: string): Promise<void> => {
      await real.rename(from, to);
      if (isDepot(to)) this.lengths.set(to, this.lengths.get(from) ?? 0);
    };
    return { ...real, open, unlink, rename } as Partial<Promises>;
  }

  private directorySynced(directory: string): void {
    this.names.set(directory, new Set(fs.readdirSync(directory)));
    for (const file of this.removed.keys()) {
      if (path.dirname(file) === directory) this.removed.delete(file);
    }
  }

  private syncedPart(file: string): Buffer {
    return fs.readFileSync(file).subarray(0, this.lengths.get(file) ?? 0);
  }

  /** Makes `copy`, of the depot's directory `original` a moment ago, what a power cut leaves. */
  cut(original: string, copy: string): void {
    if (!fs.existsSync(copy)) return;
    const named = this.names.get(original) ?? new Set();
    for (const name of fs.readdirSync(copy)) {
      const file = path.join(original, name);
      if (!named.has(name)) fs.rmSync(path.join(copy, name));
      // Log.done is cut off in a record at worst, which the files of messages show as well.
      else if (this.lengths.has(file)) {
        const length = Math.min(this.lengths.get(file)!, fs.statSync(path.join(copy, name)).size);
        fs.truncateSync(path.join(copy, name), length);
      }
    }
    for (const [file, bytes] of this.removed) {
      const name = path.basename(file);
      if (path.dirname(file) === original && named.has(name)) {
        fs.writeFileSync(path.join(copy, name), bytes);
      }
    }
  }

  /** The files of a start count as they are. */
  seen(directory: string): void {
    if (!fs.existsSync(directory)) return;
    this.names.set(directory, new Set(fs.readdirSync(directory)));
    for (const name of fs.readdirSync(directory)) {
      const file = path.join(directory, name);
      this.lengths.set(file, fs.statSync(file).size);
    }
  }
}
