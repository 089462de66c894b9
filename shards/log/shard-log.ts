// The write side of a shard's log: what queues hand over becomes batches, and what the log says it
// has written and synced becomes confirms and freed memory. Shard thread, hot; nothing here waits.
//
//   publish -> pending group -> batch -> log thread writes -> row in the record table, page out
//                                                  syncs -> confirm counter
//   done    -> pending: elided, never written        logged: ack run -> batch
//
// One batch at a time is being synced while the next one gathers: batches grow with the load by
// themselves, and no timer delays a lone message. Acks alone are written at leisure: one that is
// lost in a crash only means that its message is delivered again.
import type { Log, LogBatch } from '../../src/log/log.ts';
import { placeRecord } from '../../src/log/record-writer.ts';
import { LANE_COUNT, LANE_SYNCED, LANE_WRITTEN } from '../mailbox/confirm-counter.ts';
import { SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import type { Port } from '../port.ts';
import { pageOut } from '../queue/paging.ts';
import type { Queue } from '../queue/queue.ts';
import type { Slab } from '../mailbox/slab.ts';
import type { MessageStore } from '../store/message-store.ts';
import { Batch } from './batch.ts';
import { PendingRecords } from './pending-records.ts';
import { RecordTable } from './record-table.ts';
import { copyTraits } from './record-traits.ts';
import { SegmentLedger } from './segment-ledger.ts';

/** Batches that may be with the log at once: one being synced, one to be next. */
const BATCHES_UNDERWAY_MAX = 2;
/** Acks that nobody waits for are written after so long, or when there are so many. */
const ACK_DELAY_MILLIS = 20;
const ACK_RUNS_MAX = 4096;
const PLACED_COLUMNS = 3;
/** For a publish that is logged but confirmed by nobody (a spilled one). */
const NO_ORIGIN = -1;

/** A batch with the log: one of ours, what a pack left, or what is left of one that is written. */
interface Underway {
  readonly number: number;
  readonly endPosition: number;
  readonly onSynced?: () => void;
}

export interface ShardLogOptions {
  readonly log: Log;
  readonly store: MessageStore;
  readonly ports: readonly Port[];
  readonly slabs: readonly Slab[];
  /** Asks for a turn of the shard. */
  readonly schedule: () => void;
}

export class ShardLog {
  readonly log: Log;
  readonly records: RecordTable;
  readonly ledger: SegmentLedger;
  /** Where the newest batch ends: everything before is in the log, or on its way. */
  position: number;
  /** Everything before is on the disk. */
  syncedPosition: number;
  private readonly store: MessageStore;
  private readonly ports: readonly Port[];
  private readonly schedule: () => void;
  private readonly pending: PendingRecords;
  private readonly spares: Batch[];
  /** With the log, oldest first: those not yet written, and all not yet synced. */
  private readonly unwritten: Underway[];
  private readonly unsynced: Underway[];
  private batchNumber: number;
  private readonly listeners: (() => void)[];
  /** Acks have waited since (milliseconds); 0 = none wait. */
  private acksSince: number;
  /** Somebody waits for acks to be on the disk. */
  private settling: number;
  private ackTimer: NodeJS.Timeout | undefined;

  constructor(options: ShardLogOptions) {
    this.log = options.log;
    this.store = options.store;
    this.ports = options.ports;
    this.schedule = options.schedule;
    this.records = new RecordTable();
    this.ledger = new SegmentLedger(options.log.inventory().segmentBytes, this.records);
    this.pending = new PendingRecords();
    const originCount = options.ports.length * LANE_COUNT;
    // One more than are underway, so that written ones that wait for their sync hold nobody up.
    this.spares = Array.from({ length: 4 }, () => new Batch(originCount, options.slabs));
    this.unwritten = [];
    this.unsynced = [];
    this.position = 0;
    this.syncedPosition = 0;
    this.batchNumber = 0;
    this.listeners = [];
    this.acksSince = 0;
    this.settling = 0;
    this.ackTimer = undefined;
  }

  /** A publish from `acceptor` whose confirm waits in `lane` begins; `add` names its queues. */
  begin(acceptor: number, lane: number): void {
    this.pending.begin(acceptor * LANE_COUNT + lane);
  }

  /** A transient publish begins that is to be written to save memory. */
  beginSpill(): void {
    this.pending.begin(NO_ORIGIN);
  }

  /** `queue` has taken the publish just begun at `position`, and wants it on disk. */
  add(handle: number, queue: Queue, position: number): void {
    this.store.setLog(handle, ~this.pending.add(handle, queue, position));
  }

  /** `queue` is done with a logged message of its: acked, dropped, or handed out for good. */
  done(handle: number, queue: Queue, position: number): void {
    const log = handle < 0 ? ~handle : this.store.log(handle);
    if (log < 0) {
      this.pending.elide(~log, queue, position);
      return;
    }
    this.pending.ack(queue, position);
    this.dropRecord(log);
  }

  /** `queue` got its message back, which has been delivered so often. */
  counted(handle: number, queue: Queue, position: number, deliveries: number): void {
    const log = handle < 0 ? ~handle : this.store.log(handle);
    if (log >= 0) this.pending.counts.push(queue.id, position, deliveries);
  }

  /** One holder less of a logged message. */
  dropRecord(row: number): void {
    if (this.records.dropReference(row) > 0) return;
    this.ledger.removed(row);
    this.records.free(row);
  }

  get isBehind(): boolean {
    return this.unwritten.length >= BATCHES_UNDERWAY_MAX || this.spares.length === 0;
  }

  /** Something is with the log that is not on the disk yet. */
  get isUnderway(): boolean {
    return this.unsynced.length > 0;
  }

  get isIdle(): boolean {
    return this.unsynced.length === 0 && this.pending.isEmpty;
  }

  /** Puts what is pending into a batch. Call at the end of every turn. */
  turn(): void {
    const { pending } = this;
    if (pending.isEmpty || this.isBehind) return;
    if (!pending.hasPublishes && !this.acksAreDue()) return;
    this.submit(this.seal());
  }

  /** Like `turn`, but acks do not wait. */
  flush(): void {
    if (!this.pending.isEmpty && !this.isBehind) this.submit(this.seal());
  }

  /**
   * Appends the records that a pack left in `target`, which belongs to the log until `onSynced`.
   * Returns where they lie: offset in the target, position, offset, position, ... Call only when
   * not `isBehind`.
   */
  appendPacked(target: Uint8Array, usedBytes: number, onSynced: () => void): number[] {
    const words = new Int32Array(target.buffer, target.byteOffset, usedBytes >> 2);
    const places: number[] = [];
    let position = this.position;
    for (let at = 0; at < usedBytes; ) {
      const bytes = words[(at >> 2) + 1];
      position = placeRecord(position, bytes, this.ledger.segmentBytes);
      places.push(at, position);
      position += bytes;
      at += bytes;
    }
    const batch = {
      number: this.batchNumber + 1,
      bytes: target,
      parts: Float64Array.of(0, 0, usedBytes),
      partCount: 1,
      firstPosition: places[1],
      endPosition: position,
      sync: true,
      onSynced,
    };
    this.hand(batch);
    return places;
  }

  /** From the log: batches up to these numbers are written, and synced. */
  progressed(writtenBatch: number, syncedBatch: number): void {
    while (this.unwritten.length > 0 && this.unwritten[0].number <= writtenBatch) {
      const batch = this.unwritten.shift()!;
      if (batch instanceof Batch) this.written(batch);
    }
    while (this.unsynced.length > 0 && this.unsynced[0].number <= syncedBatch) {
      const batch = this.unsynced.shift()!;
      this.syncedPosition = batch.endPosition;
      if (batch instanceof Batch) this.synced(batch);
      else batch.onSynced?.();
    }
    for (const heard of this.listeners.splice(0)) heard();
    this.schedule();
  }

  /** Resolves when the disk has what queues were done with until now. */
  async settle(): Promise<void> {
    const { acks } = this.pending;
    const ackEnd = acks.removedCount + acks.count;
    this.settling += 1;
    while (acks.removedCount < ackEnd) {
      this.flush();
      if (acks.removedCount < ackEnd) await this.progress();
    }
    const end = this.position;
    this.settling -= 1;
    while (this.syncedPosition < end) await this.progress();
  }

  /** Resolves with the next progress. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.listeners.push(resolve));
  }

  stop(): void {
    clearTimeout(this.ackTimer);
  }

  private acksAreDue(): boolean {
    const now = performance.now();
    if (this.acksSince === 0) this.acksSince = now;
    const waited = now - this.acksSince;
    if (waited >= ACK_DELAY_MILLIS || this.pending.acks.count >= ACK_RUNS_MAX) return true;
    this.ackTimer ??= setTimeout(
      () => {
        this.ackTimer = undefined;
        this.schedule();
      },
      ACK_DELAY_MILLIS - waited + 1,
    );
    return false;
  }

  private take(): Batch {
    const batch = this.spares.pop()!;
    batch.reset(this.batchNumber + 1, this.position);
    return batch;
  }

  private seal(): Batch {
    const batch = this.take();
    const { pending } = this;
    const { segmentBytes } = this.ledger;
    const acks = batch.acks(pending.acks, segmentBytes);
    if (acks > 0) pending.acksTaken(acks);
    if (this.settling > 0) batch.sync = true;
    const counts = batch.deliveryCounts(pending.counts, segmentBytes);
    if (counts > 0) pending.counts.removeFirst(counts);
    if (pending.acks.count === 0) this.acksSince = 0;
    while (pending.hasPublishes && this.sealGroup(batch)) pending.removeFirst();
    return batch;
  }

  /** Puts the oldest pending group into the batch; false when there is no room for it. */
  private sealGroup(batch: Batch): boolean {
    const { pending, store } = this;
    const group = pending.firstGroup;
    const all = pending.queueCountOf(group);
    let live = 0;
    for (let i = 1; i <= all; i += 1) if (pending.queueAt(group, i) !== undefined) live += 1;
    if (live > 0 && !this.sealMessage(batch, group, all, live, store)) return false;
    const origin = pending.originOf(group);
    if (origin === NO_ORIGIN) return true;
    batch.sealed[origin] += 1;
    if (origin % LANE_COUNT === LANE_SYNCED) batch.sync = true;
    return true;
  }

  private sealMessage(
    batch: Batch,
    group: number,
    all: number,
    live: number,
    store: MessageStore,
  ): boolean {
    const { pending, records } = this;
    const position = batch.publish(pending, group, live, store, this.ledger.segmentBytes);
    if (position < 0) return false;
    const handle = pending.handleOf(group);
    const row = records.add(position, -1, store.dataBytes(handle), live);
    copyTraits(records, row, store, handle);
    this.ledger.added(row, batch.endPosition);
    store.setLog(handle, row);
    for (let i = 1; i <= all; i += 1) {
      const queue = pending.queueAt(group, i);
      if (queue !== undefined) batch.addPlaced(handle, row, queue, pending.positionAt(group, i));
    }
    if ((store.flags(handle) & SLAB_FLAG) !== 0) {
      // The log thread reads from the slab: the message stays until that is done.
      store.retain(handle);
      batch.retained.push(handle);
    }
    return true;
  }

  private submit(batch: Batch): void {
    batch.seal();
    if (batch.isEmpty) {
      this.confirmWithout(batch);
      return;
    }
    this.hand(batch);
  }

  private hand(batch: LogBatch & Underway): void {
    this.batchNumber = batch.number;
    this.position = batch.endPosition;
    const last = this.ledger.segmentOf(batch.endPosition - 1);
    for (let number = this.ledger.segmentOf(batch.firstPosition); number <= last; number += 1) {
      this.ledger.at(number);
    }
    this.unwritten.push(batch);
    this.unsynced.push(batch);
    this.log.submit(batch);
  }

  /** Nothing was to be written: its confirms wait only for those before it in their lane. */
  private confirmWithout(batch: Batch): void {
    const isBatch = (one: Underway): one is Batch => one instanceof Batch;
    const written = this.unwritten.findLast(isBatch);
    const synced = this.unsynced.filter(isBatch).findLast(({ sync }) => sync);
    for (let origin = 0; origin < batch.sealed.length; origin += 1) {
      const count = batch.sealed[origin];
      if (count === 0) continue;
      const before = origin % LANE_COUNT === LANE_SYNCED ? synced : written;
      if (before === undefined) this.confirm(origin, count);
      else before.sealed[origin] += count;
    }
    this.spares.push(batch);
  }

  private written(batch: Batch): void {
    for (let origin = LANE_WRITTEN; origin < batch.sealed.length; origin += LANE_COUNT) {
      if (batch.sealed[origin] === 0) continue;
      this.confirm(origin, batch.sealed[origin]);
      batch.sealed[origin] = 0;
    }
    for (const handle of batch.retained) this.store.release(handle);
    batch.retained.length = 0;
    const { placed, placedQueues, placedCount } = batch;
    for (let i = 0; i < placedCount; i += 1) {
      const at = i * PLACED_COLUMNS;
      const queue = placedQueues[i]!;
      placedQueues[i] = undefined;
      pageOut(queue, placed[at], placed[at + 1], placed[at + 2]);
    }
    batch.placedCount = 0;
    if (!batch.sync) this.recycle(batch);
  }

  /** Nothing waits for the sync of a written batch, which may be long in coming: it is free. */
  private recycle(batch: Batch): void {
    const { number, endPosition } = batch;
    this.unsynced[this.unsynced.indexOf(batch)] = { number, endPosition };
    this.spares.push(batch);
  }

  private synced(batch: Batch): void {
    for (let origin = 0; origin < batch.sealed.length; origin += 1) {
      if (batch.sealed[origin] > 0) this.confirm(origin, batch.sealed[origin]);
    }
    this.spares.push(batch);
  }

  private confirm(origin: number, count: number): void {
    const lane = origin % LANE_COUNT;
    this.ports[(origin - lane) / LANE_COUNT].confirms.add(lane, count);
  }
}
