// Appends batches: seals their records, writes, rolls from segment to segment and syncs. Main and
// shard threads. Group commit without a timer: while a write or sync runs, batches queue up, and
// the next turn takes them all. What nobody waits for is synced within SYNC_MILLIS.
// Invariants: a segment is synced before the next one names its end, so records become durable in
// their order; after an error nothing is tried again (a second fdatasync succeeds without data).
import type { LogBatch } from '../log.ts';
import * as log from '../log.ts';
import { END_MARK_BYTES, isRecordBytes, type RecordSeal } from '../record-format.ts';
import { BatchSource, bufferOver } from './batch-source.ts';
import type { DiskFile } from './disk.ts';

const SYNC_MILLIS = 100;
const STAGE_BYTES = 2 * log.RECORD_BYTES_MAX;

export interface LogWriterUser {
  /** The segment behind the one that ends at `previousEnd`. */
  nextSegment(number: number, previousEnd: number): Promise<DiskFile>;
  onProgress(writtenBatch: number, syncedBatch: number): void;
  onFailure(error: unknown): void;
}

export class LogWriter {
  batches = 0;
  bytesWritten = 0;
  syncs = 0;
  syncMicros = 0;
  readonly #seal: RecordSeal;
  readonly #segmentBytes: number;
  readonly #memories: readonly Buffer<ArrayBufferLike>[];
  readonly #user: LogWriterUser;
  readonly #queue: LogBatch[] = [];
  /** Sealed records that lie one behind the other from `#stageAt` of the segment on. */
  readonly #stage = Buffer.alloc(STAGE_BYTES + END_MARK_BYTES);
  readonly #stageView = new DataView(this.#stage.buffer, this.#stage.byteOffset);
  #stageBytes = 0;
  #file: DiskFile;
  #segment: number;
  /** Where the next record begins, the segment's end at the latest. */
  #offset = log.SEGMENT_HEADER_BYTES;
  #written = 0;
  #synced = 0;
  #isSyncDue = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #hasFailed = false;

  constructor(
    first: { readonly file: DiskFile; readonly segment: number; readonly segmentBytes: number },
    seal: RecordSeal,
    memories: readonly Uint8Array[],
    user: LogWriterUser,
  ) {
    this.#file = first.file;
    this.#segment = first.segment;
    this.#segmentBytes = first.segmentBytes;
    this.#seal = seal;
    this.#memories = memories.map((memory) => bufferOver(memory));
    this.#user = user;
  }

  submit(batch: LogBatch): void {
    if (this.#hasFailed) return;
    this.#queue.push(batch);
    this.#start();
  }

  /** Nothing is written or reported any more. */
  fail(): void {
    this.#hasFailed = true;
    this.#queue.length = 0;
    clearTimeout(this.#timer);
  }

  /** Writes and syncs what was submitted. */
  async close(): Promise<void> {
    this.#isSyncDue = true;
    this.#start();
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#timer);
    await this.#file.close();
  }

  #start(): void {
    this.#running ??= this.#run()
      .catch((error: unknown) => {
        if (this.#hasFailed) return;
        this.fail();
        this.#user.onFailure(error);
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#hasFailed) return;
        // What came in after the last look.
        if (this.#queue.length > 0 || this.#isSyncDue) this.#start();
      });
  }

  async #run(): Promise<void> {
    // Callbacks come after the call that set this off, and its neighbours in the same turn join in.
    await Promise.resolve();
    while (!this.#hasFailed && (this.#queue.length > 0 || this.#isSyncDue)) {
      const group = this.#queue.splice(0);
      let isSyncWanted = this.#isSyncDue;
      this.#isSyncDue = false;
      for (const batch of group) {
        await this.#gather(batch);
        isSyncWanted ||= batch.sync;
      }
      await this.#flush();
      if (group.length > 0) this.#report(group.at(-1)!.number, this.#synced);
      if (isSyncWanted && this.#synced < this.#written) {
        const upTo = this.#written;
        await this.#sync();
        this.#report(upTo, upTo);
      }
    }
    if (!this.#hasFailed && this.#synced < this.#written) this.#syncLater();
  }

  #report(written: number, synced: number): void {
    if (this.#hasFailed) return;
    this.#written = written;
    this.#synced = synced;
    this.#user.onProgress(written, synced);
  }

  /** Keeps the thread alive meanwhile: whoever waits for the sync may have nothing else to do. */
  #syncLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#isSyncDue = true;
      this.#start();
    }, SYNC_MILLIS);
  }

