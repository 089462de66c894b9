// Tells main how much of this acceptor's slab is used, and of other memory by transactions, for the
// broker's memory watermark: at most every 50 ms, and only when it has changed. Acceptor thread.
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import type { ControlLink } from './control-link.ts';
import type { TransactionSpace } from './transaction-space.ts';

const NOTICE_MILLIS = 50;

export class SlabNotices {
  private readonly slab: SlabAllocator;
  private readonly transactions: TransactionSpace;
  private readonly control: ControlLink;
  private reportedBytes: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(slab: SlabAllocator, transactions: TransactionSpace, control: ControlLink) {
    this.slab = slab;
    this.transactions = transactions;
    this.control = control;
    this.reportedBytes = 0;
    this.timer = undefined;
  }

  /** Call once per turn. */
  changed(): void {
    if (this.timer !== undefined || this.usedBytes === this.reportedBytes) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.report();
    }, NOTICE_MILLIS);
  }

  private get usedBytes(): number {
    const { usedPages } = this.slab;
    return usedPages * SLAB_PAGE_BYTES + this.transactions.heapBytes;
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private report(): void {
    const bytes = this.usedBytes;
    if (bytes === this.reportedBytes) return;
    this.reportedBytes = bytes;
    this.control.notify({ kind: 'slab-used', bytes });
  }
}
