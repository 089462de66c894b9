// One batch of records on its way to the log, and what is to happen when it has been written and
// synced. Shard thread. Batches are reused: a shard has a few of them and their memory stays.
//
// Records are put one behind the other as the log's format says (docs/log-format.md); small bodies
// are copied into the batch's own memory, large ones stay in their slabs and are named as parts.
// Invariant: `position` is where the next record would begin, by the same rule as the log's own
// (a record that does not fit begins the next segment).
import { alignTo8 } from '../../src/base/round.ts';
import {
  ACK,
  BODY,
  CONTINUED,
  COUNT,
  type LogBatch,
  PERSISTENT,
  PIECE_BYTES,
  PUBLISH,
  PUBLISH_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  SPILLED,
} from '../../src/log/log.ts';
import { placeRecord } from '../../src/log/record-writer.ts';
import { SLAB_PAGE_BYTES, type Slab, SlabCursor } from '../mailbox/slab.ts';
import { PERSISTENT_FLAG, SLAB_FLAG, SPILLED_FLAG } from '../mailbox/to-shard-layout.ts';
import type { Queue } from '../queue/queue.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { PendingRecords, RowList } from './pending-records.ts';
import { traitCount, writeTraits } from './record-traits.ts';

const BATCH_BYTES = 1024 * 1024;
/** Beyond this much in slabs a batch takes no more messages. */
const SLAB_BYTES_MAX = 32 * 1024 * 1024;
/** Parts of a batch; more for a single message that lies in so many pieces. */
const PARTS_MAX = 16 * 1024;
const PART_COLUMNS = 3;
const OWN_MEMORY = 0;
const BODY_HEADER_BYTES = RECORD_HEADER_BYTES + 8;
const TRIPLE_BYTES = 12;
/** Triples (acks, counts) in one record. */
const TRIPLES_MAX = 8192;
/** Acks and counts come first, or they would wait for ever while publishes fill every batch. */
const TRIPLES_BYTES_MAX = BATCH_BYTES / 2;
/** What a PUBLISH, and each BODY behind it, needs at most besides targets and inline data. */
const PUBLISH_SLACK_BYTES = 96;
const PIECE_OVERHEAD_BYTES = 48;
const PLACED_COLUMNS = 3;

export class Batch implements LogBatch {
  readonly bytes: Buffer<ArrayBuffer>;
  parts: Float64Array;
  number: number;
  partCount: number;
  firstPosition: number;
  endPosition: number;
  sync: boolean;
  /** Confirms that its sealing brought nearer: per origin (acceptor and lane). */
  readonly sealed: Int32Array;
  /** Per message and queue: handle, row, position; the queues apart. */
  readonly placed: Int32Array;
  readonly placedQueues: (Queue | undefined)[];
  placedCount: number;
  /** Slab messages that must not go before they are written. */
  readonly retained: number[];
  private readonly words: Int32Array;
  private readonly slabs: readonly Slab[];
  private readonly cursor: SlabCursor;
  private used: number;
  private partFrom: number;
  private slabBytes: number;

  constructor(originCount: number, slabs: readonly Slab[]) {
    const memory = new ArrayBuffer(BATCH_BYTES);
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.parts = new Float64Array(PARTS_MAX * PART_COLUMNS);
    this.sealed = new Int32Array(originCount);
    this.placed = new Int32Array((BATCH_BYTES / PUBLISH_HEADER_BYTES) * PLACED_COLUMNS);
    this.placedQueues = [];
    this.retained = [];
    this.slabs = slabs;
    this.cursor = new SlabCursor();
    this.number = 0;
    this.partCount = 0;
    this.firstPosition = 0;
    this.endPosition = 0;
    this.sync = false;
    this.placedCount = 0;
    this.used = 0;
    this.partFrom = 0;
    this.slabBytes = 0;
  }

  /** Holds no records, whatever it is to confirm. */
  get isEmpty(): boolean {
    return this.endPosition === this.firstPosition;
  }

  /** Empties it; the next record lies at `position` or begins the next segment. */
  reset(number: number, position: number): void {
    this.number = number;
    this.firstPosition = position;
    this.endPosition = position;
    this.partCount = 0;
    this.sync = false;
    this.sealed.fill(0);
    this.placedCount = 0;
    this.used = 0;
    this.partFrom = 0;
    this.slabBytes = 0;
  }

