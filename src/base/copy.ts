// The one way bytes are copied on the hot path, in every thread.
// Measured on Node 24.21, two cores (bench/micro/copy.bench.ts), ns per copy:
//
//   bytes            16    64   256   1024   2048   4096        16384
//   byte loop        16    70   300   1300     -      -             -
//   Buffer.copy      42    44    46    100    110    170 | 1300   430 | 6000
//   TypedArray.set   60    90   130    340    600   1300          5000
//
// Buffer.copy to or from shared memory falls off a cliff somewhere past 2 KiB when source and
// target differ modulo 8 (right of the bar); below that it never does. So: a loop for the
// smallest, one Buffer.copy where it is fast, and pieces of 2 KiB where it would not be.

const LOOP_BYTES_MAX = 24;
const PIECE_BYTES = 2048;

/** Copies `bytes` bytes of `source` from `from` to `target` at `to`. The caller checks bounds. */
export function copyBytes(
  source: Buffer<ArrayBufferLike>,
  from: number,
  target: Buffer<ArrayBufferLike>,
  to: number,
  bytes: number,
): void {
  if (bytes <= LOOP_BYTES_MAX) {
    for (let i = 0; i < bytes; i += 1) target[to + i] = source[from + i];
    return;
  }
  if (bytes <= PIECE_BYTES) {
    source.copy(target, to, from, from + bytes);
    return;
  }
  copyLarge(source, from, target, to, bytes);
}

function copyLarge(
  source: Buffer<ArrayBufferLike>,
  from: number,
  target: Buffer<ArrayBufferLike>,
  to: number,
  bytes: number,
): void {
  const sameAlignment = ((source.byteOffset + from) & 7) === ((target.byteOffset + to) & 7);
  if (sameAlignment) {
    source.copy(target, to, from, from + bytes);
    return;
  }
  let done = 0;
  while (done < bytes) {
    const piece = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
    source.copy(target, to + done, from + done, from + done + piece);
    done += piece;
  }
}
