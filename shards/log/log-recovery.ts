// Brings a shard's queues back from its log: the newest checkpoint that can be read, then every
// record of every segment. Shard thread, at start, before anybody is served.
//
// Nothing here is fatal: what cannot be read has been put aside by the log and is counted; whatever
// lies around it is used. Records of queues that the topology does not know are skipped, which is
// how the messages of deleted queues go.
import * as layout from '../../src/log/log.ts';
import type { RecoveryReport } from '../mailbox/control-messages.ts';
import type { Queue } from '../queue/queue.ts';
import { type QueueCheckpoint, QueueRecovery } from './queue-recovery.ts';
import type { ShardLog } from './shard-log.ts';

export interface RecoveryOptions {
  readonly shardLog: ShardLog;
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
  private readonly shardLog: ShardLog;
  private readonly queues: ReadonlyMap<number, Queue>;
  private readonly onProgress: (segmentsDone: number, segments: number) => void;
  private readonly recoveries: Map<number, QueueRecovery>;
  private readonly corruptRanges: string[];
  /** Store ids of logs that were taken over completely. */
  readonly imported: Set<string>;
  private checkpoint: Checkpoint | undefined;
  private open: OpenMessage | undefined;

  constructor(options: RecoveryOptions) {
    this.shardLog = options.shardLog;
    this.queues = options.queues;
    this.onProgress = options.onProgress;
    this.recoveries = new Map();
    this.corruptRanges = [];
    this.imported = new Set();
    this.checkpoint = undefined;
    this.open = undefined;
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
      this.read(scan.entries, segment * segmentBytes);
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

  private async readCheckpoint(number: number): Promise<Checkpoint | undefined> {
    const { entries, corrupt } = await this.shardLog.log.scanCheckpoint(number);
    this.noteCorrupt(`checkpoint ${number}`, corrupt);
    let position = -1;
    let isClean = false;
    const ranges = new Map<number, number[]>();
    const counts = new Map<number, number[]>();
    const next = new Map<number, number>();
    for (let at = 0; at < entries.length; ) {
      const kind = entries[at] & 0xff;
      const from = at + layout.ENTRY_WORDS;
      at = from + entries[at + layout.ENTRY_EXTRA];
      if (kind === layout.CHECKPOINT) {
        position = (entries[from] >>> 0) + (entries[from + 1] >>> 0) * 2 ** 32;
        isClean = entries[from + 3] === 1;
      } else if (kind === layout.QUEUE) {
        const id = entries[from];
        next.set(id, entries[from + 1]);
        const rangesEnd = from + 4 + (entries[from + 2] >>> 0) * 2;
        const countsEnd = rangesEnd + (entries[from + 3] >>> 0) * 2;
        pushAll(ranges, id, entries.subarray(from + 4, rangesEnd));
        pushAll(counts, id, entries.subarray(rangesEnd, countsEnd));
      }
    }
    if (position < 0) return undefined;
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
      base +
      (entries[at + layout.ENTRY_OFFSET] >>> 0) +
      entries[at + layout.ENTRY_RECORD_BYTES];
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

function pushAll(lists: Map<number, number[]>, id: number, values: Int32Array): void {
  const list = lists.get(id);
  if (list === undefined) lists.set(id, [...values]);
  else for (const value of values) list.push(value);
}
