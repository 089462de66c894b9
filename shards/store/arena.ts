// Memory for the inline data of messages: chunks of 1 MiB filled one record behind the other and
// recycled whole once nothing in them is live. Shard thread, one per store.
//
//   chunk: | bytes handle data... | bytes handle data... | ...free |      records are 8-aligned
//
// Queues are mostly first in, first out, so chunks die in order and cost nothing to free. A few
// messages that stay must not pin a chunk each: when less than half of all chunk memory is live
// (beyond a slack of 16 chunks), the live records of the emptiest chunk are moved to the current
// one.
import { copyBytes } from '../../src/base/copy.ts';
import { alignTo8 } from '../../src/base/round.ts';

const CHUNK_BYTES = 1024 * 1024;
const RECORD_HEADER_BYTES = 8;
const SLACK_CHUNKS = 16;
/** Empty chunks kept for reuse; more than these go back to the garbage collector. */
const SPARE_CHUNKS_MAX = 64;

class Chunk {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  /** Bytes written from the start, and bytes of them that are live. */
  usedBytes: number;
  liveBytes: number;

  constructor(byteCount: number) {
    const memory = new ArrayBuffer(byteCount);
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.usedBytes = 0;
    this.liveBytes = 0;
  }
}

/** Told where a live record has moved to. */
export type OnMoved = (handle: number, chunk: number, at: number) => void;

export class Arena {
  /** By chunk number; freed numbers are reused. */
  private readonly chunks: (Chunk | undefined)[];
  private readonly freeNumbers: number[];
  private readonly spares: Chunk[];
  private readonly onMoved: OnMoved;
  private current: Chunk;
  private currentNumber: number;
  /** Takes what evacuation moves, apart from new messages: what has stayed long will stay on. */
  private survivors: Chunk | undefined;
  private survivorsNumber: number;
  private totalBytes: number;
  private totalLiveBytes: number;
  /** Where the last `allocate` placed its record's data. */
  placedChunk: number;
  placedAt: number;

  constructor(onMoved: OnMoved) {
    this.chunks = [];
    this.freeNumbers = [];
    this.spares = [];
    this.onMoved = onMoved;
    this.totalBytes = 0;
    this.totalLiveBytes = 0;
    this.placedChunk = 0;
    this.placedAt = 0;
    this.survivors = undefined;
    this.survivorsNumber = -1;
    this.current = new Chunk(CHUNK_BYTES);
    this.currentNumber = this.register(this.current);
  }

  get allocatedBytes(): number {
    return this.totalBytes;
  }

  get liveBytes(): number {
    return this.totalLiveBytes;
  }

  /** Room for `dataBytes` of message `handle`; see `placedChunk` and `placedAt`. */
  allocate(handle: number, dataBytes: number): Buffer<ArrayBuffer> {
    const recordBytes = RECORD_HEADER_BYTES + alignTo8(dataBytes);
    if (!hasRoom(this.current, recordBytes)) this.startChunk(recordBytes);
    return this.place(this.current, this.currentNumber, handle, recordBytes);
  }

  private place(
    chunk: Chunk,
    chunkNumber: number,
    handle: number,
    recordBytes: number,
  ): Buffer<ArrayBuffer> {
    const at = chunk.usedBytes;
    chunk.words[at >> 2] = recordBytes;
    chunk.words[(at >> 2) + 1] = handle;
    chunk.usedBytes = at + recordBytes;
    chunk.liveBytes += recordBytes;
    this.totalLiveBytes += recordBytes;
    this.placedChunk = chunkNumber;
    this.placedAt = at + RECORD_HEADER_BYTES;
    return chunk.bytes;
  }

  bytesOf(chunkNumber: number): Buffer<ArrayBuffer> {
    return this.chunks[chunkNumber]!.bytes;
  }

  free(chunkNumber: number, at: number): void {
    const chunk = this.chunks[chunkNumber]!;
    const header = (at - RECORD_HEADER_BYTES) >> 2;
    const recordBytes = chunk.words[header];
    chunk.words[header + 1] = -1;
    chunk.liveBytes -= recordBytes;
    this.totalLiveBytes -= recordBytes;
    if (chunk.liveBytes === 0) this.recycle(chunkNumber, chunk);
  }

  private startChunk(recordBytes: number): void {
    this.current = this.newChunk(recordBytes);
    this.currentNumber = this.register(this.current);
    const slackBytes = SLACK_CHUNKS * CHUNK_BYTES;
    if (this.totalBytes > this.totalLiveBytes * 2 + slackBytes) this.evacuateEmptiest();
  }

  /** A record larger than a chunk gets one of its own size. */
  private newChunk(recordBytes: number): Chunk {
    if (recordBytes > CHUNK_BYTES) return new Chunk(recordBytes);
    return this.spares.pop() ?? new Chunk(CHUNK_BYTES);
  }

  private register(chunk: Chunk): number {
    chunk.usedBytes = 0;
    chunk.liveBytes = 0;
    this.totalBytes += chunk.bytes.length;
    const number = this.freeNumbers.pop() ?? this.chunks.length;
    this.chunks[number] = chunk;
    return number;
  }

  private recycle(chunkNumber: number, chunk: Chunk): void {
    if (chunk === this.current || chunk === this.survivors) {
      // Nothing in it is live: start over at its beginning, which is still in the cache.
      chunk.usedBytes = 0;
      return;
    }
    this.totalBytes -= chunk.bytes.length;
    this.chunks[chunkNumber] = undefined;
    this.freeNumbers.push(chunkNumber);
    if (chunk.bytes.length === CHUNK_BYTES && this.spares.length < SPARE_CHUNKS_MAX) {
      this.spares.push(chunk);
    }
  }

  /** Moves the records of the chunk with the fewest live bytes among the survivors. */
  private evacuateEmptiest(): void {
    let emptiest = -1;
    let liveBytes = CHUNK_BYTES / 2;
    for (let number = 0; number < this.chunks.length; number += 1) {
      const chunk = this.chunks[number];
      if (chunk === undefined || chunk === this.current || chunk === this.survivors) continue;
      if (chunk.liveBytes >= liveBytes) continue;
      emptiest = number;
      liveBytes = chunk.liveBytes;
    }
    if (emptiest >= 0) this.evacuate(this.chunks[emptiest]!, emptiest);
  }

  private evacuate(chunk: Chunk, chunkNumber: number): void {
    const usedBytes = chunk.usedBytes;
    let at = 0;
    while (at < usedBytes) {
      const recordBytes = chunk.words[at >> 2];
      const handle = chunk.words[(at >> 2) + 1];
      if (handle >= 0) {
        const dataAt = at + RECORD_HEADER_BYTES;
        const dataBytes = recordBytes - RECORD_HEADER_BYTES;
        const target = this.placeSurvivor(handle, recordBytes);
        copyBytes(chunk.bytes, dataAt, target, this.placedAt, dataBytes);
        this.onMoved(handle, this.placedChunk, this.placedAt);
        this.free(chunkNumber, dataAt);
      }
      at += recordBytes;
    }
  }

  private placeSurvivor(handle: number, recordBytes: number): Buffer<ArrayBuffer> {
    if (this.survivors === undefined || !hasRoom(this.survivors, recordBytes)) {
      this.survivors = this.newChunk(recordBytes);
      this.survivorsNumber = this.register(this.survivors);
    }
    return this.place(this.survivors, this.survivorsNumber, handle, recordBytes);
  }
}

function hasRoom(chunk: Chunk, recordBytes: number): boolean {
  return recordBytes <= chunk.bytes.length - chunk.usedBytes;
}
