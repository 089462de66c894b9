// Layout of a single-producer single-consumer byte ring in a SharedArrayBuffer. Any thread.
//
//   word   0   tail  free-running byte position, written by the producer only
//   word  32   head  free-running byte position, written by the consumer only
//   word  64   wanted, 1 while the producer waits for space and asks to be woken
//   word  96   data, a power of two of bytes
//
// Each is 128 bytes from the next: two cache lines, against adjacent-line prefetch.
// A record: [i32 bytes, header included, a multiple of 8][i32 kind and flags][payload ...].
// A record never wraps: when it does not fit before the end, a PAD record fills the rest.

export const TAIL_WORD = 0;
export const HEAD_WORD = 32;
export const SPACE_WANTED_WORD = 64;
export const DATA_WORD = 96;

export const RECORD_HEADER_BYTES = 8;

/** Kind of the record that fills the space before the end of the ring. Users start at 1. */
export const PAD_KIND = 0;

const RING_BYTES_MIN = 4096;
const RING_BYTES_MAX = 2 ** 29;

/** The largest record a ring of this size takes: an eighth, so that several always fit. */
export function recordBytesMax(ringBytes: number): number {
  return ringBytes / 8;
}

/** Allocates a ring with `ringBytes` of data, a power of two. */
export function allocateRing(ringBytes: number): SharedArrayBuffer {
  const isPowerOfTwo = Number.isInteger(Math.log2(ringBytes));
  if (!isPowerOfTwo || ringBytes < RING_BYTES_MIN || ringBytes > RING_BYTES_MAX) {
    throw new RangeError(
      `a ring needs a power of two between ${RING_BYTES_MIN} and ${RING_BYTES_MAX} bytes, ` +
        `got ${ringBytes}`,
    );
  }
  return new SharedArrayBuffer(DATA_WORD * 4 + ringBytes);
}
