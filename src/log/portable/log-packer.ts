// Collects messages that survive cleaning into records to append again (src/log/log.ts, LogPack).
// Main and shard threads; reading and compression are asynchronous.
// Room for the open BLOCK is kept as if it could not be compressed, so it always goes in.
import * as log from '../log.ts';
import type { LogPack } from '../log.ts';
import { BLOCK_HEADER_BYTES, BLOCK_RAW_BYTES_MAX, paddedBytes } from '../record-format.ts';
import { RecordWriter } from '../record-writer.ts';
import { bufferOver } from './batch-source.ts';
import { compressBlock } from './lz4-block.ts';
import { eachPiece } from './message-pieces.ts';
import type { FoundRecord, RecordSource } from './record-source.ts';

/** Longer records stand by themselves. */
const BLOCK_RECORD_BYTES_MAX = 64 * 1024;

export class LogPacker {
  readonly #source: RecordSource;
  readonly #segmentBytes: number;

  constructor(source: RecordSource, segmentBytes: number) {
    this.#source = source;
    this.#segmentBytes = segmentBytes;
  }

  /** Fills in the results of all rows. */
  async pack(pack: LogPack): Promise<void> {
    const { rows } = pack;
    const packing = new Packing(pack);
    for (let row = 0; row < pack.count; row += 1) {
      const at = row * log.PACK_COLUMNS;
      const place = { position: rows[at], inner: rows[at + 1], dataBytes: rows[at + 2] };
      const ahead = this.#source.ahead(rows, log.PACK_COLUMNS, row, pack.count);
      const records = new PackedMessage();
      const isWhole = await eachPiece(this.#source, place, ahead, this.#segmentBytes, (record) =>
        records.add(record),
      );
      if (!isWhole) packing.put(row, log.STATUS_CORRUPT, 0, -1);
      else if (!(await packing.add(row, records))) {
        for (let rest = row; rest < pack.count; rest += 1) {
          packing.put(rest, log.STATUS_NO_ROOM, 0, -1);
        }
        break;
      }
    }
    await packing.endBlock();
    pack.usedBytes[0] = packing.used;
  }
}

/** Copies of a message's records, checksum and tag cleared. */
class PackedMessage {
  readonly records: Buffer[] = [];
  bytes = 0;

  add({ view, at, bytes }: FoundRecord): boolean {
    const copy = Buffer.from(Buffer.from(view.buffer, view.byteOffset + at, bytes));
    copy.writeUInt32LE(0, 0);
    copy.writeUInt32LE(0, 12);
    this.records.push(copy);
    this.bytes += bytes;
    return true;
  }
}

class Packing {
  readonly #pack: LogPack;
  readonly #target: Buffer<ArrayBufferLike>;
  readonly #raw = Buffer.alloc(BLOCK_RAW_BYTES_MAX);
  #rawBytes = 0;
  /** The rows in the open BLOCK, and where each lies in it. */
  #rows: number[] = [];
  #inners: number[] = [];
  used = 0;

  constructor(pack: LogPack) {
    this.#pack = pack;
    this.#target = bufferOver(pack.target);
  }

  put(row: number, status: number, at: number, inner: number): void {
    const { results } = this.#pack;
    results[row * log.PACKED_COLUMNS + log.PACKED_STATUS] = status;
    results[row * log.PACKED_COLUMNS + log.PACKED_AT] = at;
    results[row * log.PACKED_COLUMNS + log.PACKED_INNER] = inner;
  }

  /** False: there is no room. */
  async add(row: number, message: PackedMessage): Promise<boolean> {
    const { bytes, records } = message;
    if (bytes > BLOCK_RECORD_BYTES_MAX) return this.#addAlone(row, message);
    if (this.#rawBytes + bytes > BLOCK_RAW_BYTES_MAX) await this.endBlock();
    if (this.used + blockBytes(this.#rawBytes + bytes) > this.#target.byteLength) return false;
    this.#rows.push(row);
    this.#inners.push(this.#rawBytes);
    records[0].copy(this.#raw, this.#rawBytes);
    this.#rawBytes += bytes;
    return true;
  }

  async endBlock(): Promise<void> {
    if (this.#rawBytes === 0) return;
    const raw = this.#raw.subarray(0, this.#rawBytes);
    const compressed = await compressBlock(raw);
    const isSmaller = compressed.byteLength < raw.byteLength;
    const packed = isSmaller ? compressed : raw;
    const bytes = BLOCK_HEADER_BYTES + packed.byteLength;
    const writer = new RecordWriter(this.#target.subarray(this.used));
    writer.begin(log.BLOCK, isSmaller ? log.COMPRESSED : 0, this.#rows.length, bytes);
    writer.word(raw.byteLength);
    writer.word(packed.byteLength);
    writer.put(packed);
    for (const [index, row] of this.#rows.entries()) {
      this.put(row, log.STATUS_OK, this.used, this.#inners[index]);
    }
    this.used += writer.used;
    this.#rawBytes = 0;
    this.#rows = [];
    this.#inners = [];
  }

  #addAlone(row: number, { bytes, records }: PackedMessage): boolean {
    const reserved = this.#rawBytes === 0 ? 0 : blockBytes(this.#rawBytes);
    if (this.used + bytes + reserved > this.#target.byteLength) return false;
    this.put(row, log.STATUS_OK, this.used, -1);
    for (const record of records) {
      record.copy(this.#target, this.used);
      this.used += record.byteLength;
    }
    return true;
  }
}

function blockBytes(rawBytes: number): number {
  return paddedBytes(BLOCK_HEADER_BYTES + rawBytes);
}
