// The bytes of a depot's files (docs/delayed-format.md): a header, twice, then entries one behind
// the other, each for itself. Shard threads, and `warrenmq inspect`. Pure.
//
// The checksum of an entry covers a random key of its file and its place there: neither what an
// older file left on the disk nor the body of a message can pass for an entry.
import { randomBytes } from 'node:crypto';
import { alignTo8 } from '../../base/round.ts';
import { CRC_START, crcBytes, crcValue, crcWords } from '../crc32c.ts';

const HEADER_BYTES = 48;
/** Where the first entry begins: behind two copies of the header. */
export const ENTRIES_AT = HEADER_BYTES * 2;
const KEY_AT = 16;
const KEY_BYTES = 16;
const MAGIC_MESSAGES = 0x44514d57;
const MAGIC_DONE = 0x46514d57;
const VERSION = 1;

export const ENTRY_HEAD_BYTES = 48;
/** Larger ones are never written; what says that it is larger is none. */
export const ENTRY_BYTES_MAX = 64 * 1024;
const POSITION_AT = 8;
const FLAGS_AT = 12;
const DUE_AT = 16;
const ARRIVED_AT = 24;
const EXRK_AT = 32;
const TWO_TO_32 = 4294967296;

const PRIORITY_MASK = 0x1ff;
const DIED = 1 << 9;

export const DONE_HEAD_BYTES = 16;
/** Numbers in one record of done.log. */
export const DONE_COUNT_MAX = 1024;
/** The message has gone on, or was cancelled. */
export const SETTLED = 1;
/** The message is not the depot's: the entry does not count. */
export const VOID = 2;

export type DepotFileKind = 'messages' | 'done';

/** A message as it stands in a file. */
export interface EntryHead {
  readonly position: number;
  /** Unix milliseconds. */
  readonly due: number;
  readonly arrivedAt: number;
  readonly priority: number;
  readonly hasDied: boolean;
  readonly exrkBytes: number;
  readonly propsBytes: number;
  readonly bodyBytes: number;
}

/** A new header, twice. */
export function newHeader(kind: DepotFileKind, queueId: number, fileId: number): Buffer {
  const header = Buffer.alloc(ENTRIES_AT);
  header.writeUInt32LE(kind === 'messages' ? MAGIC_MESSAGES : MAGIC_DONE, 4);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(queueId, 12);
  randomBytes(KEY_BYTES).copy(header, KEY_AT);
  header.writeBigUInt64LE(BigInt(fileId), 32);
  header.writeUInt32LE(crcOf(header, 4, HEADER_BYTES), 0);
  header.copy(header, HEADER_BYTES, 0, HEADER_BYTES);
  return header;
}

/** The register from which the checksums of a file go on; undefined: there is no whole header. */
export function seedOf(header: Buffer, kind: DepotFileKind): number | undefined {
  const magic = kind === 'messages' ? MAGIC_MESSAGES : MAGIC_DONE;
  for (let at = 0; at + HEADER_BYTES <= header.length; at += HEADER_BYTES) {
    if (header.readUInt32LE(at + 4) !== magic || header.readUInt32LE(at + 8) !== VERSION) continue;
    if (header.readUInt32LE(at) !== crcOf(header, at + 4, at + HEADER_BYTES)) continue;
    return crcBytes(CRC_START, viewOf(header), at + KEY_AT, at + KEY_AT + KEY_BYTES);
  }
  return undefined;
}

function entryBytes(dataBytes: number): number {
  return alignTo8(ENTRY_HEAD_BYTES + dataBytes);
}

/** An entry without its data, which are to be put behind its head, and without its checksum. */
export function newEntry(head: EntryHead): Buffer {
  const { exrkBytes, propsBytes, bodyBytes } = head;
  const bytes = entryBytes(exrkBytes + propsBytes + bodyBytes);
  const entry = Buffer.alloc(bytes);
  entry.writeUInt32LE(bytes, 4);
  entry.writeUInt32LE(head.position >>> 0, POSITION_AT);
  entry.writeUInt32LE((head.priority & PRIORITY_MASK) | (head.hasDied ? DIED : 0), FLAGS_AT);
  writeTime(entry, DUE_AT, head.due);
  writeTime(entry, ARRIVED_AT, head.arrivedAt);
  entry.writeUInt32LE(exrkBytes, EXRK_AT);
  entry.writeUInt32LE(propsBytes, EXRK_AT + 4);
  entry.writeUInt32LE(bodyBytes, EXRK_AT + 8);
  return entry;
}

