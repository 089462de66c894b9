// Finds single records by position for reads and packs: files kept open, a window of the file kept
// in memory, the last BLOCK kept unpacked. Main and shard threads. One user at a time: each reader
// has its own.
// Whatever cannot be read or does not check out is `undefined`: the user reports it as corrupt.
import * as log from '../log.ts';
import { isPublishSound, isRecordBytes, paddedBytes, type RecordSeal } from '../record-format.ts';
import { segmentName } from '../segment-header.ts';
import type { Disk, DiskFile } from './disk.ts';
import { unpackBlock } from './lz4-block.ts';

const FILES_MAX = 16;
/** What is read at once when the next messages lie near; less when they do not. */
const WINDOW_BYTES = 512 * 1024;
/** Messages that are at most this far apart are read together. */
const GAP_BYTES = 64 * 1024;
/** A guess at the bytes of a BLOCK; when it is longer, the rest is read too. */
const BLOCK_BYTES_GUESS = 96 * 1024;
/** A guess at the bytes that targets take. */
const TARGET_BYTES_GUESS = 64;

/** Where a record stands in memory: valid until the source is asked for the next one. */
export interface FoundRecord {
  readonly view: DataView;
  readonly at: number;
  readonly bytes: number;
}

export class RecordSource {
  readonly #disk: Disk;
  readonly #seal: RecordSeal;
  readonly #segmentBytes: number;
  readonly #files = new Map<number, DiskFile>();
  #window = new DataView(new ArrayBuffer(WINDOW_BYTES));
  #windowFrom = 0;
  #windowBytes = 0;
  #blockPosition = -1;
  #block: DataView | undefined;

  constructor(disk: Disk, seal: RecordSeal, segmentBytes: number) {
    this.#disk = disk;
    this.#seal = seal;
    this.#segmentBytes = segmentBytes;
  }

  /** How much to read for row `row` of `rows`, so that the rows near behind it come along. */
  ahead(rows: Float64Array, columns: number, row: number, count: number): number {
    const from = rows[row * columns];
    const isHere = from >= this.#windowFrom && from < this.#windowFrom + this.#windowBytes;
    if (isHere || from === this.#blockPosition) return 0;
    const to = Math.min(from + WINDOW_BYTES, this.#segmentEnd(from));
    let end = from;
    for (let next = row; next < count; next += 1) {
      const position = rows[next * columns];
      if (position < from || position > end + GAP_BYTES || position >= to) break;
      const isInner = rows[next * columns + 1] >= 0;
      end = Math.max(end, position + guessBytes(isInner ? -1 : rows[next * columns + 2]));
    }
    return Math.min(end, to) - from;
  }

  /** The PUBLISH record at `position`, or at `inner` of the BLOCK there. */
  async publish(position: number, inner: number, ahead: number): Promise<FoundRecord | undefined> {
    const record = inner >= 0 ? await this.#inBlock(position, inner, ahead) : undefined;
    if (inner >= 0) return record;
    return this.#record(position, log.PUBLISH, ahead);
  }

  /** The BODY record at `position`, whose contents are `dataBytes` bytes of piece `index`. */
  async body(position: number, index: number, dataBytes: number): Promise<FoundRecord | undefined> {
    const record = await this.#record(position, log.BODY, guessBytes(dataBytes));
    if (record === undefined) return undefined;
    const { view, at } = record;
    const isRight = view.getUint32(at + 16, true) === index;
    return isRight && view.getUint32(at + 20, true) === dataBytes ? record : undefined;
  }

  /** The segment is gone. */
  async forget(segment: number): Promise<void> {
    const file = this.#files.get(segment);
    this.#files.delete(segment);
    await file?.close();
  }

  async close(): Promise<void> {
    for (const segment of this.#files.keys()) await this.forget(segment);
  }

  async #inBlock(position: number, inner: number, ahead: number): Promise<FoundRecord | undefined> {
    if (this.#blockPosition !== position) {
      this.#blockPosition = -1;
      const record = await this.#record(position, log.BLOCK, ahead);
      if (record === undefined) return undefined;
      const raw = await unpackBlock(record.view, record.at);
      if (raw === undefined) return undefined;
      this.#block = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
      this.#blockPosition = position;
    }
    const view = this.#block!;
    if (inner + log.PUBLISH_HEADER_BYTES > view.byteLength) return undefined;
    const bytes = view.getUint32(inner + 4, true);
    if (!isRecordBytes(bytes) || inner + bytes > view.byteLength) return undefined;
    const isPublish = view.getUint8(inner + 8) === log.PUBLISH;
    return isPublish && isPublishSound(view, inner, bytes) ? { view, at: inner, bytes } : undefined;
  }

  async #record(position: number, kind: number, ahead: number): Promise<FoundRecord | undefined> {
    if (!(await this.#reaches(position, log.RECORD_HEADER_BYTES, ahead))) return undefined;
    let at = position - this.#windowFrom;
    const bytes = this.#window.getUint32(at + 4, true);
    if (!isRecordBytes(bytes) || position + bytes > this.#segmentEnd(position)) return undefined;
    if (!(await this.#reaches(position, bytes, Math.max(bytes, ahead)))) return undefined;
    at = position - this.#windowFrom;
    const view = this.#window;
    const isGood = this.#seal.check(view, at, position, bytes) === bytes;
    return isGood && view.getUint8(at + 8) === kind ? { view, at, bytes } : undefined;
  }

  /** Brings `bytes` bytes from `position` on into the window; when it must read, `ahead` bytes. */
  async #reaches(position: number, bytes: number, ahead: number): Promise<boolean> {
    const at = position - this.#windowFrom;
    if (at >= 0 && at + bytes <= this.#windowBytes) return true;
    const segment = Math.floor(position / this.#segmentBytes);
    const offset = position % this.#segmentBytes;
    const wanted = Math.min(Math.max(bytes, ahead), this.#segmentBytes - offset);
    if (wanted > this.#window.byteLength) this.#window = new DataView(new ArrayBuffer(wanted));
    this.#windowFrom = position;
    this.#windowBytes = 0;
    try {
      const file = await this.#file(segment);
      this.#windowBytes = await file.read(new Uint8Array(this.#window.buffer, 0, wanted), offset);
    } catch {
      return false;
    }
    return this.#windowBytes >= bytes;
  }

  async #file(segment: number): Promise<DiskFile> {
    const open = this.#files.get(segment);
    if (open !== undefined) return open;
    for (const oldest of this.#files.keys()) {
      if (this.#files.size < FILES_MAX) break;
      await this.forget(oldest);
    }
    const file = await this.#disk.open(segmentName(segment), 'read');
    this.#files.set(segment, file);
    return file;
  }

  #segmentEnd(position: number): number {
    return (Math.floor(position / this.#segmentBytes) + 1) * this.#segmentBytes;
  }
}

/** What a PUBLISH or BODY record with so many data probably takes; -1: a BLOCK. */
function guessBytes(dataBytes: number): number {
  if (dataBytes < 0) return BLOCK_BYTES_GUESS;
  const data = Math.min(dataBytes, log.PIECE_BYTES);
  return paddedBytes(log.PUBLISH_HEADER_BYTES + TARGET_BYTES_GUESS + data);
}
