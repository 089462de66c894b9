// Brings a shard's queues back from its log: the newest checkpoint that can be read, then every
// record of every segment. Shard thread, at start, before anybody is served.
//
// Nothing here is fatal: what cannot be read has been put aside by the log and is counted; whatever
// lies around it is used. Records of queues that the topology does not know are skipped, which is
// how the messages of deleted queues go.
import * as layout from '../../src/log/log.ts';
import type { Log } from '../../src/log/log.ts';
import { LANE_MEMORY } from '../mailbox/confirm-counter.ts';
import type { Queue } from '../queue/queue.ts';
import { type QueueCheckpoint, QueueRecovery, type RecoveredMessages } from './queue-recovery.ts';
import type { RecordTable } from './record-table.ts';
import type { SegmentLedger } from './segment-ledger.ts';

export interface RecoveryOptions {
  readonly log: Log;
  /** Where the messages' places are noted. */
  readonly records: RecordTable;
  readonly ledger: SegmentLedger;
  readonly queues: ReadonlyMap<number, Queue>;
  /** Told after every segment. */
  readonly onProgress: (segmentsDone: number, segments: number) => void;
}

interface Checkpoint {
  readonly position: number;
  readonly isClean: boolean;
  readonly queues: ReadonlyMap<number, QueueCheckpoint>;
}

/** A continued message whose BODY records are still to come. */
interface OpenMessage {
  readonly position: number;
  readonly dataBytes: number;
  readonly targets: readonly number[];
  nextIndex: number;
  leftBytes: number;
}

export class LogRecovery {
  private readonly options: RecoveryOptions;
  private readonly recoveries: Map<number, QueueRecovery>;
  readonly corruptRanges: string[];
  /** Store ids of logs that were taken over completely. */
  readonly imported: Set<string>;
  segments: number;
  isTorn: boolean;
  /** It was stopped in order: everything is as it was. */
  isClean: boolean;
  /** Where the records of the newest segment end. */
  end: number;
  private checkpoint: Checkpoint | undefined;
  private open: OpenMessage | undefined;

  constructor(options: RecoveryOptions) {
    this.options = options;
    this.recoveries = new Map();
    this.corruptRanges = [];
    this.imported = new Set();
    this.segments = 0;
    this.isTorn = false;
    this.isClean = true;
    this.end = 0;
    this.checkpoint = undefined;
    this.open = undefined;
  }

  /** Reads everything. */
  async scan(): Promise<void> {
    const { log, ledger, onProgress } = this.options;
    const { segments, checkpoints, segmentBytes } = log.inventory();
    for (const number of checkpoints.toReversed()) {
      this.checkpoint = await this.readCheckpoint(number);
      if (this.checkpoint !== undefined) break;
    }
    for (const [index, segment] of segments.entries()) {
      const scan = await log.scan(segment);
      // What the records of a segment that is gone began cannot go on here.
      if (segments[index - 1] !== segment - 1) this.open = undefined;
      ledger.at(segment);
      this.read(scan.entries, segment * segmentBytes);
      this.noteCorrupt(`segment ${segment}`, scan.corrupt);
      this.isTorn ||= scan.tornAt >= 0;
      this.end = scan.end;
      onProgress(index + 1, segments.length);
    }
    this.segments = segments.length;
    const newest = segments.at(-1) ?? 0;
    this.isClean =
      segments.length === 0 ||
      (this.checkpoint?.isClean === true &&
        this.checkpoint.position === newest * segmentBytes + this.end);
  }

  /** Ends a queue's recovery: what is left of its messages. Undefined when it has nothing here. */
  take(queue: Queue): RecoveredMessages | undefined {
    // A queue without any record left still must not use its numbers again.
    const recovery = this.recoveryOf(queue.id);
    this.recoveries.delete(queue.id);
    return recovery?.finish((row) => this.drop(row));
  }

  /** Drops what was found of a queue: it is not this log that counts for it. */
  discard(queue: Queue): void {
    const found = this.take(queue);
    for (const handle of found?.handles ?? []) this.drop(~handle);
  }

  private drop(row: number): void {
    const { records, ledger } = this.options;
    if (records.dropReference(row) > 0) return;
    ledger.removed(row);
    records.free(row);
  }

  private async readCheckpoint(number: number): Promise<Checkpoint | undefined> {
    const { entries, corrupt } = await this.options.log.scanCheckpoint(number);
    this.noteCorrupt(`checkpoint ${number}`, corrupt);
    let position = -1;
    let isClean = false;
    let missing = 0;
    const ranges = new Map<number, number[]>();
    const counts = new Map<number, number[]>();
    const next = new Map<number, number>();
    for (let at = 0; at < entries.length; ) {
      const kind = entries[at] & 0xff;
      const from = at + layout.ENTRY_WORDS;
      at = from + entries[at + layout.ENTRY_EXTRA];
      if (kind === layout.CHECKPOINT) {
        position = (entries[from] >>> 0) + (entries[from + 1] >>> 0) * 2 ** 32;
        missing += entries[from + 2];
        isClean = entries[from + 3] === 1;
      } else if (kind === layout.QUEUE) {
        missing -= 1;
        const id = entries[from];
        next.set(id, entries[from + 1]);
        const rangesEnd = from + 4 + (entries[from + 2] >>> 0) * 2;
        const countsEnd = rangesEnd + (entries[from + 3] >>> 0) * 2;
        pushAll(ranges, id, entries.subarray(from + 4, rangesEnd));
        pushAll(counts, id, entries.subarray(rangesEnd, countsEnd));
      }
    }
    // One with a gap would take live messages for dead.
    if (position < 0 || missing !== 0) return undefined;
    const queues = new Map<number, QueueCheckpoint>();
    for (const [id, nextPosition] of next) {
      queues.set(id, {
        nextPosition,
        ranges: Int32Array.from(ranges.get(id) ?? []),
        counts: Int32Array.from(counts.get(id) ?? []),
      });
    }
    return { position, isClean, queues };
  }

