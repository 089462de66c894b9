// Which file is which segment: spares are made, become segments, and become spares again when
// their segment is dead. Main and shard threads.
// Invariants: a spare is as long as a segment and was written once from end to end, so syncing it
// later costs no metadata. Its old name is durably gone before it is used again, or a crash could
// bring the old name back with the new content. One task at a time makes or recycles.
import { type LogOptions, SEGMENT_HEADER_BYTES } from '../log.ts';
import { encodeHeader, SEGMENT_MAGIC, segmentName } from '../segment-header.ts';
import { END_MARK_BYTES } from '../record-format.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Recycled segments come several at a time: what is unlinked would be written anew. */
const RECYCLED_KEPT_FACTOR = 3;
const OUT_OF_SPACE = Object.assign(new Error('the reserve is left'), { code: 'ENOSPC' });

/** What the headers of a log's files have in common. */
export interface LogIdentity {
  readonly storeId: Uint8Array;
  readonly segmentBytes: number;
  readonly epoch: number;
}

export interface SegmentFilesUser {
  onSpace(isShort: boolean): void;
  onFailure(error: unknown): void;
}

const ZEROS = new Uint8Array(1024 * 1024);
/** How soon space is looked for again when the disk was full. */
const RETRY_MILLIS = 1000;

export class SegmentFiles {
  readonly #disk: Disk;
  readonly #identity: LogIdentity;
  readonly #sparesWanted: number;
  readonly #sparesKept: number;
  readonly #reserveBytes: number;
  /** A segment has been begun since the log was opened. */
  #hasBegun = false;
  readonly #user: SegmentFilesUser;
  /** Names of spares that can be used. */
  readonly #spares: string[] = [];
  /** Names that are taken, by spares ready or in the making. */
  readonly #names = new Set<string>();
  readonly #dead: number[] = [];
  #tending: Promise<void> | undefined;
  #isShort = false;
  /** Why no more segments can be made. */
  #failure: Error | undefined;
  #isClosing = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(disk: Disk, identity: LogIdentity, options: LogOptions, user: SegmentFilesUser) {
    this.#disk = disk;
    this.#identity = identity;
    // One at least: the next segment is made before it is needed.
    this.#sparesWanted = Math.max(1, options.spareSegments);
    this.#reserveBytes = options.reserveBytes ?? 0;
    this.#sparesKept = this.#sparesWanted * RECYCLED_KEPT_FACTOR;
    this.#user = user;
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** Takes over the spares that a directory holds; those cut short by a crash go. */
  async begin(): Promise<void> {
    for (const name of await this.#disk.list()) {
      if (!/^\d+\.spare$/u.test(name)) continue;
      const file = await this.#disk.open(name, 'read');
      const bytes = await file.size();
      await file.close();
      if (bytes === this.#identity.segmentBytes && this.#spares.length < this.#sparesKept) {
        this.#names.add(name);
        this.#spares.push(name);
      } else await this.#disk.unlink(name);
    }
  }

