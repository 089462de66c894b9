// The in-memory message store of a shard: an index of eight integers per message (a struct of
// arrays would touch eight cache lines instead of one) and an arena for the inline data. Shard
// thread.
import { copyBytes } from '../../src/base/copy.ts';
import type { MessageData } from '../../src/protocol/deliver-frames.ts';
import { LOGGED_FLAG, OWN_PROPS_FLAG, SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import { Arena } from './arena.ts';
import { MessageTraits } from './message-traits.ts';
import type { IncomingMessage, MessageStore } from './message-store.ts';

const COLUMNS = 8;
const CHUNK = 0;
const AT = 1;
const FLAGS = 2;
const EXRK_BYTES = 3;
const PROPS_BYTES = 4;
const BODY_BYTES = 5;
/** References; in a free row the next free handle. */
const REFERENCES = 6;
/** Slab owner in the top bits would limit pages: owner * 2^24 + page, 64 GiB of pages each. */
const SLAB = 7;
const SLAB_OWNER_SHIFT = 24;
const SLAB_PAGE_MASK = 0xff_ffff;

const INITIAL_ROWS = 1024;
const NO_ROW = -1;

/** Told that the slab body of `owner` that starts at `page` is no longer referenced here. */
export type OnSlabFree = (owner: number, page: number) => void;

export class MemoryStore implements MessageStore {
  private rows: Int32Array;
  /** By handle: see `log` of MessageStore. Apart from the rows: most messages are never logged. */
  private logs: Int32Array;
  private rowCount: number;
  private firstFree: number;
  private readonly arena: Arena;
  private readonly onSlabFree: OnSlabFree;
  readonly traits: MessageTraits;
  messageCount: number;
  slabMessageCount: number;
  slabBytes: number;

  constructor(onSlabFree: OnSlabFree) {
    this.rows = new Int32Array(INITIAL_ROWS * COLUMNS);
    this.logs = new Int32Array(INITIAL_ROWS);
    this.rowCount = 0;
    this.firstFree = NO_ROW;
    this.messageCount = 0;
    this.slabMessageCount = 0;
    this.slabBytes = 0;
    this.onSlabFree = onSlabFree;
    this.traits = new MessageTraits();
    this.arena = new Arena((handle, chunk, at) => {
      this.rows[handle * COLUMNS + CHUNK] = chunk;
      this.rows[handle * COLUMNS + AT] = at;
    });
  }

  get arenaBytes(): number {
    return this.arena.allocatedBytes;
  }

  get liveBytes(): number {
    return this.arena.liveBytes;
  }

  add(message: IncomingMessage, references: number): number {
    const handle = this.takeRow();
    const isSlab = (message.flags & SLAB_FLAG) !== 0;
    const dataBytes = inlineBytesOf(
      message.flags,
      message.exrkBytes,
      message.propsBytes,
      message.bodyBytes,
    );
    const target = this.arena.allocate(handle, dataBytes);
    const at = this.arena.placedAt;
    copyBytes(message.source, message.dataAt, target, at, dataBytes);
    const rows = this.rows;
    const row = handle * COLUMNS;
    rows[row + CHUNK] = this.arena.placedChunk;
    rows[row + AT] = at;
    rows[row + FLAGS] = message.flags;
    rows[row + EXRK_BYTES] = message.exrkBytes;
    rows[row + PROPS_BYTES] = message.propsBytes;
    rows[row + BODY_BYTES] = message.bodyBytes;
    rows[row + REFERENCES] = references;
    rows[row + SLAB] = (message.slabOwner << SLAB_OWNER_SHIFT) | message.slabPage;
    this.messageCount += 1;
    if (isSlab) {
      this.slabMessageCount += 1;
      this.slabBytes += this.slabDataBytes(handle);
      if ((message.flags & OWN_PROPS_FLAG) !== 0) this.traits.setSlabSkip(handle, message.slabSkip);
    }
    return handle;
  }

  retain(handle: number): void {
    this.rows[handle * COLUMNS + REFERENCES] += 1;
  }

  release(handle: number): void {
    const rows = this.rows;
    const row = handle * COLUMNS;
    const references = rows[row + REFERENCES] - 1;
    if (references > 0) {
      rows[row + REFERENCES] = references;
      return;
    }
    this.arena.free(rows[row + CHUNK], rows[row + AT]);
    this.messageCount -= 1;
    const isSlab = (rows[row + FLAGS] & SLAB_FLAG) !== 0;
    rows[row + REFERENCES] = this.firstFree;
    this.firstFree = handle;
    if (isSlab) {
      this.slabMessageCount -= 1;
      this.slabBytes -= this.slabDataBytes(handle);
      this.onSlabFree(this.slabOwner(handle), this.slabPage(handle));
    }
  }

  flags(handle: number): number {
    return this.rows[handle * COLUMNS + FLAGS];
  }

  addFlags(handle: number, flags: number): void {
    this.rows[handle * COLUMNS + FLAGS] |= flags;
  }

  isLogged(handle: number): boolean {
    return (this.rows[handle * COLUMNS + FLAGS] & LOGGED_FLAG) !== 0;
  }

  log(handle: number): number {
    return this.logs[handle];
  }

  setLog(handle: number, log: number): void {
    this.rows[handle * COLUMNS + FLAGS] |= LOGGED_FLAG;
    this.logs[handle] = log;
  }

  dataBytes(handle: number): number {
    const { rows } = this;
    const row = handle * COLUMNS;
    return rows[row + EXRK_BYTES] + rows[row + PROPS_BYTES] + rows[row + BODY_BYTES];
  }

  exrkBytes(handle: number): number {
    return this.rows[handle * COLUMNS + EXRK_BYTES];
  }

  propsBytes(handle: number): number {
    return this.rows[handle * COLUMNS + PROPS_BYTES];
  }

  bodyBytes(handle: number): number {
    return this.rows[handle * COLUMNS + BODY_BYTES];
  }

  slabOwner(handle: number): number {
    return this.rows[handle * COLUMNS + SLAB] >>> SLAB_OWNER_SHIFT;
  }

  slabPage(handle: number): number {
    return this.rows[handle * COLUMNS + SLAB] & SLAB_PAGE_MASK;
  }

  slabSkip(handle: number): number {
    const { rows } = this;
    if ((rows[handle * COLUMNS + FLAGS] & OWN_PROPS_FLAG) === 0) return 0;
    return this.traits.slabSkip(handle);
  }

  slabDataBytes(handle: number): number {
    const { rows } = this;
    const row = handle * COLUMNS;
    const hasOwnProps = (rows[row + FLAGS] & OWN_PROPS_FLAG) !== 0;
    return rows[row + BODY_BYTES] + (hasOwnProps ? 0 : rows[row + PROPS_BYTES]);
  }

  locate(handle: number, data: MessageData): void {
    const { rows } = this;
    const row = handle * COLUMNS;
    data.source = this.arena.bytesOf(rows[row + CHUNK]);
    data.dataAt = rows[row + AT];
    data.exrkBytes = rows[row + EXRK_BYTES];
    data.propsBytes = rows[row + PROPS_BYTES];
    data.bodyBytes = rows[row + BODY_BYTES];
  }

  inlineBytes(handle: number): number {
    const { rows } = this;
    const row = handle * COLUMNS;
    return inlineBytesOf(
      rows[row + FLAGS],
      rows[row + EXRK_BYTES],
      rows[row + PROPS_BYTES],
      rows[row + BODY_BYTES],
    );
  }

  copyData(handle: number, target: Buffer<ArrayBufferLike>, at: number): void {
    const row = handle * COLUMNS;
    const source = this.arena.bytesOf(this.rows[row + CHUNK]);
    copyBytes(source, this.rows[row + AT], target, at, this.inlineBytes(handle));
  }

  private takeRow(): number {
    const free = this.firstFree;
    if (free !== NO_ROW) {
      this.firstFree = this.rows[free * COLUMNS + REFERENCES];
      return free;
    }
    const handle = this.rowCount;
    this.rowCount = handle + 1;
    if (this.rowCount * COLUMNS > this.rows.length) this.growRows();
    return handle;
  }

  private growRows(): void {
    const rows = new Int32Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
    const logs = new Int32Array(this.logs.length * 2);
    logs.set(this.logs);
    this.logs = logs;
  }
}

/** What of a message does not lie in a slab. */
function inlineBytesOf(
  flags: number,
  exrkBytes: number,
  propsBytes: number,
  bodyBytes: number,
): number {
  if ((flags & SLAB_FLAG) === 0) return exrkBytes + propsBytes + bodyBytes;
  return (flags & OWN_PROPS_FLAG) === 0 ? exrkBytes : exrkBytes + propsBytes;
}
