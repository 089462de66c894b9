// What one connection has to say, gathered over a turn and written to its socket at once. Acceptor
// thread. Frames are built in pooled 64 KiB buffers; large bodies are sent straight from shared
// slabs.
//
//   chunks: [ buffer 1 | slab body | buffer 2 (open) ]  --flush-->  one write or one writev
//
// One batch is under way at a time; buffers and slab bodies belong to it until the socket's
// callback says that the kernel has all of it (or that the socket is gone), and only then are they
// given back. What is framed meanwhile waits for the next batch. Deliveries are bounded by the
// consumers' window, everything else by its connection, whose input at some point is no longer
// read.
import type { Socket } from 'node:net';
import type { ShardLink } from './shard-link.ts';

const BUFFER_BYTES = 64 * 1024;
const POOLED_BUFFERS_MAX = 256;
const POOLED_BATCHES_MAX = 256;

/** A reusable stretch of memory with its view, so that no view is made per frame. */
export class OutputBuffer {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  constructor(byteCount: number) {
    const memory = new ArrayBuffer(byteCount);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }
}

/** Everything that is given back when a batch has left. */
class Batch {
  readonly chunks: Uint8Array[] = [];
  readonly buffers: OutputBuffer[] = [];
  readonly slabLinks: ShardLink[] = [];
  readonly slabMessages: number[] = [];
  bytes = 0;

  clear(): void {
    this.chunks.length = 0;
    this.buffers.length = 0;
    this.slabLinks.length = 0;
    this.slabMessages.length = 0;
    this.bytes = 0;
  }
}

/** Of outputs that have nothing to say; stays empty. */
const NO_BATCH = new Batch();

/** The buffers and batches of one acceptor that no connection uses now. */
export class OutputPool {
  private readonly free: OutputBuffer[] = [];
  private readonly batches: Batch[] = [];

  take(bytes: number): OutputBuffer {
    if (bytes > BUFFER_BYTES) return new OutputBuffer(bytes);
    return this.free.pop() ?? new OutputBuffer(BUFFER_BYTES);
  }

  give(buffer: OutputBuffer): void {
    if (buffer.bytes.length !== BUFFER_BYTES) return;
    if (this.free.length < POOLED_BUFFERS_MAX) this.free.push(buffer);
  }

  takeBatch(): Batch {
    return this.batches.pop() ?? new Batch();
  }

  giveBatch(batch: Batch): void {
    batch.clear();
    if (this.batches.length < POOLED_BATCHES_MAX) this.batches.push(batch);
  }
}

/** Told when a batch has left (or never will). */
export interface OutputOwner {
  /** There is something to flush in this turn. */
  outputReady(): void;
  /** Everything gathered is now on its way to the socket. */
  outputHandedOver(): void;
  /** The kernel has taken everything of the last flush. */
  outputFlushed(): void;
}

export class Output {
  private readonly socket: Socket;
  private readonly pool: OutputPool;
  private readonly owner: OutputOwner;
  /** The open buffer, its memory for frame writers, and how much of it is used. */
  private current: OutputBuffer | null;
  private currentStart: number;
  private currentEnd: number;
  /** NO_BATCH unless `isReady`. */
  private gathering: Batch;
  private underWay: Batch | null;
  /** Batches handed to the socket so far. */
  batchCount: number;
  private isReady: boolean;
  private isClosed: boolean;
  private readonly onWritten: () => void;

  constructor(socket: Socket, pool: OutputPool, owner: OutputOwner) {
    this.socket = socket;
    this.pool = pool;
    this.owner = owner;
    this.current = null;
    this.currentStart = 0;
    this.currentEnd = 0;
    this.gathering = NO_BATCH;
    this.underWay = null;
    this.batchCount = 0;
    this.isReady = false;
    this.isClosed = false;
    this.onWritten = () => this.written();
  }

  /** The open buffer; valid after `reserve`. */
  get target(): OutputBuffer {
    return this.current!;
  }

