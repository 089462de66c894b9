// How much all transactions of one acceptor hold that is not committed. Acceptor thread.
//
// Large bodies wait for their commit in the acceptor's slab. Were they allowed to fill it, no
// publish could come in until one commits, and the next publish of a transaction might be what its
// client wants to send before it commits: a deadlock. So all transactions together get half of the
// slab, and a publish beyond that is refused, not stalled. What lies in ordinary memory counts too.
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';

const SLAB_SHARE = 0.5;

export class TransactionSpace {
  readonly bytesMax: number;
  /** Of all kinds, and those that are in no slab. */
  usedBytes: number;
  heapBytes: number;

  constructor(slab: SlabAllocator) {
    this.bytesMax = slab.pageCount * SLAB_PAGE_BYTES * SLAB_SHARE;
    this.usedBytes = 0;
    this.heapBytes = 0;
  }

  take(bytes: number, isSlab: boolean): void {
    this.usedBytes += bytes;
    if (!isSlab) this.heapBytes += bytes;
  }

  giveBack(bytes: number, isSlab: boolean): void {
    this.take(-bytes, isSlab);
  }
}
