// BLOCK records: packed and unpacked with LZ4, in the plain block format (no size in front: it
// stands in the record). Main and shard threads; compression runs on Node's thread pool.
// lz4-napi puts the size, a little-endian u32, in front; it is cut off and put there again. The
// package is loaded when the first BLOCK comes by.
import type * as Lz4 from 'lz4-napi';
import { COMPRESSED } from '../log.ts';
import { BLOCK_HEADER_BYTES } from '../record-format.ts';

const SIZE_BYTES = 4;
let loaded: Promise<typeof Lz4> | undefined;

async function lz4(): Promise<typeof Lz4> {
  loaded ??= import('lz4-napi');
  return loaded;
}

/** The LZ4 block of some bytes, which must not change meanwhile. */
export async function compressBlock(raw: Uint8Array): Promise<Uint8Array> {
  const { compress } = await lz4();
  return (await compress(raw)).subarray(SIZE_BYTES);
}

/** The records in the BLOCK at `at`, whose checksum was right; undefined when they are garbled. */
export async function unpackBlock(view: DataView, at: number): Promise<Uint8Array | undefined> {
  const rawBytes = view.getUint32(at + 16, true);
  const packedBytes = view.getUint32(at + 20, true);
  const start = view.byteOffset + at + BLOCK_HEADER_BYTES;
  if ((view.getUint8(at + 9) & COMPRESSED) === 0) {
    return packedBytes === rawBytes
      ? new Uint8Array(view.buffer, start, rawBytes).slice()
      : undefined;
  }
  const sized = new Uint8Array(SIZE_BYTES + packedBytes);
  new DataView(sized.buffer).setUint32(0, rawBytes, true);
  sized.set(new Uint8Array(view.buffer, start, packedBytes), SIZE_BYTES);
  const { uncompressSync } = await lz4();
  try {
    const raw = uncompressSync(sized);
    return raw.byteLength === rawBytes ? raw : undefined;
  } catch {
    return undefined;
  }
}
