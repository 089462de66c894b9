// Messages with a due time: rows, and a heap of them with the one due next on top. Shard thread.
//
//   heap: rows by due time | rows: due | position, handle, place in the heap | mark
//
// 29 bytes per message, wherever its data are. The order of those due together is that of their
// positions. A row keeps its number as long as its message is here.
import { placesInOrder } from './due-order.ts';

export const COLUMNS = 3;
export const POSITION = 0;
export const HANDLE = 1;
const PLACE = 2;
const INITIAL_ROWS = 64;
export const NO_ROW = -1;
/** A free row: then its position is the next free row. */
const FREE = -2;

/** Marks. Nothing special; not to go to the depot; comes from there, and is there still. */
export const PLAIN = 0;
export const KEPT = 1;
export const LENT = 2;

export class DueRows {
  protected dues: Float64Array;
  protected rows: Int32Array;
  protected marks: Uint8Array;
  protected heap: Int32Array;
  protected rowCount: number;
  private firstFree: number;
  length: number;

  constructor() {
    this.dues = new Float64Array(INITIAL_ROWS);
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
    this.marks = new Uint8Array(INITIAL_ROWS);
    this.heap = new Int32Array(INITIAL_ROWS);
    this.rowCount = 0;
    this.firstFree = NO_ROW;
    this.length = 0;
  }

  protected *inOrder(): Generator<number, undefined> {
    const { heap } = this;
    const isBefore = (a: number, b: number): boolean => this.isBefore(heap[a], heap[b]);
    for (const place of placesInOrder(this.length, isBefore)) yield heap[place];
  }

  /** Whether a message is in `row`, which is below `rowCount`. */
  protected isUsed(row: number): boolean {
    return this.rows[row * COLUMNS + PLACE] !== FREE;
  }

  protected isAt(row: number, position: number): boolean {
    if (row < 0 || row >= this.rowCount || !this.isUsed(row)) return false;
    return this.rows[row * COLUMNS + POSITION] === position;
  }

  protected addRow(position: number, handle: number, due: number, mark: number): number {
    const row = this.takeRow();
    const at = row * COLUMNS;
    this.rows[at + POSITION] = position;
    this.rows[at + HANDLE] = handle;
    this.dues[row] = due;
    this.marks[row] = mark;
    const place = this.length;
    this.length = place + 1;
    this.rise(row, place);
    return row;
  }

  /** The message in `row` is due at `due` instead. */
  protected moveRow(row: number, due: number): void {
    this.dues[row] = due;
    this.rise(row, this.rows[row * COLUMNS + PLACE]);
    this.sink(row, this.rows[row * COLUMNS + PLACE]);
  }

  protected removeRow(row: number): void {
    const at = row * COLUMNS;
    const place = this.rows[at + PLACE];
    this.rows[at + PLACE] = FREE;
    this.rows[at + POSITION] = this.firstFree;
    this.firstFree = row;
    this.length -= 1;
    const last = this.heap[this.length];
    if (last === row) return;
    this.rise(last, place);
    this.sink(last, this.rows[last * COLUMNS + PLACE]);
  }

  private rise(row: number, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = this.heap[parent];
      if (!this.isBefore(row, other)) break;
      this.put(other, place);
      place = parent;
    }
    this.put(row, place);
  }

  private sink(row: number, from: number): void {
    let place = from;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= this.length) break;
      const hasTwo = child + 1 < this.length;
      if (hasTwo && this.isBefore(this.heap[child + 1], this.heap[child])) child += 1;
      if (!this.isBefore(this.heap[child], row)) break;
      this.put(this.heap[child], place);
      place = child;
    }
    this.put(row, place);
  }

  /** Among those due together the one that came first. */
  private isBefore(row: number, other: number): boolean {
    const difference = this.dues[row] - this.dues[other];
    if (difference !== 0) return difference < 0;
    return ((this.rows[row * COLUMNS] - this.rows[other * COLUMNS]) | 0) < 0;
  }

  private put(row: number, place: number): void {
    this.heap[place] = row;
    this.rows[row * COLUMNS + PLACE] = place;
  }

  private takeRow(): number {
    const free = this.firstFree;
    if (free !== NO_ROW) {
      this.firstFree = this.rows[free * COLUMNS + POSITION];
      return free;
    }
    const row = this.rowCount;
    this.rowCount = row + 1;
    if (this.rowCount > this.dues.length) this.grow();
    return row;
  }

  private grow(): void {
    const count = this.dues.length * 2;
    const dues = new Float64Array(count);
    dues.set(this.dues);
    this.dues = dues;
    const marks = new Uint8Array(count);
    marks.set(this.marks);
    this.marks = marks;
    const rows = new Int32Array(count * COLUMNS);
    rows.set(this.rows);
    this.rows = rows;
    const heap = new Int32Array(count);
    heap.set(this.heap);
    this.heap = heap;
  }
}
