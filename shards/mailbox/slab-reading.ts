// Reads what lies in a slab into ordinary memory: the properties of a message there, for those who
// are to understand or change them. Any thread; rare.
import { copyBytes } from '../../src/base/copy.ts';
import { type Slab, SlabCursor } from './slab.ts';

/** Fills `target` with what lies in a slab from the first byte of `page` on. */
export function copyFromSlab(slab: Slab, page: number, target: Buffer): void {
  const from = new SlabCursor();
  from.open(slab, page);
  for (let done = 0; done < target.length; ) {
    const count = from.next(target.length - done);
    copyBytes(slab.bytes, from.at, target, done, count);
    done += count;
  }
}
