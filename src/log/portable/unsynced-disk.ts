// A disk whose unsynced state is in the memory of this process: killing it is a power cut. Main and
// shard threads, in tests only (LogOptions.faults, `drop-unsynced`).
// Writes stay in memory, by sectors, until the file is synced; created files stay in the folder
// `unsynced` and renames and unlinks in a list until the directory is synced. At random a sector
// reaches the file early, as the kernel may write back whenever it likes.
import { mkdir, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Disk, DiskFile } from './disk.ts';

const SECTOR_BYTES = 512;
const EARLY_SHARE = 1 / 8;
const FOLDER = 'unsynced';

/** A file, whatever its name is at the moment. */
interface Inode {
  /** Its path on the disk below. */
  place: string;
  bytes: number;
  readonly dirty: Map<number, Uint8Array>;
}

export class UnsyncedDisk implements Disk {
  readonly #inner: Disk;
  readonly #directory: string;
  readonly #random: () => number;
  #names: Map<string, Inode> | undefined;
  #created = 0;
  /** File operations since the last sync of the directory. */
  readonly #pending: (() => Promise<void>)[] = [];
  #last: Promise<unknown> = Promise.resolve();

  static async over(inner: Disk, directory: string, seed: number): Promise<UnsyncedDisk> {
    // What a process that was killed had created and not synced.
    await rm(path.join(directory, FOLDER), { recursive: true, force: true });
    return new UnsyncedDisk(inner, directory, seed);
  }

  private constructor(inner: Disk, directory: string, seed: number) {
    this.#inner = inner;
    this.#directory = directory;
    this.#random = randomFrom(seed);
  }

  async makeDirectory(): Promise<void> {
    await this.#inner.makeDirectory();
    await mkdir(path.join(this.#directory, FOLDER), { recursive: true });
  }

  async list(): Promise<string[]> {
    return this.#alone(async () => [...(await this.#known()).keys()]);
  }

  async open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile> {
    return this.#alone(async () => {
      const names = await this.#known();
      if (purpose === 'create') this.#create(names, name);
      const inode = names.get(name);
      if (inode === undefined) {
        throw Object.assign(new Error(`ENOENT: no such file, open '${name}'`), { code: 'ENOENT' });
      }
      // Syncing writes even where the user only reads.
      const file = await this.#inner.open(inode.place, purpose === 'read' ? 'write' : purpose);
      if (purpose !== 'create') inode.bytes = Math.max(inode.bytes, await file.size());
      return new UnsyncedFile(file, inode, this.#random);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#alone(async () => {
      const names = await this.#known();
      const inode = names.get(from)!;
      names.delete(from);
      names.set(to, inode);
      this.#pending.push(async () => {
        await rename(this.#pathOf(from), this.#pathOf(to));
        inode.place = to;
      });
    });
  }

  async unlink(name: string): Promise<void> {
    await this.#alone(async () => {
      (await this.#known()).delete(name);
      this.#pending.push(async () => unlink(this.#pathOf(name)));
    });
  }

  async syncDirectory(): Promise<void> {
    await this.#alone(async () => {
      for (const operation of this.#pending.splice(0)) await operation();
    });
  }

  /** Nobody fills this disk. */
  async freeBytes(): Promise<number> {
    return Number.MAX_SAFE_INTEGER;
  }

  #create(names: Map<string, Inode>, name: string): void {
    this.#created += 1;
    const inode = { place: `${FOLDER}/${this.#created}`, bytes: 0, dirty: new Map() };
    names.set(name, inode);
    this.#pending.push(async () => {
      await rename(this.#pathOf(inode.place), this.#pathOf(name));
      inode.place = name;
    });
  }

  async #known(): Promise<Map<string, Inode>> {
    if (this.#names === undefined) {
      const names = await this.#inner.list();
      this.#names = new Map(
        names.map((name) => [name, { place: name, bytes: 0, dirty: new Map() }]),
      );
      this.#names.delete(FOLDER);
    }
    return this.#names;
  }

  #pathOf(name: string): string {
    return path.join(this.#directory, name);
  }

  /** One operation on names at a time: places change under them. */
  async #alone<Result>(task: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const mine = (async () => {
      await before;
      return task();
    })();
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

class UnsyncedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #inode: Inode;
  readonly #random: () => number;

  constructor(file: DiskFile, inode: Inode, random: () => number) {
    this.#file = file;
    this.#inode = inode;
    this.#random = random;
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    const wanted = Math.min(target.byteLength, Math.max(0, this.#inode.bytes - offset));
    const read = target.subarray(0, wanted);
    const done = await this.#file.read(read, offset);
    // What an early sector left out in front of it, and what is only in memory.
    read.fill(0, done);
    const end = offset + wanted;
    for (let at = offset - (offset % SECTOR_BYTES); at < end; at += SECTOR_BYTES) {
      const sector = this.#inode.dirty.get(at / SECTOR_BYTES);
      if (sector === undefined) continue;
      const from = Math.max(at, offset);
      const to = Math.min(at + SECTOR_BYTES, end);
      read.set(sector.subarray(from - at, to - at), from - offset);
    }
    return wanted;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    const end = offset + source.byteLength;
    for (let at = offset - (offset % SECTOR_BYTES); at < end; at += SECTOR_BYTES) {
      const from = Math.max(at, offset);
      const to = Math.min(at + SECTOR_BYTES, end);
      const sector = new Uint8Array(SECTOR_BYTES);
      if (to - from < SECTOR_BYTES) await this.read(sector, at);
      sector.set(source.subarray(from - offset, to - offset), from - at);
      this.#inode.dirty.set(at / SECTOR_BYTES, sector);
      this.#inode.bytes = Math.max(this.#inode.bytes, to);
      if (this.#random() < EARLY_SHARE) await this.#writeBack(at, sector);
    }
  }

  async sync(): Promise<void> {
    const { dirty } = this.#inode;
    const sectors = [...dirty].toSorted(([one], [other]) => one - other);
    for (let first = 0; first < sectors.length; ) {
      let next = first + 1;
      while (next < sectors.length && sectors[next][0] === sectors[next - 1][0] + 1) next += 1;
      const run = Buffer.concat(sectors.slice(first, next).map(([, sector]) => sector));
      await this.#writeBack(sectors[first][0] * SECTOR_BYTES, run);
      first = next;
    }
    for (const [index, sector] of sectors) {
      // Unless it was written to again meanwhile.
      if (dirty.get(index) === sector) dirty.delete(index);
    }
  }

  async size(): Promise<number> {
    return this.#inode.bytes;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #writeBack(offset: number, bytes: Uint8Array): Promise<void> {
    const there = Math.min(bytes.byteLength, this.#inode.bytes - offset);
    await this.#file.write(bytes.subarray(0, there), offset);
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
