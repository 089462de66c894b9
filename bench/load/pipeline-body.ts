// The bodies of a pipeline: varied, so that a piece of another body shows, and with a checksum that
// says whether what comes out is what went in. Generator's process.
// Invariants: variants are made before the run and never changed; a message is a start of its own
// (frames up to the stamp's end) and the rest of its variant, shared and never copied; neighbours
// in the sequence have different variants.
//
//   body: | sequence number u32 LE | CRC32 of what follows u32 LE | pattern of the variant ...
//         0                        4                              8
import { crc32 } from 'node:zlib';
import { FRAME_OVERHEAD_BYTES, publishFrames } from './frames.ts';

export const CHECKED_FROM = 8;

const VARIANTS_MAX = 16;
const VARIANTS_BYTES_MAX = 64 * 1024 * 1024;

interface Variant {
  readonly frames: Buffer;
  readonly checksum: number;
}

export class PipelineBodies {
  readonly #variants: readonly Variant[];
  readonly #bodyStart: number;

  constructor(queue: string, bodyBytes: number, persistent: boolean, frameBytesMax: number) {
    const affordable = Math.floor(VARIANTS_BYTES_MAX / bodyBytes);
    const count = Math.min(VARIANTS_MAX, Math.max(2, affordable));
    const { bytes, bodyStart } = publishFrames('', queue, bodyBytes, persistent, frameBytesMax);
    this.#bodyStart = bodyStart;
    this.#variants = Array.from({ length: count }, (_, index) => {
      const frames = Buffer.from(bytes);
      const checksum = fillBody(frames, bodyStart, bodyBytes, frameBytesMax, index);
      return { frames, checksum };
    });
  }

  /** The first bytes of message `sequence`, made anew; the rest is `restOf`. */
  startOf(sequence: number): Buffer {
    const { frames, checksum } = this.#variantOf(sequence);
    const start = Buffer.allocUnsafe(this.#bodyStart + CHECKED_FROM);
    frames.copy(start, 0, 0, start.length);
    start.writeUInt32LE(sequence, this.#bodyStart);
    start.writeUInt32LE(checksum, this.#bodyStart + 4);
    return start;
  }

  restOf(sequence: number): Buffer {
    return this.#variantOf(sequence).frames.subarray(this.#bodyStart + CHECKED_FROM);
  }

  checksumOf(sequence: number): number {
    return this.#variantOf(sequence).checksum;
  }

  #variantOf(sequence: number): Variant {
    return this.#variants[sequence % this.#variants.length];
  }
}

/** Writes a variant's pattern over the body frames in `frames`; its checksum. */
function fillBody(
  frames: Buffer,
  bodyStart: number,
  bodyBytes: number,
  frameBytesMax: number,
  variant: number,
): number {
  const pieceBytesMax = frameBytesMax - FRAME_OVERHEAD_BYTES;
  let checksum = 0;
  for (let done = 0; done < bodyBytes; done += pieceBytesMax) {
    const at = bodyStart + done + (done / pieceBytesMax) * FRAME_OVERHEAD_BYTES;
    const piece = frames.subarray(at, at + Math.min(pieceBytesMax, bodyBytes - done));
    // A period that divides no power of two: shifted, cut or swapped pieces differ.
    for (let index = 0; index < piece.length; index += 1) {
      piece[index] = ((done + index) * 7 + variant * 13) % 251;
    }
    checksum = crc32(done === 0 ? piece.subarray(CHECKED_FROM) : piece, checksum);
  }
  return checksum;
}
