// A disk with the faults that a test asks for (LogOptions.faults), between the portable log and the
// real one. Main and shard threads, in tests only: nothing else loads this file.
//   drop-unsynced:SEED  what was not synced is lost when the process is killed (unsynced-disk.ts)
//   sync-error:N        the Nth sync of a file fails; the next one succeeds, as on Linux
//   write-full:BYTES    segments and spares together never take more than BYTES
import type { Disk, DiskFile } from './disk.ts';
import { UnsyncedDisk } from './unsynced-disk.ts';

export async function faultDisk(real: Disk, directory: string, faults: string): Promise<Disk> {
  let disk = real;
  for (const fault of faults.split(',')) {
    const [name, text] = fault.trim().split(':');
    const value = Number(text);
    if (text === undefined || !Number.isSafeInteger(value)) {
      throw new Error(`the fault "${fault}" is not NAME:NUMBER`);
    }
    if (name === 'drop-unsynced') disk = await UnsyncedDisk.over(disk, directory, value);
    else if (name === 'sync-error') disk = new SyncErrorDisk(disk, value);
    else if (name === 'write-full') disk = new FullDisk(disk, value);
    else throw new Error(`there is no fault "${name}"`);
  }
  return disk;
}

/** Hands everything on. */
class PassingDisk implements Disk {
  protected readonly inner: Disk;

  constructor(inner: Disk) {
    this.inner = inner;
  }

  async makeDirectory(): Promise<void> {
    await this.inner.makeDirectory();
  }

  async list(): Promise<string[]> {
    return this.inner.list();
  }

  async open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile> {
    return this.inner.open(name, purpose);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.inner.rename(from, to);
  }

  async unlink(name: string): Promise<void> {
    await this.inner.unlink(name);
  }

  async syncDirectory(): Promise<void> {
    await this.inner.syncDirectory();
  }

  async freeBytes(): Promise<number> {
    return await this.inner.freeBytes();
  }
}

/** A file of which some operations go another way. */
function fileWith(file: DiskFile, changed: Partial<DiskFile>): DiskFile {
  return {
    read: async (target, offset) => file.read(target, offset),
    write: async (source, offset) => file.write(source, offset),
    sync: async () => file.sync(),
    size: async () => file.size(),
    close: async () => file.close(),
    ...changed,
  };
}

class SyncErrorDisk extends PassingDisk {
  #syncsLeft: number;

  constructor(inner: Disk, failing: number) {
    super(inner);
    this.#syncsLeft = failing;
  }

  override async open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const file = await super.open(name, purpose);
    return fileWith(file, {
      sync: async () => {
        this.#syncsLeft -= 1;
        if (this.#syncsLeft === 0) throw systemError('EIO', 'i/o error, fdatasync');
        await file.sync();
      },
    });
  }
}

class FullDisk extends PassingDisk {
  readonly #bytesMax: number;

  constructor(inner: Disk, bytesMax: number) {
    super(inner);
    this.#bytesMax = bytesMax;
  }

  override async open(name: string, purpose: 'read' | 'write' | 'create'): Promise<DiskFile> {
    if (purpose !== 'create' || !name.endsWith('.spare')) return super.open(name, purpose);
    const others = await this.#usedBytes(name);
    const file = await super.open(name, purpose);
    return fileWith(file, {
      write: async (source, offset) => {
        if (others + offset + source.byteLength > this.#bytesMax) {
          throw systemError('ENOSPC', 'no space left on device, write');
        }
        await file.write(source, offset);
      },
    });
  }

  async #usedBytes(besides: string): Promise<number> {
    const names = (await this.inner.list()).filter((name) => /\.(?:seg|spare)$/u.test(name));
    let used = 0;
    for (const name of names) {
      if (name !== besides) used += await this.#bytesOf(name);
    }
    return used;
  }

  async #bytesOf(name: string): Promise<number> {
    let file: DiskFile;
    try {
      file = await this.inner.open(name, 'read');
    } catch {
      // A spare that became a segment meanwhile: it is as long as all others.
      const segment = (await this.inner.list()).find((other) => other.endsWith('.seg'));
      return segment === undefined ? 0 : this.#bytesOf(segment);
    }
    const bytes = await file.size();
    await file.close();
    return bytes;
  }
}

function systemError(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}
