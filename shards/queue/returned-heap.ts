// A binary min-heap of messages that came back to a queue, ordered by position (31-bit, compared by
// signed difference, so that wrapping is harmless while positions span less than 2^31). Shard
// thread.
import type { ReadyVisitor } from './ready-messages.ts';

const COLUMNS = 3;
const POSITION = 0;
const HANDLE = 1;
const DELIVERY_COUNT = 2;
const INITIAL_ROWS = 4;
const KEEP_ROWS_MAX = 1024;

export class ReturnedHeap {
  length: number;
  private rows: Int32Array;

  constructor() {
    this.length = 0;
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
  }

  firstPosition(): number {
    return this.rows[POSITION];
  }

  firstHandle(): number {
    return this.rows[HANDLE];
  }

  firstDeliveryCount(): number {
    return this.rows[DELIVERY_COUNT];
  }

  /** The message in row `row` < length, in no order. */
  positionAt(row: number): number {
    return this.rows[row * COLUMNS + POSITION];
  }

  handleAt(row: number): number {
    return this.rows[row * COLUMNS + HANDLE];
  }

  deliveryCountAt(row: number): number {
    return this.rows[row * COLUMNS + DELIVERY_COUNT];
  }

  /** Shows those that are on disk; false: the visitor wants no more. */
  showOnDisk(visitor: ReadyVisitor): boolean {
    for (let row = 0; row < this.length; row += 1) {
      const handle = this.handleAt(row);
      if (handle < 0 && !visitor.see(handle, this.positionAt(row), row)) return false;
    }
    return true;
  }

  showAll(visitor: ReadyVisitor): boolean {
    for (let row = 0; row < this.length; row += 1) {
      if (!visitor.see(this.handleAt(row), this.positionAt(row), row)) return false;
    }
    return true;
  }

  /** The message goes by another handle, if it is here by the old one; `hint`: probably its row. */
  replace(position: number, from: number, to: number, hint: number): boolean {
    const row = this.find(position, from, hint);
    if (row >= 0) this.rows[row * COLUMNS + HANDLE] = to;
    return row >= 0;
  }

  /** Takes a message out, wherever it stands. False when it is not here. */
  remove(position: number, handle: number): boolean {
    const row = this.find(position, handle, 0);
    if (row < 0) return false;
    // Up to the top, as if it were the first, then out.
    let index = row;
    const deliveryCount = this.deliveryCountAt(row);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      this.move(parent, index);
      index = parent;
    }
    this.write(0, position, handle, deliveryCount);
    this.removeFirst();
    return true;
  }

  has(position: number, handle: number, hint: number): boolean {
    return this.find(position, handle, hint) >= 0;
  }

  private find(position: number, handle: number, hint: number): number {
    if (hint < this.length && this.positionAt(hint) === position) {
      if (this.handleAt(hint) === handle) return hint;
    }
    for (let row = 0; row < this.length; row += 1) {
      if (this.positionAt(row) === position && this.handleAt(row) === handle) return row;
    }
    return -1;
  }

  add(position: number, handle: number, deliveryCount: number): void {
    if (this.length * COLUMNS === this.rows.length) {
      const grown = new Int32Array(this.rows.length * 2);
      grown.set(this.rows);
      this.rows = grown;
    }
    let index = this.length;
    this.length += 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (((position - this.rows[parent * COLUMNS]) | 0) >= 0) break;
      this.move(parent, index);
      index = parent;
    }
    this.write(index, position, handle, deliveryCount);
  }

  /** Removes the first entry, which must exist. */
  removeFirst(): void {
    this.length -= 1;
    const last = this.length * COLUMNS;
    const position = this.rows[last + POSITION];
    const handle = this.rows[last + HANDLE];
    const deliveryCount = this.rows[last + DELIVERY_COUNT];
    if (this.length === 0) {
      if (this.rows.length > KEEP_ROWS_MAX * COLUMNS) {
        this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
      }
      return;
    }
    let index = 0;
    for (;;) {
      const child = this.smallerChild(index);
      if (child < 0 || ((this.rows[child * COLUMNS] - position) | 0) >= 0) break;
      this.move(child, index);
      index = child;
    }
    this.write(index, position, handle, deliveryCount);
  }

  private smallerChild(index: number): number {
    const left = index * 2 + 1;
    if (left >= this.length) return -1;
    const right = left + 1;
    if (right >= this.length) return left;
    const difference = (this.rows[right * COLUMNS] - this.rows[left * COLUMNS]) | 0;
    return difference < 0 ? right : left;
  }

  private move(from: number, to: number): void {
    const source = from * COLUMNS;
    this.write(to, this.rows[source], this.rows[source + 1], this.rows[source + 2]);
  }

  private write(index: number, position: number, handle: number, deliveryCount: number): void {
    const at = index * COLUMNS;
    this.rows[at + POSITION] = position;
    this.rows[at + HANDLE] = handle;
    this.rows[at + DELIVERY_COUNT] = deliveryCount;
  }
}
