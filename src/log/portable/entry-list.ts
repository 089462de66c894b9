// The entries of a scan (src/log/log.ts, Scan.entries), growing as records are found. Main and
// shard threads.
import * as log from '../log.ts';
import { publishDataBytes } from '../record-format.ts';

const FIRST_WORDS = 4096;

export class EntryList {
  #words = new Int32Array(FIRST_WORDS);
  #used = 0;

  /** The words so far. */
  words(): Int32Array {
    return this.#words.slice(0, this.#used);
  }

  /** Adds the record at `at` of `view`, which lies at `offset` of its file. */
  add(view: DataView, at: number, offset: number): void {
    const kind = view.getUint8(at + 8);
    if (kind === log.PUBLISH) {
      this.addPublish(view, at, offset, -1);
      return;
    }
    const isBody = kind === log.BODY;
    const bytes = view.getUint32(at + 4, true);
    const extra = isBody || kind === log.BLOCK ? 0 : (bytes - log.RECORD_HEADER_BYTES) / 4;
    let dataBytes = 0;
    if (isBody) dataBytes = view.getInt32(at + 20, true);
    else if (kind === log.CHANGE) dataBytes = view.getInt32(at + 16, true);
    const to = this.#entry(view, at, offset, extra);
    this.#words[to + log.ENTRY_INNER] = isBody ? view.getInt32(at + 16, true) : -1;
    this.#words[to + log.ENTRY_DATA_BYTES] = dataBytes;
    this.#copy(view, at + log.RECORD_HEADER_BYTES, to, extra);
  }

  /** A PUBLISH that lies at `inner` of an unpacked BLOCK, or by itself (-1). */
  addPublish(view: DataView, at: number, offset: number, inner: number): void {
    const extra = view.getUint16(at + 10, true) * 2;
    const to = this.#entry(view, at, offset, extra);
    this.#words[to + log.ENTRY_INNER] = inner;
    this.#words[to + log.ENTRY_DATA_BYTES] = publishDataBytes(view, at);
    this.#copy(view, at + log.PUBLISH_HEADER_BYTES, to, extra);
  }

  #entry(view: DataView, at: number, offset: number, extra: number): number {
    const to = this.#used;
    this.#used += log.ENTRY_WORDS + extra;
    if (this.#used > this.#words.length) {
      const grown = new Int32Array(Math.max(this.#used, this.#words.length * 2));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[to + log.ENTRY_HEAD] = view.getInt32(at + 8, true);
    this.#words[to + log.ENTRY_OFFSET] = offset;
    this.#words[to + log.ENTRY_RECORD_BYTES] = view.getInt32(at + 4, true);
    this.#words[to + log.ENTRY_EXTRA] = extra;
    return to;
  }

  #copy(view: DataView, from: number, to: number, words: number): void {
    const target = to + log.ENTRY_WORDS;
    for (let i = 0; i < words; i += 1) {
      this.#words[target + i] = view.getInt32(from + i * 4, true);
    }
  }
}
