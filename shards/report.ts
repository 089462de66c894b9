// A shard's answer to "what do you hold?", for listings and metrics. Shard thread, cold.
import type { QueueReport, ShardReport } from './mailbox/control-messages.ts';
import type { ShardState } from './shard-state.ts';

export function reportOf(state: ShardState): ShardReport {
  const queues: QueueReport[] = [];
  for (const queue of state.queues.values()) {
    queues.push({
      id: queue.id,
      ready: queue.ready.length,
      unacked: queue.unackedCount,
      onDisk: queue.onDiskCount,
      onDiskBytes: queue.onDiskBytes,
      readyBytes: queue.readyBytes,
      unackedBytes: queue.unackedBytes,
      consumers: queue.consumers.size,
      published: queue.publishedCount,
      delivered: queue.deliveredCount,
      acked: queue.ackedCount,
      redelivered: queue.redeliveredCount,
      publishRateLimit: state.governor.rateOf(queue),
      isClosed: queue.isClosed,
    });
  }
  const { store } = state;
  return {
    log: state.storage?.report(),
    queues,
    messages: store.messageCount,
    arenaBytes: store.arenaBytes,
    liveBytes: store.liveBytes,
    slabMessages: store.slabMessageCount,
  };
}
