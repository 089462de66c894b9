// Why a connection may not publish now, and when it may again. Acceptor thread.
//
//   AlarmBlock   memory or disk is low (main says so; of one virtual host, or for all)
//   QueuePace    a queue's gate is closed (queue-pace.ts; its shard says so)
//   SlabBlock    the memory for large bodies is full
//
// A block is told to the client by connection.blocked with a reason in words (RabbitMQ docs,
// "Blocked Connection Notifications"). Full rings and rates are no blocks: they pass in moments.
import { readableSize } from '../base/readable-size.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import { REOPEN_SHARE } from '../../shards/mailbox/budget-shares.ts';
import type { Connection } from './connection.ts';
import type { DiskAlarm, ResourceAlarm } from './control-messages.ts';

export interface PublishBlock {
  /** It still stands: there is no point in trying again. */
  readonly isInForce: boolean;
  /** For the client. Its beginning is what matters: a short string holds 255 bytes. */
  reasonFor(connection: Connection): string;
}

export class AlarmBlock implements PublishBlock {
  alarm: ResourceAlarm;
  isInForce: boolean;

  constructor(alarm: ResourceAlarm) {
    this.alarm = alarm;
    this.isInForce = true;
  }

  reasonFor(): string {
    const { alarm } = this;
    if (alarm.resource === 'disk') return lowDiskReason(alarm);
    const { vhost, usedBytes, limitBytes } = alarm;
    const figures = `${readableSize(usedBytes)} of ${readableSize(limitBytes)}`;
    if (vhost === undefined) {
      return `low on memory: messages take ${figures} (vm_memory_high_watermark); consume some`;
    }
    // Names come last: they may be long, and what is too long is cut.
    return `virtual host is low on memory: it holds ${figures} (memory.vhost_budget): ${vhost}`;
  }
}

function lowDiskReason({ freeBytes, limitBytes, shortLogs }: DiskAlarm): string {
  const free = freeBytes === undefined ? '' : `${readableSize(freeBytes)} free`;
  const [log] = shortLogs;
  // Logs leave the limit free, so one without room is mostly the limit's doing.
  const isLimit = log === undefined || (freeBytes !== undefined && freeBytes < limitBytes);
  const why = isLimit
    ? `${free}, ${readableSize(limitBytes)} must be (disk_free_limit)`
    : `the ${log} log has no room to grow${free === '' ? '' : `, ${free}`}`;
  return `low on disk: ${why}; make room in the broker's data directory or consume some messages`;
}

export function fullQueueReason({ acceptor, vhost }: Connection, queueId: number): string {
  const name = vhost.routes.queueById(queueId)?.name ?? '';
  const budget = readableSize(acceptor.config.queueBudgetBytes);
  return `queue is low on memory: it holds all of its ${budget} (memory.queue_budget): ${name}`;
}

export class SlabBlock implements PublishBlock {
  private readonly slab: SlabAllocator;

  constructor(slab: SlabAllocator) {
    this.slab = slab;
  }

  /** Open again below 90 %, or a client would be told of every message that finds room. */
  get isInForce(): boolean {
    return this.slab.availablePages < this.slab.pageCount * (1 - REOPEN_SHARE);
  }

  reasonFor(): string {
    const { pageCount, usedPages } = this.slab;
    const used = readableSize(usedPages * SLAB_PAGE_BYTES);
    const all = readableSize(pageCount * SLAB_PAGE_BYTES);
    return `large-body memory is full: large messages take ${used} of ${all}; consume some`;
  }
}
