// Looks at messages on disk without bringing them back: what listings say of them. Shard thread,
// cold. The log's reads are numbered by whoever asks; these numbers are above all of ReadAhead's.
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
      found.set(row, { exrk: exrk.slice(), props: props.slice(), bodyBytes });
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
    const { records } = this;
    // What was withdrawn while others were being read has no place any more.
    const rows = all.filter((row) => records.isUsed(row));
    if (rows.length === 0) return;
    const read = this.readOf(rows);
    await new Promise<void>((resolve) => {
      this.underway.set(read.number, resolve);
      this.log.read(read);
    });
    const words = new Int32Array(read.target.buffer);
    for (const [i, row] of rows.entries()) {
      const at = i * READ_COLUMNS;
      const isThere = records.isUsed(row) && records.position(row) === read.rows[at];
      if (read.status[i] !== STATUS_OK || !isThere) continue;
      const word = read.rows[at + READ_AT] >> 2;
      const exrkAt = read.rows[at + READ_AT] + READ_HEAD_BYTES;
      const propsAt = exrkAt + words[word + 1];
      const bodyAt = propsAt + words[word + 2];
      const bodyBytes = words[word + 3];
      see(row, {
        flags: words[word],
        exrk: read.target.subarray(exrkAt, propsAt),
        props: read.target.subarray(propsAt, bodyAt),
        bodyBytes,
        data: read.target.subarray(exrkAt, bodyAt + bodyBytes),
      });
    }
  }

  private readOf(rows: readonly number[]): LogRead {
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
    return {
      number: this.number,
      count: rows.length,
      rows: columns,
      parts: new Float64Array(0),
      target: new Uint8Array(used),
      status: new Int32Array(rows.length),
    };
  }
}
