// What the portable log asks of a disk, in one directory, and the real one: node:fs, everything
// asynchronous. Main and shard threads. Tests put a disk with faults in between (fault-disk.ts).
// A file operation (create, rename, unlink) is durable only once the directory was synced.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';

export interface DiskFile {
  /** Fills `target` from `offset` on; less only at the file's end. Resolves with how much. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `source`. */
  write(source: Uint8Array, offset: number): Promise<void>;
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /** Makes the directory, durably. */
  makeDirectory(): Promise<void>;
  list(): Promise<string[]>;
  /** `create` empties a file that exists. */
  open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
  freeBytes(): Promise<number>;
}

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
};
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

class RealFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < target.byteLength) {
      const left = target.byteLength - done;
      const { bytesRead } = await this.#handle.read(target, done, left, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < source.byteLength) {
      const left = source.byteLength - done;
      const { bytesWritten } = await this.#handle.write(source, done, left, offset + done);
      done += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

export class RealDisk implements Disk {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async makeDirectory(): Promise<void> {
    const first = await mkdir(this.#directory, { recursive: true, mode: DIRECTORY_MODE });
    // Every directory that is new has its name in the one above it.
    if (first === undefined) return;
    for (let made = path.resolve(this.#directory); ; made = path.dirname(made)) {
      await syncDirectory(path.dirname(made));
      if (made === path.resolve(first)) return;
    }
  }

  async list(): Promise<string[]> {
    return readdir(this.#directory);
  }

  async open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const file = path.join(this.#directory, name);
    return new RealFile(await open(file, FLAGS[purpose], FILE_MODE));
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(path.join(this.#directory, from), path.join(this.#directory, to));
  }

  async unlink(name: string): Promise<void> {
    await unlink(path.join(this.#directory, name));
  }

  async syncDirectory(): Promise<void> {
    await syncDirectory(this.#directory);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory);
    return bavail * bsize;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows knows no such thing, and keeps the order of its own accord.
  if (process.platform === 'win32') return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
