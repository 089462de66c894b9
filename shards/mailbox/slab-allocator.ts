// The owner's side of a slab (slab.ts). The owning thread only; other threads hold page numbers and
// give them back by records.
//
// Free runs of pages carry their length in their first and last page (boundary tags), so neighbours
// merge at once when one is freed; free runs of similar length (the same power of two) are linked
// into one list. Because a body takes whatever runs there are, it fits whenever enough pages are
// free.
//
// A piece that a socket was read into begins and ends anywhere in a page, and what lies beside it
// in its first and last page may belong to others (src/acceptor/read-run.ts). Such a page is freed
// by the last of those who share it.
//
// Memory for a body is promised when it is announced, so that bodies under way never wait for each
// other in a circle: `reserve` counts pages that nobody else gets.
//
// Waste: less than one page (4 KiB) per run that was copied to, less than two per piece that was
// read. The memory is reserved, not used: the kernel maps a page when it is first written. Pages
// that were used are preferred, and what was ever touched is at most the most that was in use at a
// time and TOUCHED_FREE_PAGES_MAX.
import {
  MAP_BYTES,
  MAP_COLUMNS,
  MAP_NEXT,
  MAP_SKIP,
  NO_PAGE,
  RUN_BYTES_MAX,
  SLAB_PAGE_BYTES,
  Slab,
  type SlabMemory,
} from './slab.ts';

const BIN_COUNT = 31;
const RUN_PAGES_MAX = RUN_BYTES_MAX / SLAB_PAGE_BYTES;
/**
 * With more free memory than this that has been used before, no other is touched: what is long
 * enough is not there, but shorter runs are. Without it the memory touched grew with each new
 * pattern of fragments, slowly and without end.
 */
const TOUCHED_FREE_PAGES_MAX = (64 * 1024 * 1024) / SLAB_PAGE_BYTES;
/** How many runs of a bin are tried before a larger bin is. */
const TRIES_PER_BIN = 8;

export class SlabAllocator {
  readonly slab: Slab;
  readonly pageCount: number;
  freePages: number;
  /** Free pages that are promised to bodies under way. */
  reservedPages: number;
  /** Pages lent to sockets for their next read. */
  lentPages: number;
  /** A body was refused since this was last cleared. */
  wasFull: boolean;
  /** Run length at the first and last page of each free run; 0 elsewhere. */
  private readonly freeRun: Int32Array;
  /** How many more releases a body needs (one per shard that holds it), at its first page. */
  private readonly holders: Int32Array;
  /** How many more than one share a page. */
  private readonly sharers: Uint8Array;
  private readonly nextFree: Int32Array;
  private readonly previousFree: Int32Array;
  private readonly bins: Int32Array;
  /** Pages from here on are free; most have never been used. */
  private untouchedFrom: number;

  constructor(memory: SlabMemory) {
    this.slab = new Slab(memory);
    this.pageCount = memory.bytes.byteLength / SLAB_PAGE_BYTES;
    this.freePages = this.pageCount;
    this.reservedPages = 0;
    this.lentPages = 0;
    this.wasFull = false;
    this.freeRun = new Int32Array(this.pageCount);
    this.holders = new Int32Array(this.pageCount);
    this.sharers = new Uint8Array(this.pageCount);
    this.nextFree = new Int32Array(this.pageCount);
    this.previousFree = new Int32Array(this.pageCount);
    this.bins = new Int32Array(BIN_COUNT).fill(NO_PAGE);
    this.untouchedFrom = 0;
  }

  /** Pages that hold bodies or are promised to them. */
  get usedPages(): number {
    return this.pageCount - this.availablePages - this.lentPages;
  }

  /** Pages that are free and not promised. */
  get availablePages(): number {
    return this.freePages - this.reservedPages;
  }

  /** Pages for a body of `byteCount` > 0 bytes with one holder: its first page, or NO_PAGE. */
  allocate(byteCount: number): number {
    let pages = this.reserve(byteCount);
    if (pages === 0) return NO_PAGE;
    this.reservedPages -= pages;
    const first = this.takeRun(pages);
    let last = first;
    pages -= this.runPages(first);
    while (pages > 0) {
      const run = this.takeRun(pages);
      this.link(last, run);
      pages -= this.runPages(run);
      last = run;
    }
    this.begin(first);
    return first;
  }

