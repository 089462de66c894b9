// Tells main how much of this acceptor's slab is used, for the broker's memory watermark: at most
// every 50 ms, and only when it has changed. Acceptor thread.
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import type { ControlLink } from './control-link.ts';

const NOTICE_MILLIS = 50;

export class SlabNotices {
  private readonly slab: SlabAllocator;
  private readonly control: ControlLink;
  private reportedFreePages: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(slab: SlabAllocator, control: ControlLink) {
    this.slab = slab;
    this.control = control;
    this.reportedFreePages = slab.freePages;
    this.timer = undefined;
  }

  /** Call once per turn. */
  changed(): void {
    if (this.timer !== undefined || this.slab.freePages === this.reportedFreePages) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.report();
    }, NOTICE_MILLIS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private report(): void {
    const { freePages, pageCount } = this.slab;
    if (freePages === this.reportedFreePages) return;
    this.reportedFreePages = freePages;
    this.control.notify({ kind: 'slab-used', bytes: (pageCount - freePages) * SLAB_PAGE_BYTES });
  }
}
