// The log in TypeScript, for machines without the native module: same files, same interface
// (src/log/log.ts). Main and shard threads; node:fs works in Node's thread pool, so nothing here
// blocks for long.
// A log is scanned, begun, and then appended to; reads and packs may come as soon as it exists.
// After the first failure nothing is written or reported any more.
import { randomBytes } from 'node:crypto';
import * as log from '../log.ts';
import type { Log, LogBatch, LogCallbacks, LogOptions, LogPack, LogRead, Scan } from '../log.ts';
import { CHECKPOINT_BASE, END_MARK_BYTES, RecordSeal } from '../record-format.ts';
import * as format from '../segment-header.ts';
import { Checkpoints } from './checkpoints.ts';
import { type Disk, type DiskFile, RealDisk } from './disk.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import { LogPacker } from './log-packer.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { quarantine } from './quarantine.ts';
import { RecordSource } from './record-source.ts';
import { scanRecords, type ScanRequest } from './scan-segment.ts';
import { type LogIdentity, SegmentFiles } from './segment-files.ts';

/** A log that exists and can be read. */
interface Reading {
  readonly sources: readonly RecordSource[];
  readonly reader: LogReader;
  readonly packer: LogPacker;
}

/** A log that has been begun and can be appended to. */
interface Writing {
  readonly files: SegmentFiles;
  readonly writer: LogWriter;
  readonly checkpoints: Checkpoints;
}

export class PortableLog implements Log {
  readonly kind = 'portable';
  readonly #options: LogOptions;
  readonly #callbacks: LogCallbacks;
  readonly #disk: Promise<Disk>;
  #inventory: Inventory | undefined;
  #seal: RecordSeal | undefined;
  #reading: Reading | undefined;
  #writing: Writing | undefined;
  /** Segments recycled before the log was begun. */
  readonly #dead: number[] = [];
  #reads: Promise<void> = Promise.resolve();
  #packs: Promise<void> = Promise.resolve();
  #readCount = 0;
  #failure: Error | undefined;

  constructor(options: LogOptions, callbacks: LogCallbacks) {
    this.#options = options;
    this.#callbacks = callbacks;
    this.#disk = openDisk(options);
    // Whoever needs the disk gets the error.
    this.#disk.catch(() => undefined);
  }

  inventory(): Inventory {
    this.#inventory ??= takeInventory(this.#options.directory, this.#options.segmentBytes);
    return this.#inventory;
  }

