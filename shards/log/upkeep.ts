// What keeps a shard's log small: checkpoints, giving back dead segments, and cleaning. Shard
// thread, cold; asked once per turn whether something is due.
//
// A segment may go when it holds no live message and every ack in it is covered by a durable
// checkpoint: without that, the messages it acked would come back after a crash.
//
// Checkpoints come with what is written, else rarely: in between, what is dead may fill the disk.
// So when space is wanted (by this log, or by the disk alarm, which any log and anybody else on the
// disk can have set), what is dead goes within a moment. Nothing else ends the alarm.
import type { Log } from '../../src/log/log.ts';
import { type Unacked, checkpointRecords } from './checkpoint-records.ts';
import type { Queue } from '../queue/queue.ts';
import { Cleaner, type CleaningLimits } from './cleaner.ts';
import type { Segment } from './segment-ledger.ts';
import type { ShardLog } from './shard-log.ts';

const CHECKPOINT_SEGMENTS = 2;
const CHECKPOINT_MILLIS = 30_000;
/** How often dead segments are looked for when space is wanted: it can only come from them. */
const LOOK_MILLIS = 250;

export interface UpkeepOptions {
  readonly shardLog: ShardLog;
  readonly queues: ReadonlyMap<number, Queue>;
  readonly unacked: () => Unacked;
  /** Asks for a turn of the shard. */
  readonly schedule: () => void;
  readonly cleaning: CleaningLimits;
}

export class Upkeep {
  private isSpaceWanted: boolean;
  private readonly log: Log;
  private readonly shardLog: ShardLog;
  private readonly queues: ReadonlyMap<number, Queue>;
  private readonly unacked: () => Unacked;
  private readonly cleaner: Cleaner;
  private checkpointPosition: number;
  /** When a checkpoint was begun, or found not to give anything back. */
  private lookedAtMillis: number;
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
    this.isSpaceWanted = false;
    // The first turn writes one: what is dead at the start goes at once, however often that is.
    this.checkpointPosition = -1;
    this.lookedAtMillis = -CHECKPOINT_MILLIS;
    this.isWriting = false;
    this.checkpointsWritten = 0;
  }

  /** Call once per turn. */
  turn(): void {
    if (this.cleaner.turn()) this.schedule();
    if (this.isWriting) return;
    const { position, ledger } = this.shardLog;
    const grownBytes = position - this.checkpointPosition;
    if (grownBytes >= CHECKPOINT_SEGMENTS * ledger.segmentBytes) {
      this.write();
      return;
    }
    if (grownBytes === 0 && !this.isSpaceWanted) return;
    const limit = this.isSpaceWanted ? LOOK_MILLIS : CHECKPOINT_MILLIS;
    const waited = performance.now() - this.lookedAtMillis;
    if (waited < limit) this.wakeIn(limit - waited);
    else if (!this.isSpaceWanted || this.deadSegments(position).length > 0) this.write();
    else {
      // An alarm can last for days: a checkpoint would give nothing back. Moving messages might.
      this.lookedAtMillis = performance.now();
      this.cleaner.consider();
      this.wakeIn(limit);
    }
  }

  /** Whether the disk has little room, for this log or for anybody. A turn should follow. */
  wantSpace(isWanted: boolean): void {
    this.isSpaceWanted = isWanted;
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
    this.lookedAtMillis = performance.now();
    this.log.writeCheckpoint(records).then(
      () => {
        this.isWriting = false;
        this.checkpointsWritten += 1;
        this.recycle(position);
        this.cleaner.consider();
        this.schedule();
      },
      () => {
        // No room, most likely: the one before still counts. A broken disk shows in the log itself.
        this.isWriting = false;
        this.schedule();
      },
    );
  }

  /** Gives back what is dead and lies before `position`, which a checkpoint covers. */
  private recycle(position: number): void {
    for (const { number } of this.deadSegments(position)) {
      this.shardLog.ledger.forget(number);
      this.log.recycle(number);
    }
  }

  /** What a checkpoint at `position` gives back. */
  private deadSegments(position: number): Segment[] {
    const { ledger, syncedPosition } = this.shardLog;
    const end = ledger.segmentOf(Math.min(position, syncedPosition));
    const isDead = ({ liveMessages, number }: Segment): boolean =>
      liveMessages === 0 && number < end;
    return [...ledger.segments.values()].filter(isDead);
  }
}
