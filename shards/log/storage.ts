// All that a shard keeps on disk: the log, what is written to it and read from it, and its upkeep.
// Shard thread. Opens and recovers before the shard serves anybody; a write or sync that fails ends
// the thread, and with it the broker: nothing more is confirmed, and the next start recovers.
import { openLog } from '../../src/log/open-log.ts';
import type { Log } from '../../src/log/log.ts';
import type { LogBoot, LogReport, RecoveryReport, ShardNotice } from '../mailbox/control-messages.ts';
import { SlabAllocator } from '../mailbox/slab-allocator.ts';
import { Slab } from '../mailbox/slab.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import type { Unacked } from './checkpoint-records.ts';
import { LogRecovery } from './log-recovery.ts';
import { ReadAhead } from './read-ahead.ts';
import { ShardLog } from './shard-log.ts';
import { Upkeep } from './upkeep.ts';

/** A recovery says how far it is this often. */
const PROGRESS_MILLIS = 1000;
/** With a full disk an idle shard takes a turn this often: only upkeep can make room. */
const SHORT_TURN_MILLIS = 250;

export class Storage {
  readonly shardLog: ShardLog;
  readonly readAhead: ReadAhead;
  /** Large messages that come back from disk. */
  readonly slab: SlabAllocator;
  private readonly log: Log;
  private readonly boot: LogBoot;
  private readonly state: ShardState;
  private readonly notifyMain: (notice: ShardNotice) => void;
  private upkeep: Upkeep | undefined;
  private isShort: boolean;
  private shortTimer: NodeJS.Timeout | undefined;
  /** Asks for a turn of the shard; set by whoever runs its turns. */
  schedule: () => void;

  constructor(boot: LogBoot, state: ShardState, notifyMain: (notice: ShardNotice) => void) {
    this.boot = boot;
    this.state = state;
    this.notifyMain = notifyMain;
    this.schedule = () => {};
    this.upkeep = undefined;
    this.isShort = false;
    this.shortTimer = undefined;
    const slabs = boot.slabs.map((memory) => new Slab(memory));
    this.slab = new SlabAllocator(boot.slabs[boot.slabOwner]);
    this.log = this.open(slabs);
    const { log } = this;
    const { store, ports } = state;
    this.shardLog = new ShardLog({ log, slabs, store, ports, schedule: () => this.schedule() });
    this.readAhead = new ReadAhead({
      log,
      records: this.shardLog.records,
      store,
      slab: this.slab,
      slabOwner: boot.slabOwner,
      inlineBytesMax: boot.inlineBytesMax,
      onLost: (queue, position) => {
        notifyMain({ kind: 'message-lost', queueId: queue.id, position });
      },
    });
  }

  /** Brings the queues back. Nothing else may happen on the shard before. */
  async recover(): Promise<void> {
    const { state, shardLog, notifyMain } = this;
    let saidAt = performance.now();
    const recovery = new LogRecovery({
      shardLog,
      queues: state.queues,
      onProgress: (segmentsDone, segments) => {
        if (performance.now() - saidAt < PROGRESS_MILLIS) return;
        saidAt = performance.now();
        notifyMain({ kind: 'recovering', segmentsDone, segments });
      },
    });
    const report: RecoveryReport = await recovery.run();
    const unacked = (): Unacked => unackedOf(state);
    this.upkeep = new Upkeep({ shardLog, queues: state.queues, unacked });
    this.upkeep.isShort = this.isShort;
    notifyMain({ kind: 'recovered', report });
  }

  /** Call at the end of every turn. */
  turn(): void {
    this.state.residency.measure();
    this.readAhead.turn();
    this.shardLog.turn();
    this.upkeep?.turn();
  }

  /** Writes everything, and how things stand; then the log is closed. */
  async stop(): Promise<void> {
    while (!this.shardLog.isIdle) {
      this.shardLog.flush();
      await this.shardLog.progress();
    }
    this.shardLog.stop();
    clearInterval(this.shortTimer);
    await this.upkeep?.writeLast();
    await this.log.close();
  }

  report(): LogReport {
    const { batches, syncs, bytesWritten, syncMicros, reads } = this.log.stats();
    const { ledger, records } = this.shardLog;
    return {
      batches,
      syncs,
      bytesWritten,
      syncMicros,
      reads,
      segments: ledger.segments.size,
      diskBytes: ledger.diskBytes,
      liveBytes: ledger.liveBytes,
      checkpoints: this.upkeep?.checkpointsWritten ?? 0,
      messages: records.count,
      lost: this.readAhead.lostCount,
    };
  }

  private spaceChanged(isShort: boolean): void {
    this.isShort = isShort;
    if (this.upkeep !== undefined) this.upkeep.isShort = isShort;
    clearInterval(this.shortTimer);
    if (isShort) this.shortTimer = setInterval(() => this.schedule(), SHORT_TURN_MILLIS).unref();
    this.notifyMain({ kind: 'log-space', isShort });
    this.schedule();
  }

  private open(slabs: readonly Slab[]): Log {
    const { directory, segmentBytes, spareSegments, backend, faults } = this.boot;
    const memories = slabs.map(({ bytes }) => bytes);
    return openLog(
      { directory, segmentBytes, spareSegments, memories, faults },
      {
        onProgress: (written, synced) => this.shardLog.progressed(written, synced),
        onRead: (number) => {
          this.readAhead.finished(number);
          this.schedule();
        },
        onPacked: (number) => {
          this.upkeep?.packed(number);
          this.schedule();
        },
        onSpace: (isShort) => this.spaceChanged(isShort),
        onFailure: (reason) => {
          throw new Error(`the log in ${directory} cannot be written any more: ${reason}`);
        },
      },
      backend,
    );
  }
}

/** What consumers hold of logged messages, by queue. */
function unackedOf(state: ShardState): Unacked {
  const byQueue = new Map<Queue, { position: number; deliveries: number }[]>();
  for (const port of state.ports) {
    for (const { unacked } of port.channels.values()) {
      for (const key of unacked.keys()) {
        unacked.find(key);
        if (!state.store.isLogged(unacked.a)) continue;
        const { queue } = state.consumers.at(unacked.c);
        const list = byQueue.get(queue) ?? [];
        list.push({ position: unacked.b, deliveries: unacked.d });
        byQueue.set(queue, list);
      }
    }
  }
  return byQueue;
}
