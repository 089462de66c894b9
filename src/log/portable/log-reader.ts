// Reads messages by position into the memory that the user names (src/log/log.ts, LogRead). Main
// and shard threads. Reads are done one after the other; disk access is asynchronous.
import { copyBytes } from '../../base/copy.ts';
import * as log from '../log.ts';
import type { LogRead } from '../log.ts';
import { bufferOver } from './batch-source.ts';
import { eachPiece } from './message-pieces.ts';
import type { FoundRecord, RecordSource } from './record-source.ts';

export class LogReader {
  readonly #source: RecordSource;
  readonly #segmentBytes: number;
  readonly #memories: readonly Buffer<ArrayBufferLike>[];

  constructor(source: RecordSource, segmentBytes: number, memories: readonly Uint8Array[]) {
    this.#source = source;
    this.#segmentBytes = segmentBytes;
    this.#memories = memories.map((memory) => bufferOver(memory));
  }

  /** Fills in all rows and their status. */
  async read(read: LogRead): Promise<void> {
    const { rows } = read;
    const target = bufferOver(read.target);
    for (let row = 0; row < read.count; row += 1) {
      const at = row * log.READ_COLUMNS;
      const place = {
        position: rows[at + log.READ_POSITION],
        inner: rows[at + log.READ_INNER],
        dataBytes: rows[at + log.READ_DATA_BYTES],
      };
      const sink = new ReadSink(read, row, target, this.#memories);
      const ahead = this.#source.ahead(rows, log.READ_COLUMNS, row, read.count);
      const isWhole = await eachPiece(
        this.#source,
        place,
        ahead,
        this.#segmentBytes,
        (record, dataAt, dataBytes) => sink.take(record, dataAt, dataBytes),
      );
      read.status[row] = isWhole ? log.STATUS_OK : log.STATUS_CORRUPT;
    }
  }
}

/** Where the data of one message go: exrk behind the head, the rest there too or into parts. */
class ReadSink {
  readonly #read: LogRead;
  readonly #target: Buffer<ArrayBufferLike>;
  readonly #memories: readonly Buffer<ArrayBufferLike>[];
  readonly #headAt: number;
  /** Bytes that still go into `target`, and where. */
  #inline = 0;
  #inlineAt = 0;
  #part: number;
  readonly #partsEnd: number;
  /** How much of the part was filled. */
  #filled = 0;
  #hasBegun = false;

  constructor(
    read: LogRead,
    row: number,
    target: Buffer<ArrayBufferLike>,
    memories: readonly Buffer<ArrayBufferLike>[],
  ) {
    const at = row * log.READ_COLUMNS;
    this.#read = read;
    this.#target = target;
    this.#memories = memories;
    this.#headAt = read.rows[at + log.READ_AT];
    this.#part = read.rows[at + log.READ_FIRST_PART];
    this.#partsEnd = this.#part + read.rows[at + log.READ_PART_COUNT];
  }

  /** False when the memory named by the row is too small. */
  take({ view, at }: FoundRecord, dataAt: number, dataBytes: number): boolean {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (!this.#begin(view, at)) return false;
    }
    const source = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    const inline = Math.min(this.#inline, dataBytes);
    copyBytes(source, dataAt, this.#target, this.#inlineAt, inline);
    this.#inline -= inline;
    this.#inlineAt += inline;
    return this.#toParts(source, dataAt + inline, dataBytes - inline);
  }

  /** Writes the head, and finds out how much of the data goes behind it. */
  #begin(view: DataView, at: number): boolean {
    const exrkBytes = view.getUint32(at + 16, true);
    const propsBytes = view.getUint32(at + 20, true);
    const bodyBytes = view.getUint32(at + 24, true);
    const hasParts = this.#partsEnd > this.#part;
    this.#inline = hasParts ? exrkBytes : exrkBytes + propsBytes + bodyBytes;
    this.#inlineAt = this.#headAt + log.READ_HEAD_BYTES;
    if (this.#inlineAt + this.#inline > this.#target.byteLength) return false;
    this.#target.writeUInt32LE(view.getUint8(at + 9), this.#headAt);
    this.#target.writeUInt32LE(exrkBytes, this.#headAt + 4);
    this.#target.writeUInt32LE(propsBytes, this.#headAt + 8);
    this.#target.writeUInt32LE(bodyBytes, this.#headAt + 12);
    return true;
  }

  #toParts(source: Buffer<ArrayBufferLike>, dataAt: number, dataBytes: number): boolean {
    const { parts } = this.#read;
    let done = 0;
    while (done < dataBytes) {
      if (this.#part >= this.#partsEnd) return false;
      const memory = this.#memories[parts[this.#part * 3] - 1];
      const to = parts[this.#part * 3 + 1] + this.#filled;
      const room = parts[this.#part * 3 + 2] - this.#filled;
      const bytes = Math.min(room, dataBytes - done);
      if (memory === undefined || to + bytes > memory.byteLength) return false;
      copyBytes(source, dataAt + done, memory, to, bytes);
      done += bytes;
      this.#filled += bytes;
      if (this.#filled === parts[this.#part * 3 + 2]) {
        this.#part += 1;
        this.#filled = 0;
      }
    }
    return true;
  }
}
