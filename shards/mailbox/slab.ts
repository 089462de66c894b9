// A slab as all threads see it: shared memory in which large bodies lie while they travel. Any
// thread may read; only its owner allocates, writes and frees (slab-allocator.ts).
//
//   bytes: | page 0 | page 1 | page 2 | ...            pages of 4 KiB
//   map:   at the page where a piece begins: [where in the page][its bytes][page of the next, -1]
//
// A body is a chain of pieces, named by the page where the first begins: one run of pages when it
// was copied there and a run is large enough, several when the slab is fragmented or the body
// larger than RUN_BYTES_MAX; when the socket was read straight into the slab, a piece per frame and
// read. At most one piece begins in a page. The map is written before anybody is told of the body
// (by a ring, whose publishing orders it).

export const SLAB_PAGE_BYTES = 4096;
export const RUN_BYTES_MAX = 1024 * 1024;
export const NO_PAGE = -1;
export const MAP_COLUMNS = 3;
export const MAP_SKIP = 0;
export const MAP_BYTES = 1;
export const MAP_NEXT = 2;

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
    map: new SharedArrayBuffer(pages * MAP_COLUMNS * Int32Array.BYTES_PER_ELEMENT),
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

/** Walks the bytes of a body from its first piece to its last, for writing as well as reading. */
export class SlabCursor {
  /** Where the piece that `next` found begins in the slab's bytes. */
  at: number;
  private map: Int32Array<SharedArrayBuffer>;
  private position: number;
  private pieceEnd: number;
  private nextPiece: number;

  constructor() {
    this.at = 0;
    this.map = NO_MAP;
    this.position = 0;
    this.pieceEnd = 0;
    this.nextPiece = NO_PAGE;
  }

  /** Stands before the first byte of the body that begins at `page`. */
  open(slab: Slab, page: number): void {
    this.map = slab.map;
    this.enter(page);
  }

  /** Moves past up to `bytesMax` contiguous bytes from `at` on; returns how many. */
  next(bytesMax: number): number {
    if (this.position === this.pieceEnd) this.enter(this.nextPiece);
    const count = Math.min(bytesMax, this.pieceEnd - this.position);
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
    if (page === NO_PAGE) throw new Error('slab: a body was read beyond its last piece');
    const at = page * MAP_COLUMNS;
    this.position = page * SLAB_PAGE_BYTES + this.map[at + MAP_SKIP];
    this.pieceEnd = this.position + this.map[at + MAP_BYTES];
    this.nextPiece = this.map[at + MAP_NEXT];
  }
}
