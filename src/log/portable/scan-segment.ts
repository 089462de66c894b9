// Reads all records of a segment or checkpoint and tells torn from corrupt (docs/log-format.md,
// "Torn or corrupt"). Main and shard threads; in slices, between which others may run.
// A record that does not check out never ends the reading: the next place whose tag and checksum
// fit is where it goes on.
import { BLOCK, PUBLISH, RECORD_HEADER_BYTES, type Scan } from '../log.ts';
import {
  END_MARK_BYTES,
  isPublishSound,
  isRecordBytes,
  type RecordSeal,
} from '../record-format.ts';
import type { DiskFile } from './disk.ts';
import { EntryList } from './entry-list.ts';
import { FileWindow } from './file-window.ts';
import { unpackBlock } from './lz4-block.ts';

export interface ScanRequest {
  readonly file: DiskFile;
  readonly seal: RecordSeal;
  /** The position of the file's offset 0. */
  readonly base: number;
  readonly from: number;
  /** Where the records must end at the latest. */
  readonly to: number;
  /**
   * What is at the end when no record is. `known`: records reach `to`. `newest`: they end where
   * they end, and a write may be torn. `marked`: as newest, but long since mended by the end mark.
   */
  readonly ending: 'known' | 'newest' | 'marked';
}

export async function scanRecords(request: ScanRequest): Promise<Scan> {
  return new RecordScan(request).run();
}

class RecordScan {
  readonly #request: ScanRequest;
  readonly #entries = new EntryList();
  readonly #corrupt: number[] = [];
  #window!: FileWindow;
  /** No record reaches beyond: the file's end, if that comes before `to`. */
  #dataEnd = 0;
  /** Where the records checked so far end. */
  #end: number;
  /** Where the first record that does not check out should be, or -1. */
  #badFrom = -1;
  /** Whether the end mark stands there. */
  #isMarked = false;

  constructor(request: ScanRequest) {
    this.#request = request;
    this.#end = request.from;
  }

  async run(): Promise<Scan> {
    const { file, from, to } = this.#request;
    this.#dataEnd = Math.min(to, await file.size());
    this.#window = new FileWindow(file, from, this.#dataEnd);
    let offset = from;
    while (offset + RECORD_HEADER_BYTES <= this.#dataEnd) {
      if (!this.#window.holds(offset)) await this.#window.slide(offset);
      const bytes = this.#checkAt(offset);
      let isGood = bytes > 0 && this.#added(offset);
      // Only a BLOCK is worth a wait: there may be half a million records.
      if (typeof isGood === 'object') isGood = await isGood;
      offset = isGood ? this.#passed(offset, bytes) : this.#searchFrom(offset);
    }
    return this.#result();
  }

  #checkAt(offset: number): number {
    const { seal, base } = this.#request;
    const room = Math.min(this.#dataEnd, this.#window.to) - offset;
    return seal.check(this.#window.view, this.#window.at(offset), base + offset, room);
  }

  /** Adds the record at `offset`, whose checksum is right. False: a BLOCK with garbage in it. */
  #added(offset: number): boolean | Promise<boolean> {
    const { view } = this.#window;
    const at = this.#window.at(offset);
    if (view.getUint8(at + 8) === BLOCK) return this.#blockAdded(view, at, offset);
    this.#entries.add(view, at, offset);
    return true;
  }

  async #blockAdded(view: DataView, at: number, offset: number): Promise<boolean> {
    const raw = await unpackBlock(view, at);
    if (raw === undefined) return false;
    const inner = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    if (!holdsPublishes(inner, view.getUint16(at + 10, true))) return false;
    this.#entries.add(view, at, offset);
    for (let from = 0; from < raw.byteLength; from += inner.getUint32(from + 4, true)) {
      this.#entries.addPublish(inner, from, offset, from);
    }
    return true;
  }

  #passed(offset: number, bytes: number): number {
    if (this.#badFrom >= 0) this.#corrupt.push(this.#badFrom, offset);
    this.#badFrom = -1;
    this.#end = offset + bytes;
    return this.#end;
  }

  /** The next offset after a bad record whose tag fits, as far as the window reaches. */
  #searchFrom(bad: number): number {
    const { seal, base } = this.#request;
    const { view } = this.#window;
    if (this.#badFrom < 0) {
      this.#badFrom = bad;
      this.#isMarked = isEndMark(view, this.#window.at(bad), this.#window.to - bad);
    }
    const last = Math.min(this.#dataEnd, this.#window.to) - RECORD_HEADER_BYTES;
    let offset = bad + 8;
    for (let at = this.#window.at(offset); offset <= last; offset += 8, at += 8) {
      if (view.getUint32(at + 12, true) === seal.tagAt(base + offset)) return offset;
    }
    return offset;
  }

  #result(): Scan {
    const { to, ending } = this.#request;
    const room = to - this.#end;
    const bad = this.#badFrom >= 0 ? this.#badFrom : this.#end;
    const isClean = this.#isMarked || room < END_MARK_BYTES;
    let tornAt = -1;
    let end = this.#end;
    if (ending === 'newest') {
      if (!isClean) tornAt = bad;
    } else if (ending === 'known' ? room > 0 : !isClean) {
      this.#corrupt.push(bad, to);
      end = to;
    }
    return { entries: this.#entries.words(), end, tornAt, corrupt: this.#corrupt };
  }
}

function isEndMark(view: DataView, at: number, room: number): boolean {
  if (room < END_MARK_BYTES) return false;
  for (let i = 0; i < END_MARK_BYTES; i += 4) if (view.getInt32(at + i, true) !== 0) return false;
  return true;
}

/** Whether an unpacked BLOCK is `count` PUBLISH records one behind the other. */
function holdsPublishes(view: DataView, count: number): boolean {
  let at = 0;
  let left = count;
  for (; left > 0 && at + RECORD_HEADER_BYTES <= view.byteLength; left -= 1) {
    const bytes = view.getUint32(at + 4, true);
    if (!isRecordBytes(bytes) || at + bytes > view.byteLength) return false;
    if (view.getUint8(at + 8) !== PUBLISH || !isPublishSound(view, at, bytes)) return false;
    at += bytes;
  }
  return left === 0 && at === view.byteLength;
}
