// A run of slab pages that a socket is read into, so that large bodies need not be copied there.
// Acceptor thread, hot. What comes is walked like any read; the bodies in it stay where they are:
// each stretch of a body becomes a piece of it, and the pages between are free again when the read
// has been handled.
//
//   | end of a body | end, method, header | body      ...       | end, head | body ... | unused |
//   |<-- a piece -->|                     |<-----  a piece ---->|           |<-piece-->|
//
// A piece shares its first page with what came before it and its last with what comes after. While
// the read is being handled its last piece's last page is shared with the read itself, because the
// next piece may begin there.
import { NO_PAGE, SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';

/** As large as the largest reads from sockets into other memory. */
const RUN_PAGES = (2 * 1024 * 1024) / SLAB_PAGE_BYTES;
const RUN_PAGES_MIN = RUN_PAGES / 8;
/** So many sockets of an acceptor have a run at a time; others read into its read buffers. */
const RUNS_MAX = 16;

export class ReadRun {
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;
  private readonly slab: SlabAllocator;
  private readonly page: number;
  private readonly endPage: number;
  /** Pages before this one belong to pieces, or are free. */
  private nextPage: number;
  /** The page before it, while the read shares it with the piece that ends there. */
  private sharedPage: number;

  constructor(slab: SlabAllocator, page: number) {
    const pages = slab.runPages(page);
    const memory = slab.slab.bytes;
    const at = page * SLAB_PAGE_BYTES;
    this.bytes = memory.subarray(at, at + pages * SLAB_PAGE_BYTES);
    this.view = new DataView(memory.buffer, memory.byteOffset + at, pages * SLAB_PAGE_BYTES);
    this.slab = slab;
    this.page = page;
    this.endPage = page + pages;
    this.nextPage = page;
    this.sharedPage = NO_PAGE;
  }

  get pages(): number {
    return this.endPage - this.page;
  }

  /** Makes `count` bytes from `from` on, at least two pages, a piece; the page that names it. */
  adopt(from: number, count: number): number {
    const { slab } = this;
    const first = this.page + Math.floor(from / SLAB_PAGE_BYTES);
    const last = this.page + Math.floor((from + count - 1) / SLAB_PAGE_BYTES);
    // Otherwise it takes over the read's share in the page where the piece before it ends.
    if (first >= this.nextPage) {
      this.unshare();
      if (first > this.nextPage) slab.freeRange(this.nextPage, first - this.nextPage);
    }
    slab.describe(first, from % SLAB_PAGE_BYTES, count);
    slab.share(last);
    this.sharedPage = last;
    this.nextPage = last + 1;
    return first;
  }

  /** All of it has been handled, or nothing will come: what holds no body is free. */
  end(): void {
    this.unshare();
    if (this.endPage > this.nextPage) {
      this.slab.freeRange(this.nextPage, this.endPage - this.nextPage);
    }
    this.nextPage = this.endPage;
  }

  private unshare(): void {
    if (this.sharedPage !== NO_PAGE) this.slab.unshare(this.sharedPage);
    this.sharedPage = NO_PAGE;
  }
}

/** The runs that the sockets of one acceptor have. */
export class ReadRuns {
  readonly slab: SlabAllocator;
  private lentCount: number;
  /** The one whose read is being handled. */
  current: ReadRun | undefined;

  constructor(slab: SlabAllocator) {
    this.slab = slab;
    this.lentCount = 0;
    this.current = undefined;
  }

  /** A run for a socket's next read; undefined when the slab is half full, small or fragmented. */
  lend(): ReadRun | undefined {
    const { slab } = this;
    if (this.lentCount >= RUNS_MAX) return undefined;
    if (slab.availablePages < Math.max(slab.pageCount / 2, RUN_PAGES * RUNS_MAX)) return undefined;
    const page = slab.takeLongRun(RUN_PAGES, RUN_PAGES_MIN);
    const pages = slab.runPages(page);
    if (pages < RUN_PAGES_MIN) {
      slab.freeRange(page, pages);
      return undefined;
    }
    this.lentCount += 1;
    slab.lentPages += pages;
    return new ReadRun(slab, page);
  }

  /** The socket has read into it, or will not: it is not lent any more. */
  returned(run: ReadRun): void {
    this.lentCount -= 1;
    this.slab.lentPages -= run.pages;
  }
}
