// Test thread. What stands where in the files of an undamaged data directory, as a scan of each log
// says, and random bits of them. A flip is judged by what it hit: so much may be lost by it, and
// so much it must be seen. Copies are made from memory, sparse behind what was ever written.
import { mkdirSync, readdirSync, readFileSync, writeFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import * as log from '../../../src/log/log.ts';
import { openLog } from '../../../src/log/open-log.ts';
import type { Random } from '../../fuzz/session-bytes.ts';

const SEGMENT_BYTES = 1024 * 1024;
/** Behind what was written some bytes are hit too: they must not matter. */
const VOID_BYTES = 64;
/** Of 100 flips: in segments to come, which hold nothing yet. */
const SPARE_PERCENT = 4;

export type Part =
  | 'header'
  | 'message'
  | 'piece'
  | 'ack'
  | 'count'
  | 'block'
  | 'fact'
  | 'checkpoint'
  | 'void';

const PARTS: Readonly<Record<number, Part>> = {
  [log.PUBLISH]: 'message',
  [log.BODY]: 'piece',
  [log.ACK]: 'ack',
  [log.COUNT]: 'count',
  [log.BLOCK]: 'block',
  [log.CHANGE]: 'fact',
  [log.CHECKPOINT]: 'checkpoint',
  [log.QUEUE]: 'checkpoint',
};

export interface Region {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
  /** So many messages may be lost with it. */
  readonly messages: number;
  /** A start reads it, so it must say that it is damaged. */
  readonly isRead: boolean;
}

export interface StoreFile {
  /** From the data directory. */
  readonly name: string;
  /** Up to what was written last. */
  readonly bytes: Buffer;
  readonly sizeBytes: number;
  readonly regions: readonly Region[];
}

export interface StoreFlip {
  readonly file: StoreFile;
  readonly offset: number;
  readonly bit: number;
  readonly region: Region;
}

interface FileScan {
  readonly name: string;
  /** Those that scan one behind the other, each a record's. */
  readonly scan: { readonly entries: readonly Int32Array[]; readonly end: number };
  readonly isRead: boolean;
}

/** All files of a log directory that a scan understands. Looks only. */
async function scansOf(directory: string): Promise<FileScan[]> {
  const quiet = { onProgress() {}, onRead() {}, onPacked() {}, onSpace() {}, onFailure() {} };
  const options = { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 0, memories: [] };
  const looking = openLog({ ...options, readOnly: true }, quiet, 'portable');
  const { segments, checkpoints } = looking.inventory();
  const scans: FileScan[] = [];
  const note = (name: string, scan: log.Scan, isRead: boolean): void => {
    if (scan.corrupt.length > 0) throw new Error(`${name} is damaged before any flip`);
    scans.push({ name, scan: { entries: entriesIn(scan.entries), end: scan.end }, isRead });
  };
  for (const number of segments) note(nameOf(number, 'seg'), await looking.scan(number), true);
  for (const number of checkpoints) {
    // An older one is looked at only when the newest cannot be used.
    const isRead = number === checkpoints.at(-1);
    note(nameOf(number, 'ckpt'), await looking.scanCheckpoint(number), isRead);
  }
  await looking.close();
  return scans;
}

function nameOf(number: number, ending: string): string {
  return `${String(number).padStart(16, '0')}.${ending}`;
}

function entriesIn(words: Int32Array): Int32Array[] {
  const entries: Int32Array[] = [];
  for (let at = 0; at < words.length; ) {
    const next = at + log.ENTRY_WORDS + words[at + log.ENTRY_EXTRA];
    entries.push(words.slice(at, next));
    at = next;
  }
  return entries;
}

function regionsOf({ scan, isRead }: FileScan): Region[] {
  const regions: Region[] = [
    { part: 'header', from: 0, to: log.SEGMENT_HEADER_BYTES, messages: 0, isRead },
  ];
  for (const entry of scan.entries) {
    const kind = entry[log.ENTRY_HEAD] & 255;
    // It is in the BLOCK before it.
    if (kind === log.PUBLISH && entry[log.ENTRY_INNER] >= 0) continue;
    const part = PARTS[kind];
    if (part === undefined) throw new Error(`a record of kind ${kind} in the sample store`);
    const from = entry[log.ENTRY_OFFSET];
    let messages = kind === log.PUBLISH || kind === log.BODY ? 1 : 0;
    if (kind === log.BLOCK) messages = entry[log.ENTRY_HEAD] >>> 16;
    regions.push({ part, from, to: from + entry[log.ENTRY_RECORD_BYTES], messages, isRead });
  }
  return regions;
}

/** The files of the logs in `folders`, with what stands in them. */
export async function storeFiles(
  directory: string,
  folders: readonly string[],
): Promise<StoreFile[]> {
  const files: StoreFile[] = [];
  for (const folder of folders) {
    const scans = await scansOf(path.join(directory, folder));
    for (const own of readdirSync(path.join(directory, folder))) {
      const bytes = readFileSync(path.join(directory, folder, own));
      const scan = scans.find(({ name }) => name === own);
      const regions = scan === undefined ? [] : regionsOf(scan);
      const end = Math.max(usedBytes(bytes), (regions.at(-1)?.to ?? 0) + VOID_BYTES);
      const used = Buffer.from(bytes.subarray(0, end));
      files.push({ name: `${folder}/${own}`, bytes: used, sizeBytes: bytes.length, regions });
    }
  }
  return files;
}

function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/**
 * A random bit of a random file: of any byte, or as often of any record of any kind, so that few and
 * small ones have their turn beside many and large ones.
 */
export function randomFlip(files: readonly StoreFile[], random: Random): StoreFlip {
  const isOfSpare = random.chance(SPARE_PERCENT);
  const file = random.pick(files.filter(({ name }) => name.endsWith('.spare') === isOfSpare));
  const bit = random.below(8);
  if (file.regions.length > 0 && random.chance(50)) {
    const part = random.pick([...new Set(file.regions.map((region) => region.part))]);
    const region = random.pick(file.regions.filter((one) => one.part === part));
    const offset = region.from + random.below(region.to - region.from);
    return { file, offset, bit, region };
  }
  const offset = random.below(file.bytes.length);
  const found = file.regions.find(({ from, to }) => offset >= from && offset < to);
  const rest = { part: 'void', from: offset, to: offset + 1, messages: 0, isRead: false } as const;
  return { file, offset, bit, region: found ?? rest };
}

/** A copy of the store, with one bit of it wrong or none. */
export function writeStore(
  directory: string,
  files: readonly StoreFile[],
  flip: StoreFlip | undefined,
): void {
  for (const file of files) {
    const target = path.join(directory, file.name);
    mkdirSync(path.dirname(target), { recursive: true });
    const isHit = flip?.file === file;
    if (isHit) file.bytes[flip.offset] ^= 1 << flip.bit;
    writeFileSync(target, file.bytes);
    if (isHit) file.bytes[flip.offset] ^= 1 << flip.bit;
    truncateSync(target, file.sizeBytes);
  }
}
