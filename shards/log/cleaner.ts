// Cleans segments that are mostly dead: what still lives in them is collected by the log into
// compressed blocks, appended again, and the segments are left with nothing. Shard thread, cold,
// a bounded step per turn. So one message that is never acked keeps no segment, and the disk holds
// at most about twice what is live.
//
//   look for rows in the victims -> pack (log thread) -> append -> synced -> rows point there
//
// A message that is acked on the way is simply dead in its new place: recovery knows messages by
// queue and position, not by where they lie.
import type { LogPack } from '../../src/log/log.ts';
import { byPlace, newPlaces, type Packed, packedBytes, packOf } from './packing.ts';
import type { Segment } from './segment-ledger.ts';
import type { ShardLog } from './shard-log.ts';

export interface CleaningLimits {
  /** Dead bytes that may stay, beside as many as are live. */
  readonly slackBytes: number;
  /** Larger messages stay where they are, and their segment with them. */
  readonly movedBytesMax: number;
}

export const CLEANING: CleaningLimits = {
  slackBytes: 64 * 1024 * 1024,
  movedBytesMax: 16 * 1024 * 1024,
};

/** A segment with more live bytes than this share is not worth its copying. */
const LIVE_SHARE_MAX = 0.5;
const VICTIMS_MAX = 8;
const ROWS_PER_TURN = 64 * 1024;
/** Packed at once: messages, and bytes of them (a larger message is packed alone). */
const PACK_MESSAGES = 4096;
const PACK_BYTES = 4 * 1024 * 1024;

export class Cleaner {
  private readonly shardLog: ShardLog;
  private readonly limits: CleaningLimits;
  private readonly victims: Map<number, Segment>;
  /** The next row to be looked at; -1 when nothing is being cleaned. */
  private row: number;
  private found: Packed[];
  private foundBytes: number;
  private number: number;
  private pack: LogPack | undefined;
  private packing: Packed[];
  private isPacked: boolean;
  private isWaitingForSync: boolean;
  /** Messages that this pass has moved. */
  private movedCount: number;

  constructor(shardLog: ShardLog, limits: CleaningLimits) {
    this.shardLog = shardLog;
    this.limits = limits;
    this.victims = new Map();
    this.row = -1;
    this.found = [];
    this.foundBytes = 0;
    this.number = 0;
    this.pack = undefined;
    this.packing = [];
    this.isPacked = false;
    this.isWaitingForSync = false;
    this.movedCount = 0;
  }

  /** Begins if there is too much dead. */
  consider(): void {
    if (this.row >= 0) return;
    const { ledger, syncedPosition } = this.shardLog;
    if (ledger.diskBytes <= ledger.liveBytes * 2 + this.limits.slackBytes) return;
    const end = ledger.segmentOf(syncedPosition);
    const limit = ledger.segmentBytes * LIVE_SHARE_MAX;
    const candidates = [...ledger.segments.values()].filter(
      (segment) =>
        segment.number < end &&
        segment.liveMessages > 0 &&
        segment.liveBytes < limit &&
        !segment.isStubborn,
    );
    candidates.sort((a, b) => a.liveBytes - b.liveBytes);
    for (const segment of candidates.slice(0, VICTIMS_MAX)) {
      this.victims.set(segment.number, segment);
    }
    if (this.victims.size === 0) return;
    this.row = 0;
    this.movedCount = 0;
  }

  /** One step. Call once per turn. True when the next one need not wait for anything. */
  turn(): boolean {
    if (this.row < 0 || this.isWaitingForSync) return false;
    if (this.isPacked) this.append();
    else if (this.pack === undefined) this.look();
    return this.row >= 0 && this.pack === undefined && !this.isWaitingForSync;
  }

  /** From the log: a pack is finished. */
  packed(number: number): void {
    if (this.pack?.number === number) this.isPacked = true;
  }

  private look(): void {
    const { records, ledger } = this.shardLog;
    const end = Math.min(records.end, this.row + ROWS_PER_TURN);
    while (this.row < end && this.found.length < PACK_MESSAGES && this.foundBytes < PACK_BYTES) {
      const row = this.row;
      this.row += 1;
      if (!records.isUsed(row)) continue;
      const position = records.position(row);
      const victim = this.victims.get(ledger.segmentOf(position));
      if (victim === undefined) continue;
      const dataBytes = records.dataBytes(row);
      if (dataBytes > this.limits.movedBytesMax) continue;
      this.found.push({ row, position, inner: records.inner(row) });
      this.foundBytes += packedBytes(dataBytes);
    }
    const isFull = this.found.length >= PACK_MESSAGES || this.foundBytes >= PACK_BYTES;
    const isAtEnd = this.row >= records.end;
    if (isFull || (isAtEnd && this.found.length > 0)) this.startPack();
    else if (isAtEnd) this.finish();
  }

  private startPack(): void {
    this.found.sort(byPlace);
    this.packing = this.found;
    this.found = [];
    this.foundBytes = 0;
    this.number += 1;
    this.pack = packOf(this.number, this.packing, this.shardLog.records);
    this.shardLog.log.pack(this.pack);
  }

  /** Appends what was packed; once that is on the disk, the messages are there. */
  private append(): void {
    if (this.shardLog.isBehind) return;
    const pack = this.pack!;
    const { packing } = this;
    this.isPacked = false;
    this.pack = undefined;
    this.packing = [];
    if (pack.usedBytes[0] === 0) return;
    this.isWaitingForSync = true;
    const places = this.shardLog.appendPacked(pack.target, pack.usedBytes[0], () => {
      this.isWaitingForSync = false;
      this.move(packing, pack, places);
    });
  }

  private move(packing: readonly Packed[], pack: LogPack, places: readonly number[]): void {
    const { records, ledger, syncedPosition } = this.shardLog;
    for (const [i, place] of newPlaces(pack, places).entries()) {
      const { row, position, inner } = packing[i];
      // Acked meanwhile, perhaps with its row in use again for another message.
      if (place === undefined || !records.isUsed(row)) continue;
      if (records.position(row) !== position || records.inner(row) !== inner) continue;
      ledger.removed(row);
      records.move(row, place.position, place.inner);
      // A continued message ends no later than all that was synced with it.
      ledger.added(row, syncedPosition);
      this.movedCount += 1;
    }
  }

  private finish(): void {
    if (this.movedCount === 0)
      for (const segment of this.victims.values()) segment.isStubborn = true;
    this.victims.clear();
    this.row = -1;
  }
}
