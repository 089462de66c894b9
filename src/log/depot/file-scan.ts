// Reads a depot's files from beginning to end, a piece at a time, and says what cannot be read.
// Shard threads, and `warrenmq inspect`. What does not check out is searched over: around it all is
// used, so damage costs the entries that it is in.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import {
  DONE_HEAD_BYTES,
  ENTRIES_AT,
  ENTRY_BYTES_MAX,
  type EntryHead,
  headAt,
  seedOf,
  viewOf,
  wholeDoneRecord,
  wholeEntry,
} from './entry-format.ts';

const PIECE_BYTES = 1024 * 1024;

/** An entry that was found; `bytes` are those of the file's piece, good until `see` returns. */
export interface FoundEntry extends EntryHead {
  /** In the file. */
  readonly offset: number;
  readonly entryBytes: number;
  /** Where in `piece` it begins. */
  readonly at: number;
  readonly piece: Buffer;
}

export interface ScannedFile {
  readonly fileBytes: number;
  /** Undefined: there is no header, and so nothing can be read. */
  readonly seed: number | undefined;
  /** From, to, from, to, ...: what is no entry. */
  readonly damage: readonly number[];
}

/** Reads the file at `path`; `see` is shown each entry in it, and may make the scan wait. */
export async function scanMessages(
  path: string,
  see: (entry: FoundEntry) => void,
  pieceRead: () => Promise<boolean> = async () => true,
): Promise<ScannedFile> {
  const handle = await open(path, 'r');
  try {
    const { size: fileBytes } = await handle.stat();
    const seed = await seedIn(handle);
    if (seed === undefined) return { fileBytes, seed, damage: [0, fileBytes] };
    const damage = await scanEntries(handle, seed, see, pieceRead);
    return { fileBytes, seed, damage };
  } finally {
    await handle.close();
  }
}

async function seedIn(handle: FileHandle): Promise<number | undefined> {
  const header = Buffer.alloc(ENTRIES_AT);
  const filled = await readFully(handle, header, 0, 0);
  return seedOf(header.subarray(0, filled), 'messages');
}

async function scanEntries(
  handle: FileHandle,
  seed: number,
  see: (entry: FoundEntry) => void,
  pieceRead: () => Promise<boolean>,
): Promise<number[]> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const view = viewOf(piece);
  const damage: number[] = [];
  let start = ENTRIES_AT;
  let filled = 0;
  let damagedFrom = -1;
  for (;;) {
    const had = filled;
    filled = await readFully(handle, piece, filled, start + filled);
    const isLast = filled < PIECE_BYTES || filled === had;
    // What begins further back may go on in the next piece.
    const end = isLast ? filled : filled - ENTRY_BYTES_MAX + 1;
    let at = 0;
    while (at < end) {
      const bytes = wholeEntry(view, at, filled, seed, start + at);
      if (bytes === 0) {
        if (damagedFrom < 0) damagedFrom = start + at;
        at += 8;
        continue;
      }
      if (damagedFrom >= 0) damage.push(damagedFrom, start + at);
      damagedFrom = -1;
      see({ ...headAt(view, at), offset: start + at, entryBytes: bytes, at, piece });
      at += bytes;
    }
    const goesOn = await pieceRead();
    if (isLast || !goesOn) {
      if (damagedFrom >= 0) damage.push(damagedFrom, start + filled);
      return damage;
    }
    piece.copyWithin(0, at, filled);
    start += at;
    filled -= at;
  }
}

/** Fills `target` from byte `from` on with what stands at `offset`; returns how far it is full. */
async function readFully(
  handle: FileHandle,
  target: Buffer,
  from: number,
  offset: number,
): Promise<number> {
  let filled = from;
  while (filled < target.length) {
    const left = target.length - filled;
    const { bytesRead } = await handle.read(target, filled, left, offset + filled - from);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** A part of a file; shorter where the file is. */
export async function readPart(handle: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(bytes);
  return part.subarray(0, await readFully(handle, part, 0, offset));
}

/** Reads done.log; false when it is not there. `see`: message `position` is SETTLED, or VOID. */
export async function scanDone(
  path: string,
  see: (position: number, kind: number) => void,
): Promise<readonly number[] | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const seed = seedOf(bytes.subarray(0, ENTRIES_AT), 'done');
  if (seed === undefined) return [0, bytes.length];
  const view = viewOf(bytes);
  const damage: number[] = [];
  let damagedFrom = -1;
  for (let at = ENTRIES_AT; at < bytes.length; ) {
    const recordBytes = wholeDoneRecord(view, at, seed);
    if (recordBytes === 0) {
      if (damagedFrom < 0) damagedFrom = at;
      at += 8;
      continue;
    }
    if (damagedFrom >= 0) damage.push(damagedFrom, at);
    damagedFrom = -1;
    const kind = view.getUint32(at + 8, true);
    const end = at + DONE_HEAD_BYTES + view.getUint32(at + 12, true) * 4;
    for (let one = at + DONE_HEAD_BYTES; one < end; one += 4) see(view.getInt32(one, true), kind);
    at += recordBytes;
  }
  if (damagedFrom >= 0) damage.push(damagedFrom, bytes.length);
  return damage;
}