  /** A new segment, durably there, its file open. May wait for space, or for what is `now`. */
  async next(number: number, previousEnd: number, space: 'wait' | 'now'): Promise<DiskFile> {
    while (this.#spares.length === 0) {
      const mayWait = space === 'wait' && !this.#isClosing;
      if (this.#isClosed || (this.#isShort && !mayWait)) {
        throw this.#failure ?? new Error('no space for another segment');
      }
      this.#waiting ??= Promise.withResolvers();
      // There was no space just now. Until it is tried again a batch waits, which keeps the thread.
      if (this.#retry === undefined) this.tend();
      else this.#retry.ref();
      await this.#waiting.promise;
    }
    const name = this.#spares.shift()!;
    this.#hasBegun = true;
    const file = await this.#disk.open(name, 'write');
    try {
      await file.write(this.#start(number, previousEnd), 0);
      await file.sync();
      await this.#disk.rename(name, segmentName(number));
      await this.#disk.syncDirectory();
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#names.delete(name);
    this.tend();
    return file;
  }

  /** A segment's first bytes: both headers, and the mark that no record follows. */
  #start(number: number, previousEnd: number): Uint8Array {
    const { storeId, segmentBytes, epoch } = this.#identity;
    const magic = SEGMENT_MAGIC;
    const madeMillis = Date.now();
    const start = new Uint8Array(SEGMENT_HEADER_BYTES + END_MARK_BYTES);
    start.set(
      encodeHeader({ magic, segmentBytes, storeId, number, epoch, previousEnd, madeMillis }),
    );
    return start;
  }

  /** The segment's file becomes a spare, or goes when there are enough. */
  recycle(number: number): void {
    this.#dead.push(number);
    this.tend();
  }

  /** Makes and recycles, in the background, until there are as many spares as wanted. */
  tend(): void {
    if (this.#tending !== undefined || (this.#isClosed && this.#dead.length === 0)) return;
    this.#tending = this.#tend()
      .catch((error: unknown) => {
        this.#failure = error as Error;
        this.#isClosed = true;
        this.#dead.length = 0;
        this.#user.onFailure(error);
      })
      .finally(() => {
        this.#tending = undefined;
        // What was asked for in between.
        const isFew = this.#retry === undefined && this.#spares.length < this.#sparesWanted;
        if (this.#dead.length > 0 || (isFew && !this.#isClosed)) this.tend();
        this.#wake();
      });
  }

  /** From here on nobody waits for space that is not there: a full disk fails the log. */
  stopWaiting(): void {
    this.#isClosing = true;
    this.#wake();
  }

  /** Finishes recycling, and gives up a spare in the making. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endRetry();
    this.#wake();
    while (this.#tending !== undefined) await this.#tending;
  }

  async #tend(): Promise<void> {
    this.#endRetry();
    for (;;) {
      const dead = this.#dead.shift();
      if (dead !== undefined) await this.#recycleOne(dead);
      else if (this.#isClosed) return;
      else if (this.#spares.length >= this.#sparesWanted) break;
      else if (!(await this.#makeOne())) return;
      if (this.#spares.length > 0) this.#wake();
    }
    if (this.#isShort && this.#spares.length >= this.#sparesWanted) {
      this.#isShort = false;
      this.#user.onSpace(false);
    }
  }

  async #recycleOne(number: number): Promise<void> {
    if (this.#spares.length >= this.#sparesKept) {
      await this.#disk.unlink(segmentName(number));
      await this.#disk.syncDirectory();
      return;
    }
    const name = this.#freeName();
    await this.#disk.rename(segmentName(number), name);
    await this.#disk.syncDirectory();
    this.#spares.push(name);
  }

  /** False: there is no space; it is tried again later. */
  async #makeOne(): Promise<boolean> {
    const name = this.#freeName();
    try {
      if (!(await this.#hasRoom())) throw OUT_OF_SPACE;
      await this.#fill(name);
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      await this.#drop(name);
      // A log at rest keeps no thread alive for it.
      this.#retry = setTimeout(() => this.tend(), RETRY_MILLIS).unref();
      if (!this.#isShort) {
        this.#isShort = true;
        this.#user.onSpace(true);
      }
      return false;
    }
    if (this.#isClosed) {
      await this.#drop(name);
      return false;
    }
    this.#spares.push(name);
    return true;
  }

  /** Whether a spare would leave the reserve. The first segment of a start may use it. */
  async #hasRoom(): Promise<boolean> {
    if (this.#reserveBytes === 0 || !this.#hasBegun) return true;
    const free = await this.#disk.freeBytes();
    return free >= this.#reserveBytes + this.#identity.segmentBytes;
  }

  async #drop(name: string): Promise<void> {
    await this.#disk.unlink(name).catch(() => undefined);
    this.#names.delete(name);
  }

  #endRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  async #fill(name: string): Promise<void> {
    const file = await this.#disk.open(name, 'create');
    try {
      const { segmentBytes } = this.#identity;
      for (let at = 0; at < segmentBytes; at += ZEROS.byteLength) {
        if (this.#isClosed) return;
        await file.write(ZEROS, at);
      }
      await file.sync();
      await this.#disk.syncDirectory();
    } finally {
      await file.close();
    }
  }

  #freeName(): string {
    let number = 0;
    while (this.#names.has(`${number}.spare`)) number += 1;
    const name = `${number}.spare`;
    this.#names.add(name);
    return name;
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}

function isOutOfSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
