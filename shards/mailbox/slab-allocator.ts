// The owner's side of a slab (slab.ts). The owning thread only; other threads hold page numbers and
// give them back by records.
//
// A body takes a chain of runs of pages. Free runs carry their length in their first and last page
// (boundary tags), so neighbours merge at once when one is freed; free runs of similar length (the
// same power of two) are linked into one list. Because a chain takes whatever runs there are, a
// body fits whenever enough pages are free.
//
// Waste: less than one page (4 KiB) per body. The memory is reserved, not used: the kernel maps a
// page when it is first written. Low pages are preferred by reusing freed runs.
import { NO_PAGE, RUN_BYTES_MAX, SLAB_PAGE_BYTES, Slab, type SlabMemory } from './slab.ts';

const BIN_COUNT = 31;
const RUN_PAGES_MAX = RUN_BYTES_MAX / SLAB_PAGE_BYTES;
/** How many runs of a bin are tried before a larger bin is. */
const TRIES_PER_BIN = 8;

export class SlabAllocator {
  readonly slab: Slab;
  readonly pageCount: number;
  freePages: number;
  /** A body was refused since this was last cleared. */
  wasFull: boolean;
  /** Run length at the first and last page of each free run; 0 elsewhere. */
  private readonly freeRun: Int32Array;
  /** How many more releases a body needs (one per shard that holds it), at its first page. */
  private readonly holders: Int32Array;
  private readonly nextFree: Int32Array;
  private readonly previousFree: Int32Array;
  private readonly bins: Int32Array;
  /** Pages from here on have never been used. */
  private untouchedFrom: number;

  constructor(memory: SlabMemory) {
    this.slab = new Slab(memory);
    this.pageCount = memory.bytes.byteLength / SLAB_PAGE_BYTES;
    this.freePages = this.pageCount;
    this.wasFull = false;
    this.freeRun = new Int32Array(this.pageCount);
    this.holders = new Int32Array(this.pageCount);
    this.nextFree = new Int32Array(this.pageCount);
    this.previousFree = new Int32Array(this.pageCount);
    this.bins = new Int32Array(BIN_COUNT).fill(NO_PAGE);
    this.untouchedFrom = 0;
  }

  /** Pages for a body of `byteCount` > 0 bytes with one holder: its first page, or NO_PAGE. */
  allocate(byteCount: number): number {
    let pages = Math.ceil(byteCount / SLAB_PAGE_BYTES);
    if (pages > this.freePages) {
      this.wasFull = true;
      return NO_PAGE;
    }
    const first = this.takeRun(pages);
    let last = first;
    pages -= this.runPages(first);
    while (pages > 0) {
      const run = this.takeRun(pages);
      this.slab.map[last * 2 + 1] = run;
      pages -= this.runPages(run);
      last = run;
    }
    this.holders[first] = 1;
    return first;
  }

  /** How many releases the body that begins at `page` needs before it is free. */
  setHolders(page: number, count: number): void {
    this.holders[page] = count;
  }

  /** So many more releases are needed: somebody who holds it passes it on. */
  addHolders(page: number, count: number): void {
    this.holders[page] += count;
  }

  /** One holder is done with the body that begins at `page`. */
  release(page: number): void {
    if (this.holders[page] === 0) {
      throw new Error(`slab page ${page} was released but no body begins there`);
    }
    this.holders[page] -= 1;
    if (this.holders[page] > 0) return;
    let run = page;
    while (run !== NO_PAGE) {
      const next = this.slab.map[run * 2 + 1];
      this.freeRunAt(run);
      run = next;
    }
  }

  private runPages(run: number): number {
    return this.slab.map[run * 2];
  }

  private freeRunAt(run: number): void {
    let start = run;
    let length = this.runPages(run);
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

  /** The first page of a used run of at most `pages` pages; there must be a free page. */
  private takeRun(pages: number): number {
    const wanted = Math.min(pages, RUN_PAGES_MAX);
    let run = this.takeFreed(wanted);
    let length = wanted;
    if (run === NO_PAGE) {
      const untouched = this.pageCount - this.untouchedFrom;
      if (untouched > 0) {
        length = Math.min(wanted, untouched);
        run = this.untouchedFrom;
        this.untouchedFrom += length;
      } else {
        run = this.longestFree();
        length = Math.min(wanted, this.freeRun[run]);
        this.cut(run, length);
      }
    }
    this.freePages -= length;
    this.slab.map[run * 2] = length;
    this.slab.map[run * 2 + 1] = NO_PAGE;
    return run;
  }

  /** A free run of the longest kind there is, still linked. */
  private longestFree(): number {
    for (let bin = BIN_COUNT - 1; bin >= 0; bin -= 1) {
      if (this.bins[bin] !== NO_PAGE) return this.bins[bin];
    }
    throw new Error('slab: free pages are counted that no list has');
  }

  /** Takes a run of exactly `pages` out of a free one, or NO_PAGE. */
  private takeFreed(pages: number): number {
    for (let bin = binOf(pages); bin < BIN_COUNT; bin += 1) {
      let run = this.bins[bin];
      for (let tries = 0; run !== NO_PAGE && tries < TRIES_PER_BIN; tries += 1) {
        if (this.freeRun[run] >= pages) {
          this.cut(run, pages);
          return run;
        }
        run = this.nextFree[run];
      }
    }
    return NO_PAGE;
  }

  /** Takes the first `pages` pages of a free run; the rest stays free. */
  private cut(run: number, pages: number): void {
    const length = this.freeRun[run];
    this.unlink(run);
    if (length > pages) this.link(run + pages, length - pages);
  }

  private link(start: number, length: number): void {
    this.freeRun[start] = length;
    this.freeRun[start + length - 1] = length;
    const bin = binOf(length);
    const first = this.bins[bin];
    this.nextFree[start] = first;
    this.previousFree[start] = NO_PAGE;
    if (first !== NO_PAGE) this.previousFree[first] = start;
    this.bins[bin] = start;
  }

  private unlink(start: number): void {
    const length = this.freeRun[start];
    this.freeRun[start] = 0;
    this.freeRun[start + length - 1] = 0;
    const next = this.nextFree[start];
    const previous = this.previousFree[start];
    if (previous === NO_PAGE) this.bins[binOf(length)] = next;
    else this.nextFree[previous] = next;
    if (next !== NO_PAGE) this.previousFree[next] = previous;
  }
}

/** Runs of 2^n .. 2^(n+1)-1 pages share a list. */
function binOf(pages: number): number {
  return 31 - Math.clz32(pages);
}