  async scan(segment: number): Promise<Scan> {
    const { segments, previousEnds, segmentBytes } = this.inventory();
    const end = previousEnds.get(segment + 1) ?? 0;
    const isKnown = end >= log.SEGMENT_HEADER_BYTES && end <= segmentBytes;
    const others = segment === segments.at(-1) ? 'newest' : 'marked';
    return this.#scanFile(format.segmentName(segment), format.SEGMENT_MAGIC, segment, {
      base: segment * segmentBytes,
      to: isKnown ? end : segmentBytes,
      ending: isKnown ? 'known' : others,
    });
  }

  async scanCheckpoint(checkpoint: number): Promise<Scan> {
    const name = format.checkpointName(checkpoint);
    return this.#scanFile(name, format.CHECKPOINT_MAGIC, checkpoint, {
      base: CHECKPOINT_BASE,
      to: -1,
      ending: 'known',
    });
  }

  async begin(previousEnd: number): Promise<number> {
    const { segments, segmentBytes, checkpoints, epoch, storeIdBytes } = this.inventory();
    if (this.#options.readOnly === true) throw new Error('this log was opened to look only');
    if (!format.isSegmentBytes(segmentBytes)) {
      throw new Error(`segmentBytes is ${segmentBytes}: no power of two from 1 MiB to 256 MiB`);
    }
    const disk = await this.#disk;
    await disk.makeDirectory();
    const newest = segments.at(-1) ?? 0;
    if (newest > 0) await endSegment(disk, newest, previousEnd, segmentBytes);
    const storeId = storeIdBytes ?? randomBytes(16);
    const identity: LogIdentity = { storeId, segmentBytes, epoch: epoch + 1 };
    const seal = new RecordSeal(storeId);
    const files = new SegmentFiles(disk, identity, this.#options, {
      onSpace: (isShort) => {
        if (this.#failure === undefined) this.#callbacks.onSpace(isShort);
      },
      onFailure: (error) => this.#fail(error),
    });
    const segment = newest + 1;
    let file: DiskFile;
    try {
      await files.begin();
      for (const dead of this.#dead.splice(0)) files.recycle(dead);
      file = await files.next(segment, previousEnd, 'now');
    } catch (error) {
      await files.close();
      throw error;
    }
    // A spare could not be made meanwhile: the user knows from the callback.
    if (this.#failure !== undefined) {
      await file.close();
      throw this.#failure;
    }
    const first = { file, segment, segmentBytes };
    const writer = new LogWriter(first, seal, this.#options.memories, {
      nextSegment: async (number, end) => files.next(number, end, 'wait'),
      onProgress: (written, synced) => {
        if (this.#failure === undefined) this.#callbacks.onProgress(written, synced);
      },
      onFailure: (error) => this.#fail(error),
    });
    this.#seal = seal;
    this.#writing = {
      files,
      writer,
      checkpoints: new Checkpoints(disk, identity, seal, checkpoints),
    };
    return segment * segmentBytes + log.SEGMENT_HEADER_BYTES;
  }

  submit(batch: LogBatch): void {
    this.#begun().writer.submit(batch);
  }

  read(read: LogRead): void {
    this.#readCount += read.count;
    this.#reads = this.#after(this.#reads, async () => {
      await (await this.#readable()).reader.read(read);
      if (this.#failure === undefined) this.#callbacks.onRead(read.number);
    });
  }

  pack(pack: LogPack): void {
    this.#packs = this.#after(this.#packs, async () => {
      await (await this.#readable()).packer.pack(pack);
      if (this.#failure === undefined) this.#callbacks.onPacked(pack.number);
    });
  }

  recycle(segment: number): void {
    for (const source of this.#reading?.sources ?? []) {
      source.forget(segment).catch((error: unknown) => this.#fail(error));
    }
    if (this.#writing === undefined) this.#dead.push(segment);
    else this.#writing.files.recycle(segment);
  }

  async writeCheckpoint(records: Uint8Array): Promise<void> {
    const { checkpoints } = this.#begun();
    if (this.#failure !== undefined) throw this.#failure;
    await checkpoints.write(records);
  }

  stats(): log.LogStats {
    const writer = this.#writing?.writer;
    return {
      batches: writer?.batches ?? 0,
      syncs: writer?.syncs ?? 0,
      bytesWritten: writer?.bytesWritten ?? 0,
      syncMicros: writer?.syncMicros ?? 0,
      reads: this.#readCount,
      spareSegments: this.#writing?.files.spares ?? 0,
    };
  }

  async close(): Promise<void> {
    await this.#reads;
    await this.#packs;
    if (this.#writing !== undefined) {
      const { files, writer, checkpoints } = this.#writing;
      files.stopWaiting();
      await writer.close();
      await checkpoints.close();
      await files.close();
    }
    for (const source of this.#reading?.sources ?? []) await source.close();
  }

  async #scanFile(
    name: string,
    magic: number,
    number: number,
    range: Pick<ScanRequest, 'base' | 'to' | 'ending'>,
  ): Promise<Scan> {
    const { storeIdBytes } = this.inventory();
    const seal = this.#sealOf();
    const file = await (await this.#disk).open(name, 'read');
    try {
      const start = new Uint8Array(log.SEGMENT_HEADER_BYTES);
      const read = await file.read(start, 0);
      const header = format.readHeader(start.subarray(0, read), magic, number, storeIdBytes);
      const to = range.to < 0 ? await file.size() : range.to;
      const from = log.SEGMENT_HEADER_BYTES;
      const found = await scanRecords({ ...range, file, seal, from, to });
      const corrupt = [...header.corrupt, ...found.corrupt];
      if (corrupt.length > 0 && this.#options.readOnly !== true) {
        const shown = name.replace('.seg', '');
        await quarantine(this.#options.directory, shown, file, corrupt);
      }
      return { ...found, corrupt };
    } finally {
      await file.close();
    }
  }

  #sealOf(): RecordSeal {
    const { storeIdBytes } = this.inventory();
    if (this.#seal === undefined && storeIdBytes === undefined) {
      throw new Error(`there is no log in ${this.#options.directory} yet`);
    }
    this.#seal ??= new RecordSeal(storeIdBytes!);
    return this.#seal;
  }

  async #readable(): Promise<Reading> {
    if (this.#reading !== undefined) return this.#reading;
    const disk = await this.#disk;
    const { segmentBytes } = this.inventory();
    const seal = this.#sealOf();
    const ofReads = new RecordSource(disk, seal, segmentBytes);
    const ofPacks = new RecordSource(disk, seal, segmentBytes);
    this.#reading ??= {
      sources: [ofReads, ofPacks],
      reader: new LogReader(ofReads, segmentBytes, this.#options.memories),
      packer: new LogPacker(ofPacks, segmentBytes),
    };
    return this.#reading;
  }

  async #after(before: Promise<void>, task: () => Promise<void>): Promise<void> {
    await before;
    if (this.#failure !== undefined) return;
    try {
      await task();
    } catch (error) {
      this.#fail(error);
    }
  }

  #begun(): Writing {
    if (this.#writing === undefined) throw new Error('the log has not been begun');
    return this.#writing;
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error as Error;
    this.#writing?.writer.fail();
    this.#callbacks.onFailure(this.#failure.message);
  }
}

async function openDisk({ directory, faults }: LogOptions): Promise<Disk> {
  const disk = new RealDisk(directory);
  if (faults === undefined) return disk;
  const { faultDisk } = await import('./fault-disk.ts');
  return faultDisk(disk, directory, faults);
}

/** Makes durable what an earlier process wrote, and marks where it ends. */
async function endSegment(
  disk: Disk,
  segment: number,
  end: number,
  segmentBytes: number,
): Promise<void> {
  const file = await disk.open(format.segmentName(segment), 'write');
  try {
    const mark = new Uint8Array(END_MARK_BYTES);
    const isLast = end + END_MARK_BYTES > segmentBytes || end < log.SEGMENT_HEADER_BYTES;
    if (!isLast) await file.write(mark, end);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory();
}
