// Reads messages on disk without bringing them back into their queue: for listings, and for dead
// letters that go on (held-reads.ts). Shard thread, cold. The log's reads are numbered by whoever
// asks; these numbers are above all of ReadAhead's.
import { alignTo8 } from '../../src/base/round.ts';
import {
  type Log,
  type LogRead,
  READ_AT,
  READ_COLUMNS,
  READ_DATA_BYTES,
  READ_HEAD_BYTES,
  READ_INNER,
  READ_POSITION,
  STATUS_OK,
} from '../../src/log/log.ts';
import type { RecordTable } from './record-table.ts';

const FIRST_NUMBER = 0x4000_0000;
/** Of one read; a larger message is not looked at. */
const TARGET_BYTES = 1024 * 1024;

/** Routing and properties of a message, copied. */
export interface Peeked {
  readonly exrk: Uint8Array;
  readonly props: Uint8Array;
  readonly bodyBytes: number;
}

/** A read of whole messages; READ_AT of a row says where in the target its head is. */
export interface WholeRead extends LogRead {
  readonly target: Buffer<ArrayBuffer>;
  readonly words: Int32Array;
}

/** A message as it was read; its bytes are good until the call returns. */
export interface ReadMessage extends Peeked {
  /** Of its record: PERSISTENT, SPILLED. */
  readonly flags: number;
  /** exrk, props and body. */
  readonly data: Uint8Array;
}

type SeeMessage = (row: number, message: ReadMessage) => void;

export class PeekReads {
  private readonly log: Log;
  private readonly records: RecordTable;
  private readonly underway: Map<number, () => void>;
  private number: number;

  constructor(log: Log, records: RecordTable) {
    this.log = log;
    this.records = records;
    this.underway = new Map();
    this.number = FIRST_NUMBER;
  }

  /** By row; those that are too large, gone or cannot be read are missing. */
  async read(rows: readonly number[]): Promise<ReadonlyMap<number, Peeked>> {
    const found = new Map<number, Peeked>();
    await this.each(rows, (row, { exrk, props, bodyBytes }) => {
      found.set(row, { exrk: Uint8Array.from(exrk), props: Uint8Array.from(props), bodyBytes });
    });
    return found;
  }

  /** Shows each of these messages, in any order; those that `read` leaves out are left out. */
  async each(rows: readonly number[], see: SeeMessage): Promise<void> {
    let from = 0;
    while (from < rows.length) {
      let end = from;
      let bytes = 0;
      for (; end < rows.length; end += 1) {
        const needed = this.targetBytes(rows[end]);
        if (bytes > 0 && bytes + needed > TARGET_BYTES) break;
        bytes += needed;
      }
      const some = rows.slice(from, end).filter((row) => this.targetBytes(row) <= TARGET_BYTES);
      await this.readSome(some, see);
      from = end;
    }
  }

  /** From the log: a read is finished. False when it was none of these. */
  finished(number: number): boolean {
    const then = this.underway.get(number);
    this.underway.delete(number);
    then?.();
    return then !== undefined;
  }

  private targetBytes(row: number): number {
    return READ_HEAD_BYTES + alignTo8(this.records.dataBytes(row));
  }

  private async readSome(all: readonly number[], see: SeeMessage): Promise<void> {
    // What was withdrawn while others were being read has no place any more.
    const rows = all.filter((row) => this.records.isUsed(row));
    if (rows.length === 0) return;
    const read = await this.readWhole(rows);
    const { target, words } = read;
    for (const [i, row] of rows.entries()) {
      if (read.status[i] !== STATUS_OK || !this.isThere(read, i, row)) continue;
      const at = read.rows[i * READ_COLUMNS + READ_AT];
      const exrkAt = at + READ_HEAD_BYTES;
      const propsAt = exrkAt + words[(at >> 2) + 1];
      const bodyAt = propsAt + words[(at >> 2) + 2];
      const bodyBytes = words[(at >> 2) + 3];
      see(row, {
        flags: words[at >> 2],
        exrk: target.subarray(exrkAt, propsAt),
        props: target.subarray(propsAt, bodyAt),
        bodyBytes,
        data: target.subarray(exrkAt, bodyAt + bodyBytes),
      });
    }
  }

  /** All of these messages, one behind the other in a target as large as that takes. */
  async readWhole(rows: readonly number[]): Promise<WholeRead> {
    const read = this.readOf(rows);
    await new Promise<void>((resolve) => {
      this.underway.set(read.number, resolve);
      this.log.read(read);
    });
    return read;
  }

  /** Whether the message in row `i` of a read is still where it was read. */
  isThere(read: LogRead, i: number, row: number): boolean {
    const { records } = this;
    return records.isUsed(row) && records.position(row) === read.rows[i * READ_COLUMNS];
  }

  private readOf(rows: readonly number[]): WholeRead {
    const { records } = this;
    const columns = new Float64Array(rows.length * READ_COLUMNS);
    let used = 0;
    for (const [i, row] of rows.entries()) {
      const at = i * READ_COLUMNS;
      columns[at + READ_POSITION] = records.position(row);
      columns[at + READ_INNER] = records.inner(row);
      columns[at + READ_DATA_BYTES] = records.dataBytes(row);
      columns[at + READ_AT] = used;
      used += this.targetBytes(row);
    }
    this.number += 1;
    const memory = new ArrayBuffer(used);
    return {
      number: this.number,
      count: rows.length,
      rows: columns,
      parts: new Float64Array(0),
      target: Buffer.from(memory),
      words: new Int32Array(memory),
      status: new Int32Array(rows.length),
    };
  }
}
