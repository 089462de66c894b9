// A slab as all threads see it: shared memory in which large bodies lie while they travel. Any
// thread may read; only its owner allocates, writes and frees (slab-allocator.ts).
//
//   bytes: | page 0 | page 1 | page 2 | ...            pages of 4 KiB
//   map:   at the first page of a run: [pages in the run][first page of the next run, -1]
//
// A body is a chain of runs, named by the first page of the first run: one run when there is one
// that is large enough, several when the slab is fragmented or the body larger than RUN_BYTES_MAX.
// The map is written before anybody is told of the body (by a ring, whose publishing orders it).

export const SLAB_PAGE_BYTES = 4096;
export const RUN_BYTES_MAX = 1024 * 1024;
export const NO_PAGE = -1;

/** The memory of one slab, as main hands it to the threads. */
export interface SlabMemory {
  readonly bytes: SharedArrayBuffer;
  readonly map: SharedArrayBuffer;
}

/** `byteCount` is rounded up to whole pages. */
export function allocateSlab(byteCount: number): SlabMemory {
  const pages = Math.ceil(byteCount / SLAB_PAGE_BYTES);
  return {
    bytes: new SharedArrayBuffer(pages * SLAB_PAGE_BYTES),
    map: new SharedArrayBuffer(pages * 8),
  };
}

/** One thread's way to a slab. */
export class Slab {
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly map: Int32Array<SharedArrayBuffer>;

  constructor(memory: SlabMemory) {
    this.bytes = Buffer.from(memory.bytes);
    this.map = new Int32Array(memory.map);
  }
}

const NO_MAP = new Int32Array(new SharedArrayBuffer(0));

/** Walks the bytes of a body from its first run to its last, for writing as well as for reading. */
export class SlabCursor {
  /** Where the piece that `next` found begins in the slab's bytes. */
  at: number;
  private map: Int32Array<SharedArrayBuffer>;
  private position: number;
  private runEnd: number;
  private nextRun: number;

  constructor() {
    this.at = 0;
    this.map = NO_MAP;
    this.position = 0;
    this.runEnd = 0;
    this.nextRun = NO_PAGE;
  }

  /** Stands before the first byte of the body that begins at `page`. */
  open(slab: Slab, page: number): void {
    this.map = slab.map;
    this.enter(page);
  }

  /** Moves past up to `bytesMax` contiguous bytes from `at` on; returns how many. */
  next(bytesMax: number): number {
    if (this.position === this.runEnd) this.enter(this.nextRun);
    const count = Math.min(bytesMax, this.runEnd - this.position);
    this.at = this.position;
    this.position += count;
    return count;
  }

  /** Moves past `count` bytes. */
  skip(count: number): void {
    let left = count;
    while (left > 0) left -= this.next(left);
  }

  private enter(page: number): void {
    if (page === NO_PAGE) throw new Error('slab: a body was read beyond its last run');
    this.position = page * SLAB_PAGE_BYTES;
    this.runEnd = this.position + this.map[page * 2] * SLAB_PAGE_BYTES;
    this.nextRun = this.map[page * 2 + 1];
  }
}