  /**
   * Encodes the PUBLISH of a pending group for the `queueCount` queues that still want it, with the
   * BODY records that continue it. Returns its position, or -1 when the batch is full.
   */
  publish(
    pending: PendingRecords,
    group: number,
    queueCount: number,
    store: MessageStore,
    segmentBytes: number,
  ): number {
    const handle = pending.handleOf(group);
    const dataBytes = store.dataBytes(handle);
    if (!this.hasRoomFor(store, handle, dataBytes, queueCount)) return -1;
    const isSlab = (store.flags(handle) & SLAB_FLAG) !== 0;
    const exrkBytes = store.exrkBytes(handle);
    const isContinued = dataBytes > PIECE_BYTES;
    const pieceBytes = isContinued ? PIECE_BYTES : dataBytes;
    const traits = traitCount(store, handle);
    const headBytes = PUBLISH_HEADER_BYTES + (queueCount + traits) * 8;
    const recordBytes = alignTo8(headBytes + pieceBytes);
    const position = this.place(recordBytes, segmentBytes);
    const flags = recordFlags(store.flags(handle)) | (isContinued ? CONTINUED : 0);
    let word = this.head(PUBLISH, flags, queueCount + traits, recordBytes);
    const { words } = this;
    words[word] = exrkBytes;
    words[word + 1] = store.propsBytes(handle);
    words[word + 2] = store.bodyBytes(handle);
    words[word + 3] = 0;
    word += 4;
    const all = pending.queueCountOf(group);
    for (let i = 1; i <= all; i += 1) {
      const queue = pending.queueAt(group, i);
      if (queue === undefined) continue;
      words[word] = queue.id;
      words[word + 1] = pending.positionAt(group, i);
      word += 2;
    }
    if (traits > 0) writeTraits(words, word, store, handle);
    store.copyData(handle, this.bytes, this.used + headBytes);
    const inlineBytes = store.inlineBytes(handle);
    this.used += headBytes + inlineBytes;
    const padding = recordBytes - headBytes - pieceBytes;
    if (isSlab) this.slabPieces(store, handle, pieceBytes - inlineBytes, padding, segmentBytes);
    else this.pad(padding);
    return position;
  }

  /** Notes where a message of `queue` now lies. */
  addPlaced(handle: number, row: number, queue: Queue, position: number): void {
    const at = this.placedCount * PLACED_COLUMNS;
    this.placed[at] = handle;
    this.placed[at + 1] = row;
    this.placed[at + 2] = position;
    this.placedQueues[this.placedCount] = queue;
    this.placedCount += 1;
  }

  /** Encodes as many ack runs as fit; returns how many. */
  acks(runs: RowList, segmentBytes: number): number {
    return this.triples(ACK, runs, segmentBytes);
  }

  deliveryCounts(counts: RowList, segmentBytes: number): number {
    return this.triples(COUNT, counts, segmentBytes);
  }

  /** No more records: the last part ends. */
  seal(): void {
    this.endPart();
  }

  private hasRoomFor(
    store: MessageStore,
    handle: number,
    dataBytes: number,
    queueCount: number,
  ): boolean {
    const isSlab = (store.flags(handle) & SLAB_FLAG) !== 0;
    const inlineBytes = store.inlineBytes(handle);
    const needed = inlineBytes + queueCount * 8 + PUBLISH_SLACK_BYTES;
    const pieces = Math.ceil(dataBytes / PIECE_BYTES);
    if (this.used + needed + pieces * PIECE_OVERHEAD_BYTES > BATCH_BYTES) return false;
    if ((this.placedCount + queueCount) * PLACED_COLUMNS > this.placed.length) return false;
    if (!isSlab) return true;
    if (this.slabBytes > 0 && this.slabBytes + dataBytes > SLAB_BYTES_MAX) return false;
    // A chain of runs is at worst one of single pages.
    const partsMax = dataBytes / SLAB_PAGE_BYTES + pieces * 2 + 4;
    return this.hasRoomForParts(Math.ceil(partsMax));
  }

  private hasRoomForParts(count: number): boolean {
    if ((this.partCount + count) * PART_COLUMNS <= this.parts.length) return true;
    if (this.slabBytes > 0) return false;
    const parts = new Float64Array((this.partCount + count) * PART_COLUMNS);
    parts.set(this.parts);
    this.parts = parts;
    return true;
  }

