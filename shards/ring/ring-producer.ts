// The writing end of a ring; one thread owns it. Records are written with plain stores and become
// visible to the consumer together, at `publish`: one Atomics.store per batch. ECMA-262's memory
// model orders the plain stores before it, so the consumer never sees half a record.
import {
  DATA_WORD,
  HEAD_WORD,
  PAD_KIND,
  recordBytesMax,
  SPACE_WANTED_WORD,
  TAIL_WORD,
} from './ring-layout.ts';

export class RingProducer {
  /** The whole shared memory as words and as bytes; `claim` returns an index into `words`. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly capacityBytes: number;
  readonly recordBytesMax: number;
  private readonly mask: number;
  private tail: number;
  private publishedTail: number;
  private knownHead: number;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory);
    this.capacityBytes = memory.byteLength - DATA_WORD * 4;
    this.recordBytesMax = recordBytesMax(this.capacityBytes);
    this.mask = this.capacityBytes - 1;
    this.tail = Atomics.load(this.words, TAIL_WORD);
    this.publishedTail = this.tail;
    this.knownHead = Atomics.load(this.words, HEAD_WORD);
  }

  /**
   * Reserves `bytes` (a multiple of 8, at most `recordBytesMax`) and leaves `reserveBytes` free
   * behind them. Returns the word index of the record, or -1 when the ring is too full now.
   */
  claim(bytes: number, reserveBytes: number): number {
    const position = this.tail & this.mask;
    const contiguous = this.capacityBytes - position;
    const padBytes = bytes <= contiguous ? 0 : contiguous;
    const needed = padBytes + bytes + reserveBytes;
    if (this.capacityBytes - ((this.tail - this.knownHead) | 0) < needed) {
      this.knownHead = Atomics.load(this.words, HEAD_WORD);
      if (this.capacityBytes - ((this.tail - this.knownHead) | 0) < needed) return -1;
    }
    if (padBytes === 0) {
      this.tail = (this.tail + bytes) | 0;
      return DATA_WORD + (position >> 2);
    }
    const pad = DATA_WORD + (position >> 2);
    this.words[pad] = padBytes;
    this.words[pad + 1] = PAD_KIND;
    this.tail = (this.tail + padBytes + bytes) | 0;
    return DATA_WORD;
  }

  /**
   * Lengthens the last record claimed, at `at`, from `bytes` to `newBytes`, if nothing was claimed
   * behind it. Like `claim`, it leaves `reserveBytes` free; false when there is no room in place.
   */
  extend(at: number, bytes: number, newBytes: number, reserveBytes: number): boolean {
    const more = newBytes - bytes;
    if ((at - DATA_WORD) * 4 + newBytes > this.capacityBytes) return false;
    if (this.capacityBytes - ((this.tail - this.knownHead) | 0) < more + reserveBytes) return false;
    this.tail = (this.tail + more) | 0;
    return true;
  }

  /**
   * Writes a whole record of `bytes` whose payload is a few words; false when the ring is too full.
   * For what is rare: hot records are claimed and filled in place.
   */
  write(kind: number, bytes: number, payload: readonly number[]): boolean {
    const at = this.claim(bytes, 0);
    if (at < 0) return false;
    this.words[at] = bytes;
    this.words[at + 1] = kind;
    for (let i = 0; i < payload.length; i += 1) this.words[at + 2 + i] = payload[i];
    return true;
  }

  /** True when `claim` would grant the same bytes and reserve now. */
  canClaim(bytes: number, reserveBytes: number): boolean {
    const contiguous = this.capacityBytes - (this.tail & this.mask);
    const needed = (bytes <= contiguous ? bytes : contiguous + bytes) + reserveBytes;
    if (this.capacityBytes - ((this.tail - this.knownHead) | 0) >= needed) return true;
    return this.freeBytes() >= needed;
  }

  /** Makes all claimed records visible. Returns false when there was nothing new. */
  publish(): boolean {
    if (this.tail === this.publishedTail) return false;
    this.publishedTail = this.tail;
    Atomics.store(this.words, TAIL_WORD, this.tail);
    return true;
  }

  /**
   * Asks the consumer to ring this thread's doorbell at its next release. Returns true when
   * `bytes` are free already, so that waiting would be wrong. Publish first: a consumer that has
   * nothing to read releases nothing.
   */
  wantSpace(bytes: number): boolean {
    Atomics.store(this.words, SPACE_WANTED_WORD, 1);
    return this.freeBytes() >= bytes;
  }

  /** Bytes free as far as the consumer has told; reads shared memory. */
  freeBytes(): number {
    this.knownHead = Atomics.load(this.words, HEAD_WORD);
    return this.capacityBytes - ((this.tail - this.knownHead) | 0);
  }
}
