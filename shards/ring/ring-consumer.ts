// The reading end of a ring; one thread owns it. A batch is: `refresh` (one Atomics.load), `next`
// until -1, `release` (one Atomics.store). A record's memory is valid until `release`.
import { DATA_WORD, HEAD_WORD, PAD_KIND, SPACE_WANTED_WORD, TAIL_WORD } from './ring-layout.ts';

export class RingConsumer {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Buffer<SharedArrayBuffer>;
  private readonly mask: number;
  private head: number;
  private releasedHead: number;
  private knownTail: number;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory);
    this.mask = memory.byteLength - DATA_WORD * 4 - 1;
    this.head = Atomics.load(this.words, HEAD_WORD);
    this.releasedHead = this.head;
    this.knownTail = this.head;
  }

  /** Looks for newly published records; true when there is any to read. */
  refresh(): boolean {
    this.knownTail = Atomics.load(this.words, TAIL_WORD);
    return this.knownTail !== this.head;
  }

  /** The word index of the next record seen by the last `refresh`, or -1; moves past it. */
  next(): number {
    while (this.head !== this.knownTail) {
      const at = DATA_WORD + ((this.head & this.mask) >> 2);
      this.head = (this.head + this.words[at]) | 0;
      if (this.words[at + 1] !== PAD_KIND) return at;
    }
    return -1;
  }

  /**
   * Gives the memory of everything read back to the producer. True when the producer waits for it:
   * the caller then rings the producer's doorbell.
   */
  release(): boolean {
    if (this.head === this.releasedHead) return false;
    this.releasedHead = this.head;
    Atomics.store(this.words, HEAD_WORD, this.head);
    if (Atomics.load(this.words, SPACE_WANTED_WORD) === 0) return false;
    Atomics.store(this.words, SPACE_WANTED_WORD, 0);
    return true;
  }

  /** True when records seen by the last `refresh` are still unread. */
  get hasMore(): boolean {
    return this.head !== this.knownTail;
  }
}