  private read(entries: Int32Array, base: number): void {
    for (let at = 0; at < entries.length; ) {
      const kind = entries[at] & 0xff;
      const from = at + layout.ENTRY_WORDS;
      const end = from + entries[at + layout.ENTRY_EXTRA];
      if (kind === layout.BODY) this.continueMessage(entries, at, base);
      else this.open = undefined;
      if (kind === layout.PUBLISH) this.published(entries, at, base);
      else if (kind === layout.ACK) this.acked(entries, from, end);
      else if (kind === layout.COUNT) this.counted(entries, from, end);
      else if (kind === layout.IMPORT) this.noteImport(entries, at);
      at = end;
    }
  }

  private published(entries: Int32Array, at: number, base: number): void {
    const flags = (entries[at] >> 8) & 0xff;
    if ((flags & layout.SPILLED) !== 0) return;
    const from = at + layout.ENTRY_WORDS;
    const position = base + (entries[at + layout.ENTRY_OFFSET] >>> 0);
    const dataBytes = entries[at + layout.ENTRY_DATA_BYTES];
    const end = from + entries[at + layout.ENTRY_EXTRA];
    if ((flags & layout.CONTINUED) !== 0) {
      this.open = {
        position,
        dataBytes,
        targets: [...entries.subarray(from, end)],
        nextIndex: 1,
        leftBytes: dataBytes - layout.PIECE_BYTES,
      };
      return;
    }
    const inner = entries[at + layout.ENTRY_INNER];
    this.add(position, inner, dataBytes, entries.subarray(from, end), position + 1);
  }

  private continueMessage(entries: Int32Array, at: number, base: number): void {
    const { open } = this;
    if (open === undefined) return;
    if (entries[at + layout.ENTRY_INNER] !== open.nextIndex) {
      this.open = undefined;
      return;
    }
    open.nextIndex += 1;
    open.leftBytes -= entries[at + layout.ENTRY_DATA_BYTES];
    if (open.leftBytes > 0) return;
    this.open = undefined;
    const endPosition =
      base + (entries[at + layout.ENTRY_OFFSET] >>> 0) + entries[at + layout.ENTRY_RECORD_BYTES];
    this.add(open.position, -1, open.dataBytes, open.targets, endPosition);
  }

  /** A complete message: links it to each of its queues that may still want it. */
  private add(
    position: number,
    inner: number,
    dataBytes: number,
    targets: ArrayLike<number>,
    endPosition: number,
  ): void {
    const { records, ledger } = this.options;
    let row = -1;
    for (let i = 0; i < targets.length; i += 2) {
      const queue = this.recoveryOf(targets[i]);
      if (queue === undefined || !queue.mayHold(targets[i + 1])) continue;
      if (row < 0) {
        row = records.add(position, inner, dataBytes, 1);
        ledger.added(row, endPosition);
      } else {
        records.addReference(row);
      }
      queue.published(targets[i + 1], row);
    }
  }

  private acked(entries: Int32Array, from: number, end: number): void {
    for (let i = from; i < end - 2; i += 3) {
      this.recoveryOf(entries[i])?.acked(entries[i + 1], entries[i + 2]);
    }
  }

  private counted(entries: Int32Array, from: number, end: number): void {
    for (let i = from; i < end - 2; i += 3) {
      this.recoveryOf(entries[i])?.counted(entries[i + 1], entries[i + 2]);
    }
  }

  private noteImport(entries: Int32Array, at: number): void {
    if (((entries[at] >> 8) & layout.IMPORT_END) === 0) return;
    const from = at + layout.ENTRY_WORDS;
    const id = Buffer.from(Int32Array.from(entries.subarray(from, from + 4)).buffer);
    this.imported.add(id.toString('hex'));
  }

  /** Undefined for a queue that is gone, or that keeps nothing on disk. */
  private recoveryOf(queueId: number): QueueRecovery | undefined {
    const known = this.recoveries.get(queueId);
    if (known !== undefined) return known;
    const queue = this.options.queues.get(queueId);
    if (queue === undefined || queue.lane === LANE_MEMORY) return undefined;
    const recovery = new QueueRecovery(this.checkpoint?.queues.get(queueId));
    this.recoveries.set(queueId, recovery);
    return recovery;
  }

  private noteCorrupt(file: string, corrupt: readonly number[]): void {
    for (let i = 0; i < corrupt.length; i += 2) {
      this.corruptRanges.push(`${file}, bytes ${corrupt[i]} to ${corrupt[i + 1]}`);
    }
  }
}

function pushAll(lists: Map<number, number[]>, id: number, values: Int32Array): void {
  const list = lists.get(id);
  if (list === undefined) lists.set(id, [...values]);
  else for (const value of values) list.push(value);
}
