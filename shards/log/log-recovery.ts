// Brings a shard's queues back from its log: the newest checkpoint that can be read, then every
// record of every segment. Shard thread, at start, before anybody is served.
//
// Nothing here is fatal: what cannot be read has been put aside by the log and is counted; whatever
// lies around it is used. Records of queues that the topology does not know are skipped, which is
// how the messages of deleted queues go.
import { checkpointFrom, type CheckpointState } from '../../src/log/checkpoint-reading.ts';
import { type LoggedMessage, MessageWalk } from '../../src/log/message-walk.ts';
import { QueueRecovery } from '../../src/log/queue-recovery.ts';
import type { RecoveryReport } from '../mailbox/control-messages.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardLog } from './shard-log.ts';

export interface RecoveryOptions {
  readonly shardLog: ShardLog;
  readonly queues: ReadonlyMap<number, Queue>;
  /** Told after every segment. */
  readonly onProgress: (segmentsDone: number, segments: number) => void;
}

export class LogRecovery {
  private readonly shardLog: ShardLog;
  private readonly queues: ReadonlyMap<number, Queue>;
  private readonly onProgress: (segmentsDone: number, segments: number) => void;
  private readonly recoveries: Map<number, QueueRecovery>;
  private readonly corruptRanges: string[];
  /** Store ids of logs that were taken over completely. */
  readonly imported: Set<string>;
  private readonly walk: MessageWalk;
  private checkpoint: CheckpointState | undefined;

  constructor(options: RecoveryOptions) {
    this.shardLog = options.shardLog;
    this.queues = options.queues;
    this.onProgress = options.onProgress;
    this.recoveries = new Map();
    this.corruptRanges = [];
    this.imported = new Set();
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

  /** Fills the queues and opens the log for writing. */
  async run(): Promise<RecoveryReport> {
    const { shardLog } = this;
    const { log } = shardLog;
    const { segments, checkpoints, segmentBytes } = log.inventory();
    for (const number of checkpoints.toReversed()) {
      this.checkpoint = await this.readCheckpoint(number);
      if (this.checkpoint !== undefined) break;
    }
    let end = 0;
    let isTorn = false;
    for (const [index, segment] of segments.entries()) {
      const scan = await log.scan(segment);
      shardLog.ledger.at(segment);
      this.walk.segment(scan.entries, segment * segmentBytes);
      this.noteCorrupt(`segment ${segment}`, scan.corrupt);
      isTorn ||= scan.tornAt >= 0;
      end = scan.end;
      this.onProgress(index + 1, segments.length);
    }
    const newest = segments.at(-1) ?? 0;
    const isClean =
      segments.length === 0 ||
      (this.checkpoint?.isClean === true &&
        this.checkpoint.position === newest * segmentBytes + end);
    const messages = this.fillQueues(isClean);
    shardLog.position = await log.begin(end);
    shardLog.syncedPosition = shardLog.position;
    const corruptRanges = this.corruptRanges;
    const logKind = log.kind;
    return { messages, segments: segments.length, corruptRanges, isTorn, isClean, logKind };
  }

  private async readCheckpoint(number: number): Promise<CheckpointState | undefined> {
    const { entries, corrupt } = await this.shardLog.log.scanCheckpoint(number);
    this.noteCorrupt(`checkpoint ${number}`, corrupt);
    return checkpointFrom(entries);
  }

  /** A complete message: links it to each of its queues that may still want it. */
  private add(message: LoggedMessage): void {
    const { position, inner, dataBytes, targets, endPosition } = message;
    const { records, ledger } = this.shardLog;
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

  /** Undefined for a queue that is gone, or that keeps nothing on disk. */
  private recoveryOf(queueId: number): QueueRecovery | undefined {
    const known = this.recoveries.get(queueId);
    if (known !== undefined) return known;
    const queue = this.queues.get(queueId);
    if (queue === undefined || queue.lane === 0) return undefined;
    const recovery = new QueueRecovery(this.checkpoint?.queues.get(queueId));
    this.recoveries.set(queueId, recovery);
    return recovery;
  }

  private fillQueues(isClean: boolean): number {
    const drop = (row: number): void => this.shardLog.dropRecord(row);
    // A queue without any record left still must not use its numbers again.
    for (const id of this.checkpoint?.queues.keys() ?? []) this.recoveryOf(id);
    let messages = 0;
    for (const [id, recovery] of this.recoveries) {
      const recovered = recovery.finish(drop);
      this.queues.get(id)!.restore(recovered, isClean);
      messages += recovered.positions.length;
      this.recoveries.delete(id);
    }
    return messages;
  }

  private noteCorrupt(file: string, corrupt: readonly number[]): void {
    for (let i = 0; i < corrupt.length; i += 2) {
      this.corruptRanges.push(`${file}, bytes ${corrupt[i]} to ${corrupt[i + 1]}`);
    }
  }
}
