// Memory for bytes that connections have received and cannot handle yet. Acceptor thread, one per
// acceptor. A publisher that is paced stalls and goes on many times a second with most of a read
// left over each time: those buffers are reused, or the garbage collector would be busy with them.
import { ReadBuffer } from './socket-reader.ts';

const POOLED_BYTES_MIN = 64 * 1024;
/** Pooled sizes (a read, and a large read), and how many of each are kept at most. */
const SIZES: readonly [bytes: number, count: number][] = [
  [256 * 1024, 32],
  [2 * 1024 * 1024, 4],
];

/** A stretch of memory and its view. */
export interface HeldBuffer {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly view: DataView;
}

export class HeldBuffers {
  private readonly free: ReadBuffer[][] = SIZES.map(() => []);

  take(byteCount: number): HeldBuffer {
    if (byteCount >= POOLED_BYTES_MIN) {
      for (let i = 0; i < SIZES.length; i += 1) {
        const [bytes] = SIZES[i];
        if (byteCount <= bytes) return this.free[i].pop() ?? new ReadBuffer(bytes);
      }
    }
    const bytes = Buffer.allocUnsafe(byteCount);
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, byteCount) };
  }

  give(buffer: HeldBuffer): void {
    if (!(buffer instanceof ReadBuffer)) return;
    const size = SIZES.findIndex(([bytes]) => bytes === buffer.target.length);
    if (this.free[size].length < SIZES[size][1]) this.free[size].push(buffer);
  }
}
