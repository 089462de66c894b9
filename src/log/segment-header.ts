// The header of segments and checkpoints, written twice (docs/log-format.md, "Segment"), and the
// names of a log directory's files. Any thread.
// A header counts only in the file it was made for: its number must be that of the file's name.
import { CRC_START, crcBytes, crcValue } from './crc32c.ts';
import { SEGMENT_HEADER_BYTES } from './log.ts';

export const SEGMENT_MAGIC = 0x4c514d57;
export const CHECKPOINT_MAGIC = 0x43514d57;
const FORMAT_VERSION = 1;
const COPY_BYTES = 64;
const WORD = 2 ** 32;

export const SEGMENT_BYTES_MIN = 1024 * 1024;
const SEGMENT_BYTES_MAX = 256 * 1024 * 1024;

export interface SegmentHeader {
  readonly magic: number;
  readonly segmentBytes: number;
  readonly storeId: Uint8Array;
  readonly number: number;
  readonly epoch: number;
  readonly previousEnd: number;
  readonly madeMillis: number;
}

/** What the two copies of a header come to. */
export interface HeaderReading {
  /** Undefined: neither copy can be used. */
  readonly header: SegmentHeader | undefined;
  /** Where the bad copies are, as from, to. */
  readonly corrupt: readonly number[];
}

export function segmentName(number: number): string {
  return `${String(number).padStart(16, '0')}.seg`;
}

export function checkpointName(number: number): string {
  return `${String(number).padStart(16, '0')}.ckpt`;
}

/** The number in a file's name, or 0: it is none of this ending. */
export function numberInName(name: string, ending: '.seg' | '.ckpt'): number {
  if (!name.endsWith(ending) || !/^\d{16}\.\w+$/u.test(name)) return 0;
  return Number(name.slice(0, 16));
}

export function isSegmentBytes(bytes: number): boolean {
  return bytes >= SEGMENT_BYTES_MIN && bytes <= SEGMENT_BYTES_MAX && (bytes & (bytes - 1)) === 0;
}

/** Both copies. */
export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, header.magic, true);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, header.segmentBytes, true);
  bytes.set(header.storeId, 16);
  setLong(view, 32, header.number);
  view.setUint32(40, header.epoch, true);
  view.setUint32(44, header.previousEnd, true);
  setLong(view, 48, header.madeMillis);
  view.setUint32(0, crcValue(crcBytes(CRC_START, view, 4, COPY_BYTES)), true);
  bytes.copyWithin(COPY_BYTES, 0, COPY_BYTES);
  return bytes;
}

/**
 * Reads the first bytes of file `number`. With a store id, headers of other logs count as bad.
 * Throws when a later version of the format has written it.
 */
export function readHeader(
  bytes: Uint8Array,
  magic: number,
  number: number,
  storeId: Uint8Array | undefined,
): HeaderReading {
  const corrupt: number[] = [];
  let header: SegmentHeader | undefined;
  for (const at of [0, COPY_BYTES]) {
    const copy = decodeCopy(bytes.subarray(at, at + COPY_BYTES), magic);
    const isOurs =
      copy?.number === number && (storeId === undefined || sameBytes(copy.storeId, storeId));
    if (!isOurs) corrupt.push(at, at + COPY_BYTES);
    else header ??= copy;
  }
  return { header, corrupt: corrupt.length > 2 ? [0, SEGMENT_HEADER_BYTES] : corrupt };
}

function decodeCopy(bytes: Uint8Array, magic: number): SegmentHeader | undefined {
  if (bytes.byteLength < COPY_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, COPY_BYTES);
  if (view.getUint32(0, true) !== crcValue(crcBytes(CRC_START, view, 4, COPY_BYTES))) {
    return undefined;
  }
  if (view.getUint32(4, true) !== magic) return undefined;
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw new Error(
      `the log has format version ${version}; this WarrenMQ reads up to ${FORMAT_VERSION}`,
    );
  }
  const segmentBytes = view.getUint32(12, true);
  if (!isSegmentBytes(segmentBytes)) return undefined;
  return {
    magic,
    segmentBytes,
    storeId: bytes.slice(16, 32),
    number: getLong(view, 32),
    epoch: view.getUint32(40, true),
    previousEnd: view.getUint32(44, true),
    madeMillis: getLong(view, 48),
  };
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]);
}

function setLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % WORD, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

function getLong(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * WORD;
}
