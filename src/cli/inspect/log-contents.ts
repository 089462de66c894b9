// Which messages a shard's log holds, by the rules of recovery (src/log/message-walk.ts and
// queue-recovery.ts, as the broker uses them). Main thread.
import type { CheckpointState } from '../../log/checkpoint-reading.ts';
import { PERSISTENT } from '../../log/log.ts';
import { type LoggedMessage, MessageWalk } from '../../log/message-walk.ts';
import { QueueRecovery } from '../../log/queue-recovery.ts';
import { MessageTable } from './message-table.ts';
import type { MessageReport } from './report.ts';

/** Sequence numbers are unsigned 32-bit on the disk. */
function unsigned(number: number): number {
  return number >>> 0;
}

export interface QueueContents {
  readonly messages: number;
  readonly bytes: number;
  readonly records: number;
  readonly from?: number;
  readonly to?: number;
  readonly listed?: readonly MessageReport[];
}

export interface LiveFigures {
  readonly messages: number;
  readonly dataBytes: number;
  readonly recordBytes: number;
}

interface KnownQueue {
  readonly recovery: QueueRecovery;
  records: number;
}

export class LogContents {
  /** Store ids of logs that were taken over by this one. */
  readonly imported: Set<string>;
  private readonly checkpoint: CheckpointState | undefined;
  private readonly segmentBytes: number;
  private readonly isQueue: (queueId: number) => boolean;
  private readonly walk: MessageWalk;
  private readonly table: MessageTable;
  private readonly queues: Map<number, KnownQueue>;

  constructor(
    checkpoint: CheckpointState | undefined,
    segmentBytes: number,
    isQueue: (queueId: number) => boolean,
  ) {
    this.imported = new Set();
    this.checkpoint = checkpoint;
    this.segmentBytes = segmentBytes;
    this.isQueue = isQueue;
    this.table = new MessageTable();
    this.queues = new Map();
    for (const id of checkpoint?.queues.keys() ?? []) this.queueOf(id);
    this.walk = new MessageWalk({
      message: (message) => this.add(message),
      acked: (id, first, count) => this.queueOf(id)?.recovery.acked(first, count),
      counted: (id, position, deliveries) => {
        this.queueOf(id)?.recovery.counted(position, deliveries);
      },
      imported: (storeId) => this.imported.add(storeId),
    });
  }

  /** Segments in their order. */
  segment(number: number, entries: Int32Array): void {
    this.walk.segment(entries, number * this.segmentBytes);
  }

  get queueIds(): Iterable<number> {
    return this.queues.keys();
  }

  /** What is left of a queue, with its first `listed` messages. To be asked once. */
  finish(queueId: number, listed: number): QueueContents {
    const { recovery, records } = this.queues.get(queueId)!;
    const { table } = this;
    const { positions, handles, counts } = recovery.finish((row) => table.dropReference(row));
    let bytes = 0;
    for (const handle of handles) bytes += table.dataBytes(~handle);
    const figures = { messages: positions.length, bytes, records };
    const ends =
      positions.length === 0
        ? {}
        : { from: unsigned(positions[0]), to: unsigned(positions.at(-1)!) };
    if (listed === 0) return { ...figures, ...ends };
    const messages: MessageReport[] = [];
    for (const [index, handle] of handles.subarray(0, listed).entries()) {
      messages.push(this.messageAt(~handle, positions[index], counts.get(positions[index]) ?? 0));
    }
    return { ...figures, ...ends, listed: messages };
  }

  /** It is not this log that counts for the queue. To be asked instead of `finish`. */
  discard(queueId: number): void {
    const { table } = this;
    const { recovery } = this.queues.get(queueId)!;
    const { handles } = recovery.finish((row) => table.dropReference(row));
    for (const handle of handles) table.dropReference(~handle);
  }

  /** Of all queues, when each was finished or discarded. */
  live(): LiveFigures {
    return this.table.live();
  }

  private add(message: LoggedMessage): void {
    const { targets } = message;
    let row = -1;
    for (let i = 0; i < targets.length; i += 2) {
      const queue = this.queueOf(targets[i]);
      if (queue === undefined) continue;
      queue.records += 1;
      if (!queue.recovery.mayHold(targets[i + 1])) continue;
      if (row < 0) row = this.table.add(message);
      else this.table.addReference(row);
      queue.recovery.published(targets[i + 1], row);
    }
  }

  private messageAt(row: number, number: number, deliveries: number): MessageReport {
    const position = this.table.position(row);
    const inner = this.table.inner(row);
    return {
      number: unsigned(number),
      segment: Math.floor(position / this.segmentBytes),
      offset: position % this.segmentBytes,
      ...(inner < 0 ? {} : { inner }),
      bytes: this.table.dataBytes(row),
      isPersistent: (this.table.flags(row) & PERSISTENT) !== 0,
      deliveries,
    };
  }

  private queueOf(queueId: number): KnownQueue | undefined {
    const known = this.queues.get(queueId);
    if (known !== undefined) return known;
    if (!this.isQueue(queueId)) return undefined;
    const recovery = new QueueRecovery(this.checkpoint?.queues.get(queueId));
    const queue = { recovery, records: 0 };
    this.queues.set(queueId, queue);
    return queue;
  }
}
