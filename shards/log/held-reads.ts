// Brings dead letters that wait on disk (shards/deadletter/held-letters.ts) back into memory, a few
// at a time, when there is room for them on the way. Shard thread, cold. They do not return to
// their queue, so ReadAhead is not for them. A large one is read by itself and goes to this shard's
// slab; while that is full it stays where it is.
import { alignTo8 } from '../../src/base/round.ts';
import { READ_AT, READ_COLUMNS, READ_HEAD_BYTES, STATUS_OK } from '../../src/log/log.ts';
import type { HeldLetters } from '../deadletter/held-letters.ts';
import type { ForwardReason } from '../mailbox/from-shard-layout.ts';
import type { SlabAllocator } from '../mailbox/slab-allocator.ts';
import { copyIntoSlab } from '../mailbox/slab-copying.ts';
import { NO_PAGE, SlabCursor } from '../mailbox/slab.ts';
import type { Queue } from '../queue/queue.ts';
import { IncomingMessage, type MessageStore } from '../store/message-store.ts';
import type { PeekReads, WholeRead } from './peek-reads.ts';
import { takeRead } from './read-message.ts';
import type { RecordTable } from './record-table.ts';

const READ_BYTES_MAX = 1024 * 1024;

export interface HeldReadsOptions {
  readonly peeks: PeekReads;
  readonly records: RecordTable;
  readonly store: MessageStore;
  readonly slab: SlabAllocator;
  readonly slabOwner: number;
  readonly inlineBytesMax: number;
  /** Told of each message that could not be read. */
  readonly onLost: (queue: Queue, position: number) => void;
  /** Asks for a turn of the shard. */
  readonly schedule: () => void;
}

/** Gets a message that was read, and where it was in its queue; below zero: it is lost. */
export type TakeHeld = (handle: number, position: number, reason: ForwardReason) => void;

export class HeldReads {
  private readonly options: HeldReadsOptions;
  private readonly message: IncomingMessage;
  private readonly cursor: SlabCursor;

  constructor(options: HeldReadsOptions) {
    this.options = options;
    this.message = new IncomingMessage();
    this.cursor = new SlabCursor();
  }

  /** Reads up to `countMax` of the first, which are on disk; `take` gets each, in their order. */
  load(queue: Queue, held: HeldLetters, countMax: number, take: TakeHeld): void {
    const rows = this.nextRows(held, countMax);
    const page = this.pageFor(rows[0]);
    if (page === undefined) return;
    held.isLoading = true;
    void this.read(queue, held, rows, page, take);
  }

  private nextRows(held: HeldLetters, countMax: number): number[] {
    const { records, inlineBytesMax } = this.options;
    const rows: number[] = [];
    let bytes = 0;
    for (let i = 0; i < held.length && i < countMax && held.handleAt(i) < 0; i += 1) {
      const row = ~held.handleAt(i);
      const dataBytes = records.dataBytes(row);
      bytes += READ_HEAD_BYTES + alignTo8(dataBytes);
      const isMore = bytes > READ_BYTES_MAX || dataBytes > inlineBytesMax;
      if (rows.length > 0 && isMore) break;
      rows.push(row);
      if (isMore) break;
    }
    return rows;
  }

  /** Slab memory for a large message, NO_PAGE for one that needs none; undefined: none is free. */
  private pageFor(row: number): number | undefined {
    const { records, inlineBytesMax, slab } = this.options;
    const dataBytes = records.dataBytes(row);
    if (dataBytes <= inlineBytesMax) return NO_PAGE;
    const page = slab.allocate(dataBytes);
    return page === NO_PAGE ? undefined : page;
  }

  private async read(
    queue: Queue,
    held: HeldLetters,
    rows: readonly number[],
    page: number,
    take: TakeHeld,
  ): Promise<void> {
    const { peeks, slab, onLost, schedule } = this.options;
    const read = await peeks.readWhole(rows);
    held.isLoading = false;
    let isPageFree = page !== NO_PAGE;
    for (const [i, row] of rows.entries()) {
      // Moved by cleaning, or gone with its queue.
      if (held.length === 0 || held.handleAt(0) !== ~row || !peeks.isThere(read, i, row)) break;
      const position = held.positionAt(0);
      const reason = held.reasonAt(0);
      held.shift();
      if (read.status[i] === STATUS_OK) {
        isPageFree = false;
        take(this.store(read, i, row, page), position, reason);
        continue;
      }
      take(~row, position, reason);
      onLost(queue, position);
    }
    if (isPageFree) slab.release(page);
    schedule();
  }

  private store(read: WholeRead, i: number, row: number, page: number): number {
    const { records, store, slab, slabOwner } = this.options;
    const { message, cursor } = this;
    takeRead(message, read, read.rows[i * READ_COLUMNS + READ_AT], records, row, page);
    message.slabOwner = slabOwner;
    if (page !== NO_PAGE) {
      cursor.open(slab.slab, page);
      const { dataAt, exrkBytes, propsBytes, bodyBytes } = message;
      copyIntoSlab(slab.slab, cursor, read.target, dataAt + exrkBytes, propsBytes + bodyBytes);
    }
    const handle = store.add(message, 1);
    store.setLog(handle, row);
    return handle;
  }
}
