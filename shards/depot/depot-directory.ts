// The directory of a depot, and what it takes to know that something is in it, or gone from it.
// Shard thread, cold. Names of files are on the disk only when their directory has been synced.
import { mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';

/** There is no room on the disk, which may pass; everything else is a disk that fails. */
export function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

export class DepotDirectory {
  readonly path: string;
  private isThere: boolean;

  constructor(directory: string) {
    this.path = directory;
    this.isThere = false;
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Empty also when the directory is not there. */
  async names(): Promise<string[]> {
    try {
      const names = await readdir(this.path);
      this.isThere = true;
      return names;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Makes the directory if there is none. */
  async make(): Promise<void> {
    if (this.isThere) return;
    await mkdir(this.path, { recursive: true, mode: 0o750 });
    const above = path.dirname(this.path);
    await syncDirectory(above);
    await syncDirectory(path.dirname(above));
    this.isThere = true;
  }

  /** What was made, renamed or removed here is so on the disk. */
  async sync(): Promise<void> {
    if (this.isThere) await syncDirectory(this.path);
  }

  /** Removes files; those that are gone already are no matter. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await unlink(this.file(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  /** Makes an empty file, on the disk. */
  async mark(name: string): Promise<void> {
    const handle = await open(this.file(name), 'w', 0o640);
    await handle.sync();
    await handle.close();
    await this.sync();
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(this.file(from), this.file(to));
  }

  async removeAll(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    this.isThere = false;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
