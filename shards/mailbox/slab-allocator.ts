// The owner's side of a slab: one large shared buffer per acceptor in which bodies too large for a
// ring record lie while they travel. Acceptor thread; only the owner allocates and frees, other
// threads hold page numbers and give them back by records.
//
//   pages of 4 KiB; a body takes a run of them, contiguous. Free runs carry their length in their
//   first and last page (boundary tags), so neighbours merge at once when one is freed. Free runs
//   of similar length (same power of two) are linked into one list.
//
// Waste: less than one page per body, plus fragmentation. The buffer's memory is reserved, not
// used: the kernel maps a page when it is first written. Low pages are preferred by reusing freed
// runs.

export const SLAB_PAGE_BYTES = 4096;
const BIN_COUNT = 31;
const NONE = -1;
/** How many runs of a bin are tried before a larger bin is. */
const TRIES_PER_BIN = 8;

export class SlabAllocator {
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly pageCount: number;
  freePages: number;
  /** Run length at the first and last page of each free run; 0 elsewhere. */
  private readonly freeRun: Int32Array;
  /** Run length at the first page of each used run. */
  private readonly usedRun: Int32Array;
  /** How many more releases a used run needs (one per shard that holds it). */
  private readonly holders: Int32Array;
  private readonly nextFree: Int32Array;
  private readonly previousFree: Int32Array;
  private readonly bins: Int32Array;
  /** Pages from here on have never been used. */
  private untouchedFrom: number;

  constructor(memory: SharedArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.pageCount = Math.floor(memory.byteLength / SLAB_PAGE_BYTES);
    this.freePages = this.pageCount;
    this.freeRun = new Int32Array(this.pageCount);
    this.usedRun = new Int32Array(this.pageCount);
    this.holders = new Int32Array(this.pageCount);
    this.nextFree = new Int32Array(this.pageCount);
    this.previousFree = new Int32Array(this.pageCount);
    this.bins = new Int32Array(BIN_COUNT).fill(NONE);
    this.untouchedFrom = 0;
  }

  /** A run for `byteCount` bytes with one holder: its first page, or -1 when none is free. */
  allocate(byteCount: number): number {
    const pages = Math.ceil(byteCount / SLAB_PAGE_BYTES);
    const page = this.takeFreed(pages);
    if (page !== NONE) return this.use(page, pages);
    if (this.untouchedFrom + pages > this.pageCount) return NONE;
    const fresh = this.untouchedFrom;
    this.untouchedFrom += pages;
    return this.use(fresh, pages);
  }

  /** How many releases the run that starts at `page` needs before it is free. */
  setHolders(page: number, count: number): void {
    this.holders[page] = count;
  }

  /** One holder is done with the run that starts at `page`. */
  release(page: number): void {
    this.holders[page] -= 1;
    if (this.holders[page] > 0) return;
    let start = page;
    let length = this.usedRun[page];
    if (length === 0) throw new Error(`slab page ${page} was released but starts no used run`);
    this.usedRun[page] = 0;
    this.freePages += length;
    if (start > 0 && this.freeRun[start - 1] > 0) {
      const before = this.freeRun[start - 1];
      this.unlink(start - before);
      start -= before;
      length += before;
    }
    const after = start + length;
    if (after < this.untouchedFrom && this.freeRun[after] > 0) {
      const afterLength = this.freeRun[after];
      this.unlink(after);
      length += afterLength;
    }
    if (start + length === this.untouchedFrom) this.untouchedFrom = start;
    else this.link(start, length);
  }

  private use(page: number, pages: number): number {
    this.usedRun[page] = pages;
    this.holders[page] = 1;
    this.freePages -= pages;
    return page;
  }

  private takeFreed(pages: number): number {
    for (let bin = binOf(pages); bin < BIN_COUNT; bin += 1) {
      let run = this.bins[bin];
      for (let tries = 0; run !== NONE && tries < TRIES_PER_BIN; tries += 1) {
        const length = this.freeRun[run];
        if (length >= pages) {
          this.unlink(run);
          if (length > pages) this.link(run + pages, length - pages);
          return run;
        }
        run = this.nextFree[run];
      }
    }
    return NONE;
  }

  private link(start: number, length: number): void {
    this.freeRun[start] = length;
    this.freeRun[start + length - 1] = length;
    const bin = binOf(length);
    const first = this.bins[bin];
    this.nextFree[start] = first;
    this.previousFree[start] = NONE;
    if (first !== NONE) this.previousFree[first] = start;
    this.bins[bin] = start;
  }

  private unlink(start: number): void {
    const length = this.freeRun[start];
    this.freeRun[start] = 0;
    this.freeRun[start + length - 1] = 0;
    const next = this.nextFree[start];
    const previous = this.previousFree[start];
    if (previous === NONE) this.bins[binOf(length)] = next;
    else this.nextFree[previous] = next;
    if (next !== NONE) this.previousFree[next] = previous;
  }
}

/** Runs of 2^n .. 2^(n+1)-1 pages share a list. */
function binOf(pages: number): number {
  return 31 - Math.clz32(pages);
}
