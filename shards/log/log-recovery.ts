// Brings a shard's queues back from its log: the newest checkpoint that can be read, then every
// record of every segment. Shard thread, at start, before anybody is served.
//
// Nothing here is fatal: what cannot be read has been put aside by the log and is counted; whatever
// lies around it is used. Records of queues that the topology does not know are skipped, which is
// how the messages of deleted queues go.
import { checkpointFrom, type CheckpointState } from '../../src/log/checkpoint-reading.ts';
import type { Log } from '../../src/log/log.ts';
import { type LoggedMessage, MessageWalk } from '../../src/log/message-walk.ts';
import { QueueRecovery, type RecoveredMessages } from '../../src/log/queue-recovery.ts';
import { LANE_MEMORY } from '../mailbox/confirm-counter.ts';
import type { Queue } from '../queue/queue.ts';
import type { RecordTable } from './record-table.ts';
import { noteTraits } from './record-traits.ts';
import type { SegmentLedger } from './segment-ledger.ts';

/**
 * Writes that a power cut stopped reach the disk in any order, so what looks corrupt in the newest
 * segment may be what nobody was told of.
 */
const LAST_SEGMENT = ' (the newest: perhaps only writes that a crash cut off)';

export interface RecoveryOptions {
  readonly log: Log;
  /** Where the messages' places are noted. */
  readonly records: RecordTable;
  readonly ledger: SegmentLedger;
  readonly queues: ReadonlyMap<number, Queue>;
  /** Told after every segment. */
  readonly onProgress: (segmentsDone: number, segments: number) => void;
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
  private readonly walk: MessageWalk;
  private checkpoint: CheckpointState | undefined;

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
    this.walk = new MessageWalk({
      message: (message) => this.add(message),
      acked: (queueId, first, count) => this.recoveryOf(queueId)?.acked(first, count),
      counted: (queueId, position, deliveries) => {
        this.recoveryOf(queueId)?.counted(position, deliveries);
      },
      imported: (storeId) => this.imported.add(storeId),
    });
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
      if (segments[index - 1] !== segment - 1) this.walk.gap();
      ledger.at(segment);
      this.walk.segment(scan.entries, segment * segmentBytes);
      const isLast = index === segments.length - 1;
      this.noteCorrupt(`segment ${segment}${isLast ? LAST_SEGMENT : ''}`, scan.corrupt);
      this.isTorn ||= scan.tornAt >= 0;
      this.end = scan.end;
      onProgress(index + 1, segments.length);
    }
    this.segments = segments.length;
    const reached = (segments.at(-1) ?? 0) * segmentBytes + this.end;
    if (this.checkpoint?.isClean === true && reached < this.checkpoint.position) {
      // Not torn: what an orderly stop left was on the disk.
      this.corruptRanges.push(`from position ${reached} to ${this.checkpoint.position}, the end`);
    }
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

  private async readCheckpoint(number: number): Promise<CheckpointState | undefined> {
    const { entries, corrupt } = await this.options.log.scanCheckpoint(number);
    this.noteCorrupt(`checkpoint ${number}`, corrupt);
    return checkpointFrom(entries);
  }

  /** A complete message: links it to each of its queues that may still want it. */
  private add(message: LoggedMessage): void {
    const { position, inner, dataBytes, targets, endPosition } = message;
    const { records, ledger } = this.options;
    let row = -1;
    for (let i = 0; i < targets.length; i += 2) {
      const queue = this.recoveryOf(targets[i]);
      if (queue === undefined || !queue.mayHold(targets[i + 1])) continue;
      if (row < 0) {
        row = records.add(position, inner, dataBytes, 1);
        noteTraits(records, row, targets);
        ledger.added(row, endPosition);
      } else {
        records.addReference(row);
      }
      queue.published(targets[i + 1], row);
    }
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