  /** What of a message lies in a slab: `firstBytes` of it belong to the PUBLISH itself. */
  private slabPieces(
    store: MessageStore,
    handle: number,
    firstBytes: number,
    firstPadding: number,
    segmentBytes: number,
  ): void {
    const owner = store.slabOwner(handle);
    let left = store.slabDataBytes(handle);
    this.slabBytes += left;
    this.cursor.open(this.slabs[owner], store.slabPage(handle));
    this.cursor.skip(store.slabSkip(handle));
    let pieceBytes = firstBytes;
    let padding = firstPadding;
    for (let index = 1; ; index += 1) {
      this.slabParts(owner, pieceBytes);
      this.pad(padding);
      this.endPart();
      left -= pieceBytes;
      if (left === 0) return;
      pieceBytes = Math.min(left, PIECE_BYTES);
      const recordBytes = alignTo8(BODY_HEADER_BYTES + pieceBytes);
      padding = recordBytes - BODY_HEADER_BYTES - pieceBytes;
      this.place(recordBytes, segmentBytes);
      const word = this.head(BODY, 0, 0, recordBytes);
      this.words[word] = index;
      this.words[word + 1] = pieceBytes;
      this.used += BODY_HEADER_BYTES;
    }
  }

  private slabParts(owner: number, byteCount: number): void {
    this.endPart();
    let left = byteCount;
    while (left > 0) {
      const count = this.cursor.next(left);
      this.part(owner + 1, this.cursor.at, count);
      left -= count;
    }
  }

  private triples(kind: number, list: RowList, segmentBytes: number): number {
    let done = 0;
    while (done < list.count) {
      const room = Math.floor((TRIPLES_BYTES_MAX - this.used - 64) / TRIPLE_BYTES);
      const count = Math.min(list.count - done, TRIPLES_MAX, room);
      if (count <= 0) return done;
      const recordBytes = alignTo8(RECORD_HEADER_BYTES + count * TRIPLE_BYTES);
      this.place(recordBytes, segmentBytes);
      const word = this.head(kind, 0, count, recordBytes);
      this.words.set(list.rows.subarray(done * 3, (done + count) * 3), word);
      this.used += RECORD_HEADER_BYTES + count * TRIPLE_BYTES;
      this.pad(recordBytes - RECORD_HEADER_BYTES - count * TRIPLE_BYTES);
      done += count;
    }
    return done;
  }

  /** Writes the common header at `used`; returns the word behind it. */
  private head(kind: number, flags: number, count: number, recordBytes: number): number {
    const word = this.used >> 2;
    const { words } = this;
    words[word] = 0;
    words[word + 1] = recordBytes;
    words[word + 2] = kind | (flags << 8) | (count << 16);
    words[word + 3] = 0;
    return word + 4;
  }

  /** Where a record of so many bytes lies. */
  private place(recordBytes: number, segmentBytes: number): number {
    const position = placeRecord(this.endPosition, recordBytes, segmentBytes);
    if (this.isEmpty) this.firstPosition = position;
    this.endPosition = position + recordBytes;
    return position;
  }

  private pad(count: number): void {
    for (let i = 0; i < count; i += 1) this.bytes[this.used + i] = 0;
    this.used += count;
  }

  private part(memory: number, offset: number, bytes: number): void {
    const at = this.partCount * PART_COLUMNS;
    this.parts[at] = memory;
    this.parts[at + 1] = offset;
    this.parts[at + 2] = bytes;
    this.partCount += 1;
  }

  /** What stands in our own memory since the last part is one; the next begins aligned. */
  private endPart(): void {
    if (this.used > this.partFrom) this.part(OWN_MEMORY, this.partFrom, this.used - this.partFrom);
    this.used = alignTo8(this.used);
    this.partFrom = this.used;
  }
}

function recordFlags(messageFlags: number): number {
  const persistent = (messageFlags & PERSISTENT_FLAG) === 0 ? 0 : PERSISTENT;
  // A persistent message is spilled too, by a queue that keeps nothing.
  return persistent | ((messageFlags & SPILLED_FLAG) === 0 ? 0 : SPILLED);
}
