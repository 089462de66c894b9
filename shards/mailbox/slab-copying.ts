// Copies between ordinary memory and a slab, whose bodies are chains of runs. Any thread; hot where
// large bodies come in, and where they are too small to be sent from where they lie.
import { copyBytes } from '../../src/base/copy.ts';
import { type Slab, SlabCursor } from './slab.ts';

/** Copies `count` bytes of `source` from `from` on to where `cursor` stands, and moves it on. */
export function copyIntoSlab(
  slab: Slab,
  cursor: SlabCursor,
  source: Buffer<ArrayBufferLike>,
  from: number,
  count: number,
): void {
  let done = 0;
  while (done < count) {
    const piece = cursor.next(count - done);
    copyBytes(source, from + done, slab.bytes, cursor.at, piece);
    done += piece;
  }
}

/** Copies `count` bytes from where `cursor` stands to `target` at `to`, and moves it on. */
export function copyFromSlab(
  slab: Slab,
  cursor: SlabCursor,
  target: Buffer<ArrayBufferLike>,
  to: number,
  count: number,
): void {
  let done = 0;
  while (done < count) {
    const piece = cursor.next(count - done);
    copyBytes(slab.bytes, cursor.at, target, to + done, piece);
    done += piece;
  }
}

/** Fills `target` with what lies in a slab from the first byte of `page` on. Rare. */
export function readSlab(slab: Slab, page: number, target: Buffer): void {
  const cursor = new SlabCursor();
  cursor.open(slab, page);
  copyFromSlab(slab, cursor, target, 0, target.length);
}
