// All that a shard keeps on disk: the log, what is written to it and read from it, and its upkeep.
// Shard thread. Opens and recovers before the shard serves anybody; a write or sync that fails ends
// the thread, and with it the broker: nothing more is confirmed, and the next start recovers.
import { openLog } from '../../src/log/open-log.ts';
import type { Log } from '../../src/log/log.ts';
import type { LogBoot, LogReport, OrphanLog, ShardNotice } from '../mailbox/control-messages.ts';
import { Depot } from '../depot/depot.ts';
import type { DepotSurroundings } from '../depot/depot-surroundings.ts';
import { HeavyTurns } from '../depot/heavy-turns.ts';
import { SlabAllocator } from '../mailbox/slab-allocator.ts';
import { Slab } from '../mailbox/slab.ts';
import type { DelayedReady } from '../queue/delayed-ready.ts';
import { restore } from '../queue/paging.ts';
import type { Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import type { Unacked } from './checkpoint-records.ts';
import { CLEANING } from './cleaner.ts';
import { HeldReads } from './held-reads.ts';
import { LogImport } from './log-import.ts';
import { LogRecovery } from './log-recovery.ts';
import { PeekReads } from './peek-reads.ts';
import { ReadAhead } from './read-ahead.ts';
import { ShardLog } from './shard-log.ts';
import { Upkeep } from './upkeep.ts';

/** A recovery says how far it is this often. */
const PROGRESS_MILLIS = 1000;

export class Storage {
  readonly shardLog: ShardLog;
  readonly readAhead: ReadAhead;
  readonly peeks: PeekReads;
  /** Dead letters that wait on disk. */
  readonly heldReads: HeldReads;
  /** Large messages that come back from disk. */
  readonly slab: SlabAllocator;
  /** By owner. */
  readonly slabs: readonly Slab[];
  private readonly log: Log;
  private readonly boot: LogBoot;
  private readonly state: ShardState;
  private readonly notifyMain: (notice: ShardNotice) => void;
  private upkeep: Upkeep | undefined;
  /** The log has no room for more segments. */
  private isShort: boolean;
  /** The broker's disk alarm is in force. */
  private isAlarmed: boolean;
  /** Messages that could not be read since the start. */
  private lostCount: number;
  private readonly heavy: HeavyTurns;
  /** Asks for a turn of the shard; set by whoever runs its turns. */
  schedule: () => void;

  constructor(boot: LogBoot, state: ShardState, notifyMain: (notice: ShardNotice) => void) {
    this.boot = boot;
    this.state = state;
    this.notifyMain = notifyMain;
    this.schedule = () => {};
    this.upkeep = undefined;
    this.isShort = false;
    this.isAlarmed = false;
    this.lostCount = 0;
    this.heavy = new HeavyTurns();
    const slabs = boot.slabs.map((memory) => new Slab(memory));
    this.slabs = slabs;
    this.slab = new SlabAllocator(boot.slabs[boot.slabOwner]);
    this.log = this.open(slabs);
    const { log } = this;
    const { store, ports } = state;
    this.shardLog = new ShardLog({ log, slabs, store, ports, schedule: () => this.schedule() });
    this.peeks = new PeekReads(log, this.shardLog.records);
    const onLost = (queue: Queue, position: number): void => {
      this.lostCount += 1;
      notifyMain({ kind: 'message-lost', queueId: queue.id, position });
    };
    this.readAhead = new ReadAhead({
      log,
      records: this.shardLog.records,
      store,
      queues: state.queues,
      slab: this.slab,
      slabOwner: boot.slabOwner,
      inlineBytesMax: boot.inlineBytesMax,
      onLost,
    });
    this.heldReads = new HeldReads({
      peeks: this.peeks,
      records: this.shardLog.records,
      store,
      slab: this.slab,
      slabOwner: boot.slabOwner,
      inlineBytesMax: boot.inlineBytesMax,
      onLost,
      schedule: () => this.schedule(),
    });
  }

  /**
   * Brings the queues back, those of shards that are no more (`orphans`) too. Nothing else may
   * happen on the shard before.
   */
  async recover(orphans: readonly OrphanLog[]): Promise<void> {
    const { state, shardLog, log, notifyMain } = this;
    const { records, ledger } = shardLog;
    const { queues } = state;
    const onProgress = this.progressNotices();
    const recovery = new LogRecovery({ log, records, ledger, queues, onProgress });
    await recovery.scan();
    shardLog.position = await log.begin(recovery.end);
    shardLog.syncedPosition = shardLog.position;
    const corruptRanges = [...recovery.corruptRanges];
    const unacked = (): Unacked => unackedOf(state);
    const schedule = (): void => this.schedule();
    const cleaning = { ...CLEANING, ...this.boot.cleaning };
    const upkeep = new Upkeep({ shardLog, queues, unacked, schedule, cleaning });
    const imports = orphans.map((orphan) => this.importOf(orphan, upkeep, onProgress));
    const left = imports.filter(({ storeId }) => !recovery.imported.has(storeId));
    const isElsewhere = ({ spec }: Queue): boolean =>
      left.some(({ orphan }) => orphan.shard === spec.shard);
    for (const queue of queues.values()) {
      if (isElsewhere(queue)) recovery.discard(queue);
      else restore(queue, recovery.take(queue), recovery.isClean);
    }
    for (const { orphan, run } of left) {
      const ranges = await run();
      corruptRanges.push(...ranges.map((range) => `shard ${orphan.shard}: ${range}`));
    }
    for (const { log: other } of imports) await other.close();
    corruptRanges.push(...(await this.recoverDepots(recovery.isClean)));
    this.upkeep = upkeep;
    upkeep.wantSpace(this.isShort || this.isAlarmed);
    const { segments, isTorn, isClean } = recovery;
    let messages = 0;
    for (const { ready, depot } of queues.values()) messages += ready.length + (depot?.count ?? 0);
    const logKind = log.kind;
    const report = { messages, segments, corruptRanges, isTorn, isClean, logKind };
    notifyMain({ kind: 'recovered', report });
  }

  /** For a queue that holds back what its exchange delays. */
  depotFor(queue: Queue, delayed: DelayedReady): Depot {
    const { state, boot, shardLog, peeks, heavy } = this;
    const around: DepotSurroundings = {
      directory: boot.depotDirectory,
      store: state.store,
      shardLog,
      peeks,
      deadlines: state.deadlines,
      heavy,
      inlineBytesMax: boot.inlineBytesMax,
      finestShift: boot.depotShift,
      notify: this.notifyMain,
      fail: (reason) => {
        const where = boot.depotDirectory;
        throw new Error(`the delayed messages in ${where} cannot be kept any more: ${reason}`);
      },
      schedule: () => this.schedule(),
    };
    return new Depot(queue, delayed, around);
  }

  /** When all queues have what the log holds for them. Returns what cannot be read. */
  private async recoverDepots(isClean: boolean): Promise<string[]> {
    const damage: string[] = [];
    for (const { depot } of this.state.queues.values()) {
      if (depot !== undefined) damage.push(...(await depot.recover(isClean)));
    }
    // What a depot has is the log's no more, before anything else is moved.
    await this.shardLog.settle();
    return damage;
  }

  /** The broker's disk alarm: what this log can give back may end it. */
  setAlarm(isSet: boolean): void {
    this.isAlarmed = isSet;
    this.spaceChanged();
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
    for (const { depot } of this.state.queues.values()) await depot?.stop();
    while (!this.shardLog.isIdle) {
      this.shardLog.flush();
      if (this.shardLog.isUnderway) await this.shardLog.progress();
    }
    this.shardLog.stop();
    this.upkeep?.stop();
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
      lost: this.lostCount,
    };
  }

  private progressNotices(): (segmentsDone: number, segments: number) => void {
    let saidAt = performance.now();
    return (segmentsDone, segments) => {
      if (performance.now() - saidAt < PROGRESS_MILLIS) return;
      saidAt = performance.now();
      this.notifyMain({ kind: 'recovering', segmentsDone, segments });
    };
  }

  private importOf(
    orphan: OrphanLog,
    upkeep: Upkeep,
    onProgress: (segmentsDone: number, segments: number) => void,
  ): { orphan: OrphanLog; log: Log; storeId: string; run: () => Promise<readonly string[]> } {
    const { segmentBytes, backend } = this.boot;
    const nothing = (): void => {};
    const log = openLog(
      {
        directory: orphan.directory,
        segmentBytes,
        spareSegments: 0,
        memories: [],
        readOnly: true,
      },
      {
        onProgress: nothing,
        onRead: nothing,
        onPacked: () => logImport.packed(),
        onSpace: nothing,
        onFailure: (reason) => {
          throw new Error(`the log in ${orphan.directory} cannot be read: ${reason}`);
        },
      },
      backend,
    );
    const homed = [...this.state.queues].filter(([, { spec }]) => spec.shard === orphan.shard);
    const queues = new Map(homed);
    const { shard: number } = orphan;
    const writeCheckpoint = async (): Promise<void> => upkeep.writeFirst();
    const to = this.shardLog;
    const logImport = new LogImport({ from: log, number, to, queues, onProgress, writeCheckpoint });
    return {
      orphan,
      log,
      storeId: log.inventory().storeId,
      run: async () => (await logImport.run()).corruptRanges,
    };
  }

  private spaceChanged(): void {
    // No turn may run before the recovery is over, which looks at both.
    if (this.upkeep === undefined) return;
    this.upkeep.wantSpace(this.isShort || this.isAlarmed);
    this.schedule();
  }

  private open(slabs: readonly Slab[]): Log {
    const { directory, segmentBytes, spareSegments, reserveBytes, backend, faults } = this.boot;
    const memories = slabs.map(({ bytes }) => bytes);
    return openLog(
      { directory, segmentBytes, spareSegments, reserveBytes, memories, faults },
      {
        onProgress: (written, synced) => this.shardLog.progressed(written, synced),
        onRead: (number) => {
          if (!this.peeks.finished(number)) this.readAhead.finished(number);
          this.schedule();
        },
        onPacked: (number) => {
          this.upkeep?.packed(number);
          this.schedule();
        },
        onSpace: (isShort) => {
          this.isShort = isShort;
          this.notifyMain({ kind: 'log-space', isShort });
          this.spaceChanged();
        },
        onFailure: (reason) => {
          throw new Error(`the log in ${directory} cannot be written any more: ${reason}`);
        },
      },
      backend,
    );
  }
}

/** Logged messages that are not ready: with consumers, or on their way as dead letters. */
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
  for (const { queue, handle, position } of state.forwards.all()) {
    const isLogged = handle < 0 || state.store.isLogged(handle);
    if (position === undefined || !isLogged) continue;
    const list = byQueue.get(queue) ?? [];
    list.push({ position, deliveries: 0 });
    byQueue.set(queue, list);
  }
  return byQueue;
}
