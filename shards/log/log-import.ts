// Takes over the log of a shard that is no more, because `shards` was lowered: its live messages
// are copied to the end of this shard's log, then a record says that all of it is here. Shard
// thread, at start.
//
// A crash on the way costs nothing: until that record is on the disk the other log counts, and
// copies are not looked at; afterwards main removes its directory. The queues get their numbers
// (queue, position) with them, so what was acked stays acked.
import {
  IMPORT,
  IMPORT_END,
  type Log,
  PACKED_COLUMNS,
  PACKED_STATUS,
  RECORD_HEADER_BYTES,
  STATUS_NO_ROOM,
} from '../../src/log/log.ts';
import { restore } from '../queue/paging.ts';
import type { Queue } from '../queue/queue.ts';
import { LogRecovery } from './log-recovery.ts';
import { byPlace, newPlaces, type Packed, packedBytes, packOf } from './packing.ts';
import { RecordTable } from './record-table.ts';
import { SegmentLedger } from './segment-ledger.ts';
import type { ShardLog } from './shard-log.ts';

/** Packed at once: bytes of messages (a larger message is packed alone). */
const PACK_BYTES = 8 * 1024 * 1024;
const PACK_MESSAGES = 16 * 1024;
const STORE_ID_BYTES = 16;
const IMPORT_BYTES = RECORD_HEADER_BYTES + STORE_ID_BYTES + 8;

export interface ImportOptions {
  /** The log to take over, opened to look only; its packs are reported to `packed`. */
  readonly from: Log;
  readonly number: number;
  readonly to: ShardLog;
  /** The queues whose home it was. */
  readonly queues: ReadonlyMap<number, Queue>;
  readonly onProgress: (segmentsDone: number, segments: number) => void;
  /** Writes a checkpoint of how the queues stand. */
  readonly writeCheckpoint: () => Promise<void>;
}

export class LogImport {
  private readonly options: ImportOptions;
  private readonly records: RecordTable;
  private packNumber: number;
  private onPacked: () => void;

  constructor(options: ImportOptions) {
    this.options = options;
    this.records = new RecordTable();
    this.packNumber = 0;
    this.onPacked = () => {};
  }

  /** From the other log: a pack is finished. */
  packed(): void {
    this.onPacked();
  }

  /** Copies everything; resolves when it is on the disk. Returns what could not be read. */
  async run(): Promise<LogRecovery> {
    const { from, queues, onProgress } = this.options;
    const { records } = this;
    const ledger = new SegmentLedger(from.inventory().segmentBytes, records);
    const recovery = new LogRecovery({ log: from, records, ledger, queues, onProgress });
    await recovery.scan();
    const found = new Map([...queues.values()].map((queue) => [queue, recovery.take(queue)]));
    const rows = await this.copyAll();
    for (const [queue, recovered] of found) {
      if (recovered === undefined) continue;
      // What could not be copied could not be read.
      const kept = [...recovered.handles.keys()].filter((i) => rows.has(~recovered.handles[i]));
      const positions = Int32Array.from(kept, (i) => recovered.positions[i]);
      const handles = Int32Array.from(kept, (i) => ~rows.get(~recovered.handles[i])!);
      restore(queue, { ...recovered, positions, handles }, recovery.isClean);
    }
    // What was acked there: a message that another queue still has was copied with all its queues.
    await this.options.writeCheckpoint();
    await this.writeEnd(from.inventory().storeId);
    return recovery;
  }

  /** Old row -> new row. */
  private async copyAll(): Promise<Map<number, number>> {
    const { records } = this;
    const all: Packed[] = [];
    for (let row = 0; row < records.end; row += 1) {
      if (!records.isUsed(row)) continue;
      all.push({ row, position: records.position(row), inner: records.inner(row) });
    }
    all.sort(byPlace);
    const rows = new Map<number, number>();
    let first = 0;
    while (first < all.length) {
      let end = first;
      let bytes = 0;
      while (end < all.length && end - first < PACK_MESSAGES && bytes < PACK_BYTES) {
        bytes += packedBytes(records.dataBytes(all[end].row));
        end += 1;
      }
      first += await this.copy(all.slice(first, end), rows);
    }
    return rows;
  }

  /** Copies the first of `messages`, as many as have room (one at least); returns how many. */
  private async copy(messages: readonly Packed[], rows: Map<number, number>): Promise<number> {
    const { from, to } = this.options;
    this.packNumber += 1;
    const pack = packOf(this.packNumber, messages, this.records);
    await new Promise<void>((resolve) => {
      this.onPacked = resolve;
      from.pack(pack);
    });
    let done = 0;
    while (done < pack.count && !isWithoutRoom(pack.results, done)) done += 1;
    if (pack.usedBytes[0] === 0) return done;
    let places: number[] = [];
    await new Promise<void>((resolve) => {
      places = to.appendPacked(pack.target, pack.usedBytes[0], resolve);
    });
    for (const [i, place] of newPlaces(pack, places).entries()) {
      if (place === undefined) continue;
      const { row } = messages[i];
      const { position, inner } = place;
      const copy = to.records.add(
        position,
        inner,
        this.records.dataBytes(row),
        this.records.references(row),
      );
      to.records.copyTraits(this.records, row, copy);
      to.ledger.added(copy, to.syncedPosition);
      rows.set(row, copy);
    }
    return done;
  }

  private async writeEnd(storeId: string): Promise<void> {
    const record = Buffer.alloc(IMPORT_BYTES);
    record.writeUInt32LE(IMPORT_BYTES, 4);
    record.writeUInt32LE(IMPORT | (IMPORT_END << 8), 8);
    record.write(storeId, RECORD_HEADER_BYTES, 'hex');
    record.writeUInt32LE(this.options.number, RECORD_HEADER_BYTES + STORE_ID_BYTES);
    await new Promise<void>((resolve) => {
      this.options.to.appendPacked(record, record.length, resolve);
    });
  }
}

/** By estimate all of a pack fit; messages of very many queues do not. */
function isWithoutRoom(results: Int32Array, message: number): boolean {
  return results[message * PACKED_COLUMNS + PACKED_STATUS] === STATUS_NO_ROOM;
}
