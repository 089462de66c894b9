// What keeps a shard's log small: checkpoints, giving back dead segments, and cleaning. Shard
// thread, cold; asked once per turn whether something is due.
//
// A segment may go when it holds no live message and every ack in it is covered by a durable
// checkpoint: without that, the messages it acked would come back after a crash.
import type { Log } from '../../src/log/log.ts';
import { type Unacked, checkpointRecords } from './checkpoint-records.ts';
import type { Queue } from '../queue/queue.ts';
import { Cleaner, type CleaningLimits } from './cleaner.ts';
import type { ShardLog } from './shard-log.ts';

const CHECKPOINT_SEGMENTS = 2;
const CHECKPOINT_MILLIS = 30_000;
/** How often it is tried when the disk is full: space can only come from dead segments. */
const CHECKPOINT_WHEN_SHORT_MILLIS = 250;

export interface UpkeepOptions {
  readonly shardLog: ShardLog;
  readonly queues: ReadonlyMap<number, Queue>;
  readonly unacked: () => Unacked;
  /** Asks for a turn of the shard. */
  readonly schedule: () => void;
  readonly cleaning: CleaningLimits;
}

export class Upkeep {
  /** No more segments can be allocated. */
  private isShort: boolean;
  private readonly log: Log;
  private readonly shardLog: ShardLog;
  private readonly queues: ReadonlyMap<number, Queue>;
  private readonly unacked: () => Unacked;
  private readonly cleaner: Cleaner;
  private checkpointPosition: number;
  private checkpointAtMillis: number;
  private isWriting: boolean;
  private readonly schedule: () => void;
  /** A shard that has nothing else to do still has its checkpoint to write. */
  private timer: NodeJS.Timeout | undefined;
  checkpointsWritten: number;

  constructor(options: UpkeepOptions) {
    this.shardLog = options.shardLog;
    this.log = options.shardLog.log;
    this.queues = options.queues;
    this.unacked = options.unacked;
    this.schedule = options.schedule;
    this.timer = undefined;
    this.cleaner = new Cleaner(options.shardLog, options.cleaning);
    this.isShort = false;
    // The first turn writes one: what is dead at the start goes at once, however often that is.
    this.checkpointPosition = -1;
    this.checkpointAtMillis = -CHECKPOINT_MILLIS;
    this.isWriting = false;
    this.checkpointsWritten = 0;
  }

  /** Call once per turn. */
  turn(): void {
    if (this.cleaner.turn()) this.schedule();
    if (this.isWriting) return;
    const { position, ledger } = this.shardLog;
    if (position === this.checkpointPosition && !this.isShort) return;
    const grownBytes = position - this.checkpointPosition;
    if (grownBytes >= CHECKPOINT_SEGMENTS * ledger.segmentBytes) this.write();
    else {
      const waited = performance.now() - this.checkpointAtMillis;
      const limit = this.isShort ? CHECKPOINT_WHEN_SHORT_MILLIS : CHECKPOINT_MILLIS;
      if (waited >= limit) this.write();
      else this.wakeIn(limit - waited);
    }
  }

  spaceChanged(isShort: boolean): void {
    this.isShort = isShort;
    this.stop();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wakeIn(millis: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.schedule();
    }, millis + 1);
  }

  /** The cleaner's reads and the pages they need. */
  packed(number: number): void {
    this.cleaner.packed(number);
  }

  /** The last checkpoint of a clean stop: everything is in the log and nobody holds anything. */
  async writeLast(): Promise<void> {
    // Without room for it the next start finds a log that was not closed, and all that is in it.
    await this.log.writeCheckpoint(this.records(true)).catch(() => undefined);
  }

  /** Before the first turn. */
  async writeFirst(): Promise<void> {
    await this.log.writeCheckpoint(this.records(false));
  }

  private records(isClean: boolean): Uint8Array {
    const { position } = this.shardLog;
    return checkpointRecords(this.queues.values(), this.unacked(), position, isClean);
  }

  private write(): void {
    this.isWriting = true;
    const { position } = this.shardLog;
    const records = this.records(false);
    this.checkpointPosition = position;
    this.checkpointAtMillis = performance.now();
    this.log.writeCheckpoint(records).then(
      () => {
        this.isWriting = false;
        this.checkpointsWritten += 1;
        this.recycle(position);
        this.cleaner.consider();
      },
      () => {
        // No room, most likely: the one before still counts. A broken disk shows in the log itself.
        this.isWriting = false;
      },
    );
  }

  /** Gives back what is dead and lies before `position`, which a checkpoint covers. */
  private recycle(position: number): void {
    const { ledger, syncedPosition } = this.shardLog;
    const end = ledger.segmentOf(Math.min(position, syncedPosition));
    for (const segment of ledger.segments.values()) {
      if (segment.liveMessages > 0 || segment.number >= end) continue;
      ledger.forget(segment.number);
      this.log.recycle(segment.number);
    }
  }
}
