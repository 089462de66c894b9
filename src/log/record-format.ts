// The record of docs/log-format.md: where it lies, its tag and checksum, and whether what stands in
// it agrees with itself. Any thread: used by the portable log's scan, writer and reader.
// Tag and checksum begin with the store id and the position, so that a record of another log, or
// one left over in a recycled segment, never passes for one of this place.
import { CRC_START, crcBytes, crcValue, crcWords } from './crc32c.ts';
import * as log from './log.ts';

/** A message of records in a BLOCK never takes more than this when unpacked. */
const BLOCK_RAW_BYTES_MAX = 256 * 1024;
/** Header of a BLOCK, and of a BODY: 16 bytes and two words. */
export const BLOCK_HEADER_BYTES = 24;
export const BODY_HEADER_BYTES = 24;
/** Zero bytes that a write leaves behind its last record when there is room. */
export const END_MARK_BYTES = 16;
/** In a checkpoint file a record's position is this plus its offset. */
export const CHECKPOINT_BASE = 2 ** 52;
const WORD = 2 ** 32;

/** The whole record's bytes for contents that end at `bytes`: records are padded to 8. */
export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Fills in and checks the tags and checksums of one log's records. */
export class RecordSeal {
  readonly #start: number;

  constructor(storeId: Uint8Array) {
    const view = new DataView(storeId.buffer, storeId.byteOffset, storeId.byteLength);
    this.#start = crcBytes(CRC_START, view, 0, storeId.byteLength);
  }

  tagAt(position: number): number {
    return crcValue(this.#at(position));
  }

  /** Fills in tag and checksum of the record at `at`, whose bytes are set. */
  seal(view: DataView, at: number, position: number): void {
    const running = this.#at(position);
    view.setUint32(at + 12, crcValue(running), true);
    const end = at + view.getUint32(at + 4, true);
    view.setUint32(at, crcValue(crcBytes(running, view, at + 4, end)), true);
  }

  /** The bytes of the record at `at`, or 0 when none that is whole lies there within `room`. */
  check(view: DataView, at: number, position: number, room: number): number {
    if (room < log.RECORD_HEADER_BYTES) return 0;
    const running = this.#at(position);
    if (view.getUint32(at + 12, true) !== crcValue(running)) return 0;
    const bytes = view.getUint32(at + 4, true);
    if (!isRecordBytes(bytes) || bytes > room) return 0;
    const crc = crcValue(crcBytes(running, view, at + 4, at + bytes));
    return view.getUint32(at, true) === crc && isSound(view, at, bytes) ? bytes : 0;
  }

  #at(position: number): number {
    return crcWords(this.#start, (position % WORD) | 0, Math.floor(position / WORD));
  }
}

export function isRecordBytes(bytes: number): boolean {
  return bytes >= log.RECORD_HEADER_BYTES && bytes <= log.RECORD_BYTES_MAX && bytes % 8 === 0;
}

/** exrk + props + body of the whole message that the PUBLISH record at `at` begins. */
export function publishDataBytes(view: DataView, at: number): number {
  return (
    view.getUint32(at + 16, true) + view.getUint32(at + 20, true) + view.getUint32(at + 24, true)
  );
}

/** Where the data begin in the PUBLISH record at `at`, behind its targets. */
export function publishDataAt(view: DataView, at: number): number {
  return at + log.PUBLISH_HEADER_BYTES + view.getUint16(at + 10, true) * 8;
}

/** Whether what the record says of its contents fits into its `bytes`. */
function isSound(view: DataView, at: number, bytes: number): boolean {
  const kind = view.getUint8(at + 8);
  const count = view.getUint16(at + 10, true);
  switch (kind) {
    case log.PUBLISH:
      return isPublishSound(view, at, bytes);
    case log.BODY:
      return bytes >= BODY_HEADER_BYTES && BODY_HEADER_BYTES + word(view, at, 20) <= bytes;
    case log.BLOCK:
      return (
        bytes >= BLOCK_HEADER_BYTES &&
        BLOCK_HEADER_BYTES + word(view, at, 20) <= bytes &&
        word(view, at, 16) <= BLOCK_RAW_BYTES_MAX
      );
    case log.ACK:
    case log.COUNT:
      return log.RECORD_HEADER_BYTES + count * 12 <= bytes;
    case log.CHANGE:
      return bytes >= 24 && 24 + word(view, at, 16) <= bytes;
    case log.IMPORT:
      return bytes >= 40;
    case log.CHECKPOINT:
      return bytes >= 32;
    case log.QUEUE:
      return bytes >= 32 && 32 + (word(view, at, 24) + word(view, at, 28)) * 8 <= bytes;
    default:
      return false;
  }
}

/** The same for a PUBLISH record, in the log or in an unpacked BLOCK. */
export function isPublishSound(view: DataView, at: number, bytes: number): boolean {
  if (bytes < log.PUBLISH_HEADER_BYTES) return false;
  const data = publishDataBytes(view, at);
  const isContinued = (view.getUint8(at + 9) & log.CONTINUED) !== 0;
  if (isContinued !== data > log.PIECE_BYTES) return false;
  return publishDataAt(view, at) - at + Math.min(data, log.PIECE_BYTES) <= bytes;
}

function word(view: DataView, at: number, offset: number): number {
  return view.getUint32(at + offset, true);
}
