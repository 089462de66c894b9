// What all threads reported at about one moment, with the sums that several resources show. Main
// thread. Immutable, and shared by the requests that asked for it.
// A queue that was declared since is in no report: it counts as empty.
import type { QueueReport, ShardReport } from '../../shards/mailbox/control-messages.ts';
import type { ThreadReports } from './source.ts';

export type QueueCounts = Omit<
  QueueReport,
  'id' | 'publishRateLimit' | 'isClosed' | 'singleActiveConsumer'
>;

const EMPTY_QUEUE: QueueReport = Object.freeze({
  id: 0,
  ready: 0,
  unacked: 0,
  onDisk: 0,
  onDiskBytes: 0,
  readyBytes: 0,
  unackedBytes: 0,
  dead: 0,
  deadBytes: 0,
  consumers: 0,
  published: 0,
  delivered: 0,
  acked: 0,
  redelivered: 0,
  publishRateLimit: 0,
  isClosed: false,
  singleActiveConsumer: undefined,
});

/** What the acceptors have counted since they started. */
export interface ClientTotals {
  readonly channels: number;
  readonly published: number;
  readonly unroutable: number;
  /** By basic.deliver: messages that clients got are not in it. */
  readonly delivered: number;
}

export class BrokerSnapshot {
  readonly reports: ThreadReports;
  readonly clients: ClientTotals;
  /** Connections that may not publish now, by their id. */
  readonly blockedConnections: ReadonlySet<number>;
  private readonly queuesById: ReadonlyMap<number, QueueReport>;

  constructor(reports: ThreadReports) {
    this.reports = reports;
    this.queuesById = new Map(
      reports.shards.flatMap(({ queues }) => queues.map((queue) => [queue.id, queue] as const)),
    );
    this.blockedConnections = new Set(
      reports.acceptors.flatMap((report) => report.blockedConnections),
    );
    const clients = { channels: 0, published: 0, unroutable: 0, delivered: 0 };
    for (const { channels, published, unroutable, delivered } of reports.acceptors) {
      clients.channels += channels;
      clients.published += published;
      clients.unroutable += unroutable;
      clients.delivered += delivered;
    }
    this.clients = clients;
  }

  queue(id: number): QueueReport {
    return this.queuesById.get(id) ?? EMPTY_QUEUE;
  }

  /** The sums over these queues. */
  countsOf(queues: Iterable<{ readonly id: number }>): QueueCounts {
    const counts = {
      ready: 0,
      unacked: 0,
      onDisk: 0,
      onDiskBytes: 0,
      readyBytes: 0,
      unackedBytes: 0,
      dead: 0,
      deadBytes: 0,
      consumers: 0,
      published: 0,
      delivered: 0,
      acked: 0,
      redelivered: 0,
    };
    for (const { id } of queues) {
      const queue = this.queue(id);
      counts.ready += queue.ready;
      counts.unacked += queue.unacked;
      counts.onDisk += queue.onDisk;
      counts.onDiskBytes += queue.onDiskBytes;
      counts.readyBytes += queue.readyBytes;
      counts.unackedBytes += queue.unackedBytes;
      counts.dead += queue.dead;
      counts.deadBytes += queue.deadBytes;
      counts.consumers += queue.consumers;
      counts.published += queue.published;
      counts.delivered += queue.delivered;
      counts.acked += queue.acked;
      counts.redelivered += queue.redelivered;
    }
    return counts;
  }
}

/** The queues whose publishers are being slowed. */
export function pacedQueueCount(shard: ShardReport): number {
  return shard.queues.reduce((count, queue) => count + (queue.publishRateLimit > 0 ? 1 : 0), 0);
}

/** The queues that hold their whole memory budget. */
export function closedQueueCount(shard: ShardReport): number {
  return shard.queues.reduce((count, queue) => count + (queue.isClosed ? 1 : 0), 0);
}
