// A shard's answer to "what do you hold?" and "who consumes?", for listings and metrics. Shard
// thread, cold: plain data, as of this moment.
import type {
  ConsumerActivity,
  ConsumerReport,
  QueueReport,
  ShardReport,
} from './mailbox/control-messages.ts';
import type { Consumer } from './consumer/consumer.ts';
import type { ShardState } from './shard-state.ts';

export function reportOf(state: ShardState): ShardReport {
  const queues: QueueReport[] = [];
  for (const queue of state.queues.values()) {
    queues.push({
      id: queue.id,
      ready: queue.ready.length + (queue.depot?.count ?? 0),
      unacked: queue.unackedCount,
      onDisk: queue.onDiskCount + (queue.depot?.count ?? 0),
      onDiskBytes: queue.onDiskBytes + (queue.depot?.bytes ?? 0),
      readyBytes: queue.readyBytes + (queue.depot?.bytes ?? 0),
      unackedBytes: queue.unackedBytes,
      dead: queue.rules.deadCount,
      deadBytes: queue.rules.deadBytes,
      consumers: queue.consumers.size,
      published: queue.publishedCount,
      delivered: queue.deliveredCount,
      acked: queue.ackedCount,
      redelivered: queue.redeliveredCount,
      publishRateLimit: state.governor.rateOf(queue),
      isClosed: queue.isClosed,
      singleActiveConsumer: queue.singleActive?.active?.tag,
      nextDue: queue.delayed?.nextDue,
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
    deaths: state.forwards.deaths.report(),
  };
}

/** Apart from the report, which is asked for often and should not grow with the consumers. */
export function consumersOf(state: ShardState): ConsumerReport[] {
  const consumers: ConsumerReport[] = [];
  for (const port of state.ports) {
    for (const { number, window, consumers: ofChannel } of port.channels.values()) {
      for (const consumer of ofChannel) {
        const { queue } = consumer;
        consumers.push({
          queueId: queue.id,
          tag: consumer.tag,
          acceptor: port.acceptor,
          connection: window.connection,
          channel: number,
          noAck: consumer.noAck,
          exclusive: consumer.exclusive,
          prefetch: consumer.prefetch,
          priority: consumer.priority,
          unacked: consumer.unacked,
          activity: activityOf(consumer),
        });
      }
    }
  }
  return consumers;
}

function activityOf(consumer: Consumer): ConsumerActivity {
  const { singleActive } = consumer.queue;
  if (singleActive === undefined) return 'up';
  return singleActive.active === consumer ? 'single_active' : 'waiting';
}