  /** Promises pages for `byteCount` > 0 bytes: how many, or 0 when there are not enough. */
  reserve(byteCount: number): number {
    const pages = Math.ceil(byteCount / SLAB_PAGE_BYTES);
    if (pages > this.availablePages) {
      this.wasFull = true;
      return 0;
    }
    this.reservedPages += pages;
    return pages;
  }

  /** A body of pieces begins at `page`, with one holder. */
  begin(page: number): void {
    this.holders[page] = 1;
  }

  /** The piece that begins in `next` follows the one that begins in `page`. */
  link(page: number, next: number): void {
    this.slab.map[page * MAP_COLUMNS + MAP_NEXT] = next;
  }

  /** Of a run only the first `byteCount` > 0 bytes are used: the pages behind them are free. */
  trim(run: number, byteCount: number): void {
    const pages = this.runPages(run);
    const used = Math.ceil(byteCount / SLAB_PAGE_BYTES);
    this.slab.map[run * MAP_COLUMNS + MAP_BYTES] = byteCount;
    if (used < pages) this.freeRange(run + used, pages - used);
  }

  /** In pages that were taken, a piece of `byteCount` begins `skip` bytes into `page`. */
  describe(page: number, skip: number, byteCount: number): void {
    const at = page * MAP_COLUMNS;
    this.slab.map[at + MAP_SKIP] = skip;
    this.slab.map[at + MAP_BYTES] = byteCount;
    this.slab.map[at + MAP_NEXT] = NO_PAGE;
  }

  /** One more shares `page`. */
  share(page: number): void {
    this.sharers[page] += 1;
  }

  /** One who shares `page`, or had it alone, is done with it. */
  unshare(page: number): void {
    if (this.sharers[page] > 0) this.sharers[page] -= 1;
    else this.freeRange(page, 1);
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
    let piece = page;
    while (piece !== NO_PAGE) {
      const next = this.slab.map[piece * MAP_COLUMNS + MAP_NEXT];
      this.freePiece(piece);
      piece = next;
    }
  }

  /** Pages of a run, as it was taken. */
  runPages(run: number): number {
    return Math.ceil(this.slab.map[run * MAP_COLUMNS + MAP_BYTES] / SLAB_PAGE_BYTES);
  }

  private freePiece(page: number): void {
    const at = page * MAP_COLUMNS;
    const end = this.slab.map[at + MAP_SKIP] + this.slab.map[at + MAP_BYTES];
    let first = page;
    let last = page + Math.ceil(end / SLAB_PAGE_BYTES) - 1;
    if (this.sharers[first] > 0) {
      this.sharers[first] -= 1;
      first += 1;
    }
    if (last >= first && this.sharers[last] > 0) {
      this.sharers[last] -= 1;
      last -= 1;
    }
    if (last >= first) this.freeRange(first, last - first + 1);
  }

  /** Pages that were taken, and that nobody uses any more, are free again. */
  freeRange(from: number, count: number): void {
    let start = from;
    let length = count;
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
    else this.linkFree(start, length);
  }

  /** The first page of a used run of at most `pages` pages; there must be a free page. */
  takeRun(pages: number): number {
    const wanted = Math.min(pages, RUN_PAGES_MAX);
    const run = this.takeFreed(wanted);
    return run === NO_PAGE ? this.takeOther(wanted) : this.taken(run, wanted);
  }

  /**
   * As `takeRun`, of any length. Rather than memory that was never used it takes fewer pages, down
   * to `pagesMin`.
   */
  takeLongRun(pagesMax: number, pagesMin: number): number {
    for (let pages = pagesMax; pages >= pagesMin; pages >>= 1) {
      const run = this.takeFreed(pages);
      if (run !== NO_PAGE) return this.taken(run, pages);
    }
    return this.takeOther(pagesMax);
  }

  /** What no freed run is long enough for. */
  private takeOther(wanted: number): number {
    const untouched = this.pageCount - this.untouchedFrom;
    if (untouched > 0 && this.freePages - untouched <= TOUCHED_FREE_PAGES_MAX) {
      const run = this.untouchedFrom;
      const length = Math.min(wanted, untouched);
      this.untouchedFrom += length;
      return this.taken(run, length);
    }
    const run = this.longestFree();
    const length = Math.min(wanted, this.freeRun[run]);
    this.cut(run, length);
    return this.taken(run, length);
  }

  private taken(run: number, length: number): number {
    this.freePages -= length;
    this.describe(run, 0, length * SLAB_PAGE_BYTES);
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
    if (length > pages) this.linkFree(run + pages, length - pages);
  }

  private linkFree(start: number, length: number): void {
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
