// The one way bytes are copied on the hot path, in every thread.
// Measured on Node 24.21, AMD EPYC, two cores (bench/micro/copy.bench.ts), ns per copy:
//
//   bytes                            16    64   256   1024   2048   16384   65536
//   byte loop                        16    70   300   1300      -       -       -
//   Buffer.copy                      42    44    46    100    110     260    1300
//   Buffer.copy, unlucky distance    42    44    46    100    110    4750   19000
//   the same in pieces of 2 KiB                                       560    2650
//   TypedArray.set                   60    90   130    340    600    5000       -
//
// The unlucky distance: a target that lies 1 to 15 bytes behind the source modulo 4096. Each
// store then seems to hit what the copy is about to load (4 KiB aliasing), and memmove crawls
// beyond 2 KiB.
// The whole of a source at once is another case: Buffer.copy then calls TypedArray.set, which to
// shared memory is slower (bench/ceilings). What is read into is therefore a little longer than any
// read (ReadBuffer in src/acceptor/listener.ts).
// So: a loop for the smallest, one Buffer.copy where it is fast, and pieces where it would not be.
// Large buffers begin at equal offsets within their pages, so offsets tell the distance; where they
// do not, the copy is right all the same and merely slower.

const LOOP_BYTES_MAX = 24;
const PIECE_BYTES = 2048;
const PAGE_MASK = 4095;
const UNLUCKY_DISTANCE_MAX = 15;

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
  const distance = (target.byteOffset + to - source.byteOffset - from) & PAGE_MASK;
  if (distance === 0 || distance > UNLUCKY_DISTANCE_MAX) {
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
