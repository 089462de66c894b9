// Dead letters of one queue for which there is no room on the way: those that nobody takes keep
// theirs until somebody does, however many come behind them. Shard thread.
//
//   | 30 | 31 | ~12 | ~13 | 35 |     a ring, oldest first: handle | position | reason
//               deep: on disk (~row)
//
// What is deep leaves memory as in any queue (residency.ts): 12 bytes each stay, and the row of the
// record table. As far as the log knows they are unacked, so a start finds them in their queue.
import type { ForwardReason } from '../mailbox/from-shard-layout.ts';
import { FORWARD_REASONS } from '../mailbox/from-shard-layout.ts';
import type { Queue } from '../queue/queue.ts';

const COLUMNS = 3;
const HANDLE = 0;
const POSITION = 1;
const REASON = 2;
const INITIAL_ROWS = 64;

export class HeldLetters {
  length: number;
  bytes: number;
  /** Some are being read from disk: they stay where they are. */
  isLoading: boolean;
  private readonly queue: Queue;
  private rows: Int32Array;
  private mask: number;
  private first: number;
  /** From the first to the second index all have left memory that can. */
  private deepFrom: number;
  private deepTo: number;

  constructor(queue: Queue) {
    this.length = 0;
    this.bytes = 0;
    this.isLoading = false;
    this.queue = queue;
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
    this.mask = INITIAL_ROWS - 1;
    this.first = 0;
    this.deepFrom = Number.POSITIVE_INFINITY;
    this.deepTo = 0;
  }

  push(handle: number, position: number, reason: ForwardReason): void {
    if (this.length > this.mask) this.grow();
    const at = this.rowOf(this.length);
    this.rows[at + HANDLE] = handle;
    this.rows[at + POSITION] = position;
    this.rows[at + REASON] = FORWARD_REASONS.indexOf(reason);
    this.length += 1;
    this.bytes += this.queue.dataBytes(handle);
  }

  /** Takes the first one out. */
  shift(): void {
    this.bytes -= this.queue.dataBytes(this.handleAt(0));
    this.first = (this.first + 1) & this.mask;
    this.length -= 1;
    this.deepFrom = Math.max(0, this.deepFrom - 1);
    this.deepTo = Math.max(0, this.deepTo - 1);
  }

  /** Below zero: on disk, row ~handle. */
  handleAt(index: number): number {
    return this.rows[this.rowOf(index) + HANDLE];
  }

  positionAt(index: number): number {
    return this.rows[this.rowOf(index) + POSITION];
  }

  reasonAt(index: number): ForwardReason {
    return FORWARD_REASONS[this.rows[this.rowOf(index) + REASON]];
  }

  /** What is deep and on disk leaves memory. What no log has stays. */
  pageOut(): void {
    const { queue } = this;
    const { store, log, residency } = queue;
    const from = residency.nearMessages(this.bytes);
    if (log === undefined || this.length <= from) return;
    if (from < this.deepFrom) {
      this.deepFrom = from;
      this.deepTo = from;
    }
    for (; this.deepTo < this.length; this.deepTo += 1) {
      const handle = this.handleAt(this.deepTo);
      if (handle < 0 || !queue.isLogged(handle)) continue;
      const row = store.log(handle);
      // It is still to be written; so are those behind it, most likely.
      if (row < 0 || log.records.position(row) >= log.syncedPosition) return;
      this.rows[this.rowOf(this.deepTo) + HANDLE] = ~row;
      store.release(handle);
    }
  }

  private rowOf(index: number): number {
    return ((this.first + index) & this.mask) * COLUMNS;
  }

  private grow(): void {
    const grown = new Int32Array(this.rows.length * 2);
    const at = this.first * COLUMNS;
    grown.set(this.rows.subarray(at));
    grown.set(this.rows.subarray(0, at), this.rows.length - at);
    this.rows = grown;
    this.mask = this.mask * 2 + 1;
    this.first = 0;
  }
}
