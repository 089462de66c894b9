// How much of each segment of a shard's log is live: which segments hold nothing any more, and
// which little enough to be cleaned. Shard thread.
//
// A message counts in the segment of its PUBLISH record by an estimate that depends on nothing but
// its size, so that what is taken away is what was added. A message that is continued over several
// segments pins all of them (`continued`); such messages are large, hence few.
import { alignTo8 } from '../../src/base/round.ts';
import { PIECE_BYTES, PUBLISH_HEADER_BYTES } from '../../src/log/log.ts';
import type { RecordTable } from './record-table.ts';

const TARGET_BYTES = 8;

export class Segment {
  readonly number: number;
  liveMessages: number;
  liveBytes: number;
  /** Cleaning could not empty it: not tried again. */
  isStubborn: boolean;

  constructor(number: number) {
    this.number = number;
    this.liveMessages = 0;
    this.liveBytes = 0;
    this.isStubborn = false;
  }
}

export class SegmentLedger {
  readonly segmentBytes: number;
  /** Ascending by number, as a Map keeps them. */
  readonly segments: Map<number, Segment>;
  liveBytes: number;
  private readonly records: RecordTable;
  /** Row of a continued message -> the last segment it reaches into. */
  private readonly continued: Map<number, number>;
  private last: Segment;

  constructor(segmentBytes: number, records: RecordTable) {
    this.segmentBytes = segmentBytes;
    this.segments = new Map();
    this.liveBytes = 0;
    this.records = records;
    this.continued = new Map();
    this.last = new Segment(0);
  }

  segmentOf(position: number): number {
    return Math.floor(position / this.segmentBytes);
  }

  /** The segment with this number; new when it was not known. */
  at(number: number): Segment {
    if (this.last.number === number) return this.last;
    let segment = this.segments.get(number);
    if (segment === undefined) {
      segment = new Segment(number);
      this.segments.set(number, segment);
    }
    this.last = segment;
    return segment;
  }

  /** A row has got its place; `endPosition` is where its last record ends. */
  added(row: number, endPosition: number): void {
    const first = this.segmentOf(this.records.position(row));
    this.count(first, row, 1);
    const dataBytes = this.records.dataBytes(row);
    if (dataBytes <= PIECE_BYTES) return;
    const last = this.segmentOf(endPosition - 1);
    if (last === first) return;
    this.continued.set(row, last);
    for (let number = first + 1; number <= last; number += 1) this.at(number).liveMessages += 1;
  }

  /** A row is about to lose its place. */
  removed(row: number): void {
    const first = this.segmentOf(this.records.position(row));
    this.count(first, row, -1);
    if (this.continued.size === 0 || this.records.dataBytes(row) <= PIECE_BYTES) return;
    const last = this.continued.get(row);
    if (last === undefined) return;
    this.continued.delete(row);
    for (let number = first + 1; number <= last; number += 1) this.at(number).liveMessages -= 1;
  }

  forget(number: number): void {
    this.segments.delete(number);
    if (this.last.number === number) this.last = new Segment(0);
  }

  get diskBytes(): number {
    return this.segments.size * this.segmentBytes;
  }

  private count(number: number, row: number, sign: number): void {
    const dataBytes = this.records.dataBytes(row);
    const bytes = sign * (PUBLISH_HEADER_BYTES + TARGET_BYTES + alignTo8(dataBytes));
    const segment = this.at(number);
    segment.liveMessages += sign;
    segment.liveBytes += bytes;
    this.liveBytes += bytes;
  }
}