  /** Stages the records of a batch, and writes whenever the stage or the segment is full. */
  async #gather(batch: LogBatch): Promise<void> {
    this.batches += 1;
    const source = new BatchSource(batch, this.#memories);
    let isFirst = true;
    while (source.left > 0) {
      if (this.#stageBytes + log.RECORD_HEADER_BYTES > STAGE_BYTES) await this.#flush();
      if (source.left < log.RECORD_HEADER_BYTES) throw wrongBatch(batch, 'a record is cut off');
      const head = this.#stageBytes;
      source.take(this.#stage, head, log.RECORD_HEADER_BYTES);
      const bytes = this.#stageView.getUint32(head + 4, true);
      const bytesMax = this.#segmentBytes - log.SEGMENT_HEADER_BYTES;
      if (!isRecordBytes(bytes) || bytes > bytesMax) {
        throw wrongBatch(batch, `a record of ${bytes} bytes`);
      }
      if (source.left < bytes - log.RECORD_HEADER_BYTES) {
        throw wrongBatch(batch, 'a record is cut off');
      }
      const isRoll = this.#offset + bytes > this.#segmentBytes;
      if (isRoll || head + bytes > STAGE_BYTES) await this.#flushBefore(head, isRoll);
      const at = this.#stageBytes;
      const rest = bytes - log.RECORD_HEADER_BYTES;
      source.take(this.#stage, at + log.RECORD_HEADER_BYTES, rest);
      const position = this.#segment * this.#segmentBytes + this.#offset;
      if (isFirst && position !== batch.firstPosition) {
        throw wrongBatch(batch, `it begins at ${position}, not at ${batch.firstPosition}`);
      }
      isFirst = false;
      this.#seal.seal(this.#stageView, at, position);
      this.#stageBytes += bytes;
      this.#offset += bytes;
    }
    const end = this.#segment * this.#segmentBytes + this.#offset;
    if (!isFirst && end !== batch.endPosition) {
      throw wrongBatch(batch, `it ends at ${end}, not at ${batch.endPosition}`);
    }
  }

  /** Writes what is staged up to `head`; the 16 bytes there move to the stage's start. */
  async #flushBefore(head: number, isRoll: boolean): Promise<void> {
    const kept = Buffer.from(this.#stage.subarray(head, head + log.RECORD_HEADER_BYTES));
    await this.#flush();
    if (isRoll) await this.#roll();
    kept.copy(this.#stage, 0);
  }

  /** Writes what is staged, and the end mark behind it when there is room. */
  async #flush(): Promise<void> {
    const bytes = this.#stageBytes;
    if (bytes === 0) return;
    const hasRoom = this.#offset + END_MARK_BYTES <= this.#segmentBytes;
    if (hasRoom) this.#stage.fill(0, bytes, bytes + END_MARK_BYTES);
    const written = this.#stage.subarray(0, hasRoom ? bytes + END_MARK_BYTES : bytes);
    await this.#file.write(written, this.#offset - bytes);
    this.bytesWritten += bytes;
    this.#stageBytes = 0;
  }

  async #roll(): Promise<void> {
    await this.#sync();
    await this.#file.close();
    this.#file = await this.#user.nextSegment(this.#segment + 1, this.#offset);
    this.#segment += 1;
    this.#offset = log.SEGMENT_HEADER_BYTES;
  }

  async #sync(): Promise<void> {
    const began = performance.now();
    await this.#file.sync();
    this.syncs += 1;
    this.syncMicros += Math.round((performance.now() - began) * 1000);
  }
}

function wrongBatch(batch: LogBatch, what: string): Error {
  return new Error(`batch ${batch.number} cannot be appended: ${what}`);
}
