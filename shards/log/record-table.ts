// Where the logged messages of a shard lie on disk: 16 bytes per message, all that a ready message
// costs in memory (besides the four of its place in the queue) once its data have been paged out.
// Shard thread, hot.
//
//   row: references, traits | data bytes | position / 8, low 32 bits
//        | high 16 bits, inner / 8 (16 bits)
//
// References: the queues that still hold the message, in memory or on disk. Rows lie in pages, so
// that growing copies nothing and a million more messages never need twice their memory.
import { MessageTraits } from '../store/message-traits.ts';

const PAGE_SHIFT = 14;
const PAGE_ROWS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ROWS - 1;
const COLUMNS = 4;
const REFERENCES = 0;
const DATA_BYTES = 1;
const POSITION_LOW = 2;
const POSITION_HIGH = 3;
const NO_ROW = -1;
/** The word of references: how many, priority, and whether arrival and time to live are noted. */
const REFERENCE_MASK = 0x7_ffff;
const PRIORITY_SHIFT = 19;
const PRIORITY_MASK = 0x1ff;
const DATED = 1 << 28;
const DIED = 1 << 29;
const NO_INNER = 0xffff;
const TWO_TO_32 = 4294967296;

export class RecordTable {
  readonly traits: MessageTraits;
  private readonly pages: Int32Array[];
  private rowCount: number;
  private firstFree: number;
  /** Rows in use. */
  count: number;

  constructor() {
    this.traits = new MessageTraits();
    this.pages = [];
    this.rowCount = 0;
    this.firstFree = NO_ROW;
    this.count = 0;
  }

  /** Rows are numbered below this. */
  get end(): number {
    return this.rowCount;
  }

  get bytes(): number {
    return this.pages.length * PAGE_ROWS * COLUMNS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** A row for the message whose PUBLISH lies at `position`, or in the BLOCK there at `inner`. */
  add(position: number, inner: number, dataBytes: number, references: number): number {
    const row = this.takeRow();
    const page = this.pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * COLUMNS;
    page[at + REFERENCES] = references;
    page[at + DATA_BYTES] = dataBytes;
    this.count += 1;
    this.move(row, position, inner);
    return row;
  }

  /** The message lies somewhere else now. */
  move(row: number, position: number, inner: number): void {
    const page = this.pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * COLUMNS;
    const units = position / 8;
    const high = Math.floor(units / TWO_TO_32);
    page[at + POSITION_LOW] = (units - high * TWO_TO_32) | 0;
    page[at + POSITION_HIGH] = (high << 16) | (inner < 0 ? NO_INNER : inner >>> 3);
  }

  /** Notes the message's priority, and when it came and how long it lives (NO_TTL). */
  setPriority(row: number, priority: number): void {
    const page = this.pages[row >>> PAGE_SHIFT];
    page[(row & PAGE_MASK) * COLUMNS + REFERENCES] |= priority << PRIORITY_SHIFT;
  }

  /** The message has been dead-lettered before. */
  setDied(row: number): void {
    this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES] |= DIED;
  }

  hasDied(row: number): boolean {
    return (this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES] & DIED) !== 0;
  }

  date(row: number, arrivedAt: number, ttlMillis: number): void {
    this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES] |= DATED;
    this.traits.date(row, arrivedAt, ttlMillis);
  }

  priority(row: number): number {
    const word = this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES];
    return (word >>> PRIORITY_SHIFT) & PRIORITY_MASK;
  }

  /** Whether `traits` knows of the message. */
  isDated(row: number): boolean {
    return (this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES] & DATED) !== 0;
  }

  /** The message of `row` in another table is that of `to` here. */
  copyTraits(from: RecordTable, row: number, to: number): void {
    this.setPriority(to, from.priority(row));
    if (from.hasDied(row)) this.setDied(to);
    if (from.isDated(row)) this.date(to, from.traits.arrivedAt(row), from.traits.ttlMillis(row));
  }

  isUsed(row: number): boolean {
    return this.references(row) > 0;
  }

  references(row: number): number {
    const page = this.pages[row >>> PAGE_SHIFT];
    return page[(row & PAGE_MASK) * COLUMNS + REFERENCES] & REFERENCE_MASK;
  }

  /** One queue more holds the message (recovery). */
  addReference(row: number): void {
    this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + REFERENCES] += 1;
  }

  dataBytes(row: number): number {
    return this.pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * COLUMNS + DATA_BYTES];
  }

  position(row: number): number {
    const page = this.pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * COLUMNS;
    return ((page[at + POSITION_HIGH] >>> 16) * TWO_TO_32 + (page[at + POSITION_LOW] >>> 0)) * 8;
  }

  /** Offset in the unpacked BLOCK at `position`, -1 when the PUBLISH stands by itself. */
  inner(row: number): number {
    const page = this.pages[row >>> PAGE_SHIFT];
    const inner = page[(row & PAGE_MASK) * COLUMNS + POSITION_HIGH] & 0xffff;
    return inner === NO_INNER ? -1 : inner * 8;
  }

  /** One queue is done with the message: how many others still hold it. At 0 call `free`. */
  dropReference(row: number): number {
    const page = this.pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * COLUMNS;
    page[at + REFERENCES] -= 1;
    return page[at + REFERENCES] & REFERENCE_MASK;
  }

  free(row: number): void {
    const page = this.pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * COLUMNS;
    page[at + REFERENCES] = 0;
    page[at + DATA_BYTES] = this.firstFree;
    this.firstFree = row;
    this.count -= 1;
  }

  private takeRow(): number {
    const free = this.firstFree;
    if (free !== NO_ROW) {
      this.firstFree = this.pages[free >>> PAGE_SHIFT][(free & PAGE_MASK) * COLUMNS + DATA_BYTES];
      return free;
    }
    const row = this.rowCount;
    if (row === this.pages.length * PAGE_ROWS) this.pages.push(new Int32Array(PAGE_ROWS * COLUMNS));
    this.rowCount = row + 1;
    return row;
  }
}
