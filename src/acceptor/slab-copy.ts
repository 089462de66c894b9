// Copies into slabs, from another or from ordinary memory, for messages that are to have other
// properties than they came with. Acceptor thread, rare.
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { copyIntoSlab } from '../../shards/mailbox/slab-copying.ts';
import { NO_PAGE, type Slab, SlabCursor } from '../../shards/mailbox/slab.ts';

export interface BodyPlace {
  readonly slab: Slab;
  readonly page: number;
  /** Bytes of the chain that begins at `page` before the body. */
  readonly skip: number;
  readonly bodyBytes: number;
}

/** The first page of a copy of `bytes`, or NO_PAGE when there is no room now. */
export function moveToSlab(allocator: SlabAllocator, bytes: Buffer): number {
  const page = allocator.allocate(bytes.length);
  if (page === NO_PAGE) return NO_PAGE;
  const to = new SlabCursor();
  to.open(allocator.slab, page);
  copyIntoSlab(allocator.slab, to, bytes, 0, bytes.length);
  return page;
}

/**
 * Properties first, then a body of another place: the first page of the copy, or NO_PAGE when there
 * is no room now.
 */
export function copyToSlab(allocator: SlabAllocator, props: Buffer, body: BodyPlace): number {
  const page = allocator.allocate(props.length + body.bodyBytes);
  if (page === NO_PAGE) return NO_PAGE;
  const to = new SlabCursor();
  to.open(allocator.slab, page);
  copyIntoSlab(allocator.slab, to, props, 0, props.length);
  const from = new SlabCursor();
  from.open(body.slab, body.page);
  from.skip(body.skip);
  for (let left = body.bodyBytes; left > 0; ) {
    const readable = from.next(left);
    copyIntoSlab(allocator.slab, to, body.slab.bytes, from.at, readable);
    left -= readable;
  }
  return page;
}