  /** The memory of the open buffer; valid after `reserve`. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.current!.bytes;
  }

  get view(): DataView<ArrayBuffer> {
    return this.current!.view;
  }

  /** Gathered, or handed to a socket that has not taken all of it. */
  get waitingBytes(): number {
    return this.gathering.bytes + (this.underWay?.bytes ?? 0);
  }

  /** The socket has been handed a batch and has not taken all of it. */
  get isUnderWay(): boolean {
    return this.underWay !== null;
  }

  /** True when nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return !this.isReady && this.underWay === null;
  }

  /** Makes room for `count` contiguous bytes, counts them as written and returns where they go. */
  reserve(count: number): number {
    if (!this.isReady) this.becomeReady();
    if (this.current === null || this.currentEnd + count > this.current.bytes.length) {
      this.closeBuffer();
      this.current = this.pool.take(count);
      this.gathering.buffers.push(this.current);
      this.currentStart = 0;
      this.currentEnd = 0;
    }
    const at = this.currentEnd;
    this.currentEnd = at + count;
    this.gathering.bytes += count;
    return at;
  }

  /** Appends a copy of complete frames; for everything that is not hot. */
  append(frames: Uint8Array): void {
    const at = this.reserve(frames.length);
    this.bytes.set(frames, at);
  }

  /** Takes back the last `count` bytes of the last `reserve`. */
  giveBack(count: number): void {
    this.currentEnd -= count;
    this.gathering.bytes -= count;
  }

  /** Appends shared memory without copying it, behind something reserved. */
  appendShared(bytes: Uint8Array): void {
    this.endChunk();
    this.gathering.chunks.push(bytes);
    this.gathering.bytes += bytes.length;
  }

  /** The slab body of `message` has been appended; `link`'s shard is told once it was sent. */
  releaseWhenSent(link: ShardLink, message: number): void {
    this.gathering.slabLinks.push(link);
    this.gathering.slabMessages.push(message);
  }

  /** Writes everything gathered, unless a batch is still under way. */
  flush(): void {
    if (!this.isReady || this.underWay !== null) return;
    this.closeBuffer();
    this.isReady = false;
    const batch = this.gathering;
    this.gathering = NO_BATCH;
    this.underWay = batch;
    this.batchCount += 1;
    this.owner.outputHandedOver();
    if (this.isClosed || this.socket.destroyed) {
      this.written();
      return;
    }
    const { chunks } = batch;
    const last = chunks.length - 1;
    if (last > 0) this.socket.cork();
    for (let i = 0; i < last; i += 1) this.socket.write(chunks[i]);
    this.socket.write(chunks[last], this.onWritten);
    if (last > 0) this.socket.uncork();
  }

  /** The socket is gone: whatever waits is given back without being sent. */
  close(): void {
    this.isClosed = true;
    if (this.isReady && this.underWay === null) this.flush();
  }

  private becomeReady(): void {
    this.isReady = true;
    this.gathering = this.pool.takeBatch();
    this.owner.outputReady();
  }

  private endChunk(): void {
    if (this.current === null || this.currentEnd === this.currentStart) return;
    this.gathering.chunks.push(this.current.bytes.subarray(this.currentStart, this.currentEnd));
    this.currentStart = this.currentEnd;
  }

  private closeBuffer(): void {
    this.endChunk();
    this.current = null;
  }

  private written(): void {
    const batch = this.underWay;
    // The callbacks of a destroyed socket may come after `close` has given everything back.
    if (batch === null) return;
    this.underWay = null;
    for (const buffer of batch.buffers) this.pool.give(buffer);
    for (let i = 0; i < batch.slabLinks.length; i += 1) {
      batch.slabLinks[i].release(batch.slabMessages[i]);
    }
    this.pool.giveBatch(batch);
    this.owner.outputFlushed();
    if (!this.isReady) return;
    if (this.isClosed) this.flush();
    else this.owner.outputReady();
  }
}
