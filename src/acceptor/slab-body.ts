// A large body on its way into the slab: a chain of pieces that grows as its frames arrive.
// Acceptor thread, one per channel that has sent one; hot. What was read straight into the slab
// (read-run.ts) stays where it is; everything else, and what is too small for a piece of its own,
// is copied to runs of pages. Pages for all of it are promised at its header (slab-allocator.ts).
//
// Measured with bodies of 16 KiB to 1 MiB: 7 to 10 % less CPU than copying all of it, which was a
// fifth of the time; the rest of that is the kernel's, which writes to colder memory now. Reading
// frame by frame to where each belongs cost more than copying: eight reads for one wake the
// publisher eight times.
import { NO_PAGE, SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { copyBytes } from '../base/copy.ts';
import type { ReadRuns } from './read-run.ts';

/** So a piece has a page of its own to begin in, and no more than half of its pages are waste. */
const ADOPTED_BYTES_MIN = 2 * SLAB_PAGE_BYTES;
/** Promised besides what the rest needs: what is copied between pieces may need a page more. */
const SPARE_PAGES = 2;

export class SlabBody {
  private readonly runs: ReadRuns;
  private readonly slab: SlabAllocator;
  /** The page that names it, and the one that names its last piece; NO_PAGE before the first. */
  page: number;
  private last: number;
  private promisedPages: number;
  /** Bytes of it that have to come. */
  private missingBytes: number;
  /** The run that is being filled: where it goes on, how far it is used, what is free of it. */
  private runAt: number;
  private runUsed: number;
  private runFree: number;

  constructor(runs: ReadRuns) {
    this.runs = runs;
    this.slab = runs.slab;
    this.page = NO_PAGE;
    this.last = NO_PAGE;
    this.promisedPages = 0;
    this.missingBytes = 0;
    this.runAt = 0;
    this.runUsed = 0;
    this.runFree = 0;
  }

  /** Promises memory for a body of `byteCount` > 0 bytes; false when there is none now. */
  reserve(byteCount: number): boolean {
    this.promisedPages = this.slab.reserve(byteCount);
    this.missingBytes = byteCount;
    return this.promisedPages > 0;
  }

  /** Appends `count` bytes. */
  add(bytes: Buffer<ArrayBufferLike>, from: number, count: number): void {
    const { current } = this.runs;
    this.missingBytes -= count;
    if (current?.bytes === bytes && count >= ADOPTED_BYTES_MIN && this.canAdopt()) {
      this.closeRun();
      this.append(current.adopt(from, count));
      this.promise(this.pagesAfterPiece);
    } else {
      const ahead = current === undefined ? count + this.missingBytes : count;
      this.copy(bytes, from, count, ahead);
    }
  }

  /** It belongs to somebody else now. */
  finish(): void {
    this.promise(0);
    this.page = NO_PAGE;
    this.last = NO_PAGE;
    this.runUsed = 0;
    this.runFree = 0;
  }

  /** What has come of it is given back. */
  abandon(): void {
    if (this.page !== NO_PAGE) this.slab.release(this.page);
    this.finish();
  }

  private copy(bytes: Buffer<ArrayBufferLike>, from: number, count: number, ahead: number): void {
    let done = 0;
    while (done < count) {
      if (this.runFree === 0) this.openRun(ahead - done);
      const piece = Math.min(this.runFree, count - done);
      copyBytes(bytes, from + done, this.slab.slab.bytes, this.runAt, piece);
      this.runAt += piece;
      this.runUsed += piece;
      this.runFree -= piece;
      done += piece;
    }
  }

  private openRun(byteCount: number): void {
    const { slab } = this;
    const run = slab.takeRun(Math.ceil(byteCount / SLAB_PAGE_BYTES));
    const pages = slab.runPages(run);
    this.promise(Math.max(0, this.promisedPages - pages));
    this.append(run);
    this.runAt = run * SLAB_PAGE_BYTES;
    this.runUsed = 0;
    this.runFree = pages * SLAB_PAGE_BYTES;
  }

  /** Nothing more is copied to the run that is open: what is not used of it is promised again. */
  private closeRun(): void {
    if (this.runFree === 0) return;
    this.slab.trim(this.last, this.runUsed);
    this.runFree = 0;
  }

  private append(page: number): void {
    if (this.page === NO_PAGE) {
      this.page = page;
      this.slab.begin(page);
    } else {
      this.slab.link(this.last, page);
    }
    this.last = page;
  }

  /** What has to be promised behind a piece: with it, whatever comes finds room. */
  private get pagesAfterPiece(): number {
    return Math.ceil(this.missingBytes / SLAB_PAGE_BYTES) + SPARE_PAGES;
  }

  private canAdopt(): boolean {
    return this.pagesAfterPiece - this.promisedPages <= this.slab.availablePages;
  }

  private promise(pages: number): void {
    this.slab.reservedPages += pages - this.promisedPages;
    this.promisedPages = pages;
  }
}