/** The entry, or record of done.log, is to stand at `offset` of the file with this seed. */
export function seal(bytes: Buffer, seed: number, offset: number): void {
  bytes.writeUInt32LE(checksum(viewOf(bytes), 0, bytes.length, seed, offset), 0);
}

/**
 * The bytes of the entry at `at` of `view`, whose first `filled` bytes are there; 0: there is none,
 * or not all of it.
 */
export function wholeEntry(
  view: DataView,
  at: number,
  filled: number,
  seed: number,
  offset: number,
): number {
  if (at + ENTRY_HEAD_BYTES > filled) return 0;
  const bytes = view.getUint32(at + 4, true);
  if (bytes > ENTRY_BYTES_MAX || at + bytes > filled) return 0;
  const exrkBytes = view.getUint32(at + EXRK_AT, true);
  const propsBytes = view.getUint32(at + EXRK_AT + 4, true);
  const bodyBytes = view.getUint32(at + EXRK_AT + 8, true);
  // Each below the limit, so that their sum is exact.
  if (exrkBytes > bytes || propsBytes > bytes || bodyBytes > bytes) return 0;
  if (entryBytes(exrkBytes + propsBytes + bodyBytes) !== bytes) return 0;
  return view.getUint32(at, true) === checksum(view, at, at + bytes, seed, offset) ? bytes : 0;
}

/** What `wholeEntry` found. */
export function headAt(view: DataView, at: number): EntryHead {
  const flags = view.getUint32(at + FLAGS_AT, true);
  return {
    position: view.getInt32(at + POSITION_AT, true),
    due: readTime(view, at + DUE_AT),
    arrivedAt: readTime(view, at + ARRIVED_AT),
    priority: flags & PRIORITY_MASK,
    hasDied: (flags & DIED) !== 0,
    exrkBytes: view.getUint32(at + EXRK_AT, true),
    propsBytes: view.getUint32(at + EXRK_AT + 4, true),
    bodyBytes: view.getUint32(at + EXRK_AT + 8, true),
  };
}

/** A record of done.log, without its checksum. */
export function newDoneRecord(kind: number, positions: readonly number[]): Buffer {
  const record = Buffer.alloc(alignTo8(DONE_HEAD_BYTES + positions.length * 4));
  record.writeUInt32LE(record.length, 4);
  record.writeUInt32LE(kind, 8);
  record.writeUInt32LE(positions.length, 12);
  for (const [i, position] of positions.entries()) {
    record.writeInt32LE(position, DONE_HEAD_BYTES + i * 4);
  }
  return record;
}

/** The bytes of the record of done.log at `at`; 0: there is none. */
export function wholeDoneRecord(view: DataView, at: number, seed: number): number {
  const filled = view.byteLength;
  if (at + DONE_HEAD_BYTES > filled) return 0;
  const bytes = view.getUint32(at + 4, true);
  const count = view.getUint32(at + 12, true);
  if (count > DONE_COUNT_MAX || bytes !== alignTo8(DONE_HEAD_BYTES + count * 4)) return 0;
  if (at + bytes > filled) return 0;
  return view.getUint32(at, true) === checksum(view, at, at + bytes, seed, at) ? bytes : 0;
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checksum(view: DataView, from: number, to: number, seed: number, offset: number): number {
  const high = Math.floor(offset / TWO_TO_32);
  const placed = crcWords(seed, (offset - high * TWO_TO_32) | 0, high);
  return crcValue(crcBytes(placed, view, from + 4, to));
}

function crcOf(bytes: Buffer, from: number, to: number): number {
  return crcValue(crcBytes(CRC_START, viewOf(bytes), from, to));
}

function writeTime(bytes: Buffer, at: number, millis: number): void {
  const high = Math.floor(millis / TWO_TO_32);
  bytes.writeUInt32LE(millis - high * TWO_TO_32, at);
  bytes.writeUInt32LE(high, at + 4);
}

function readTime(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_TO_32 + view.getUint32(at, true);
}
