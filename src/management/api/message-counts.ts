// Message counts under RabbitMQ's names. Main thread, pure.
import type { QueueCounts } from '../broker-snapshot.ts';

type Held = Pick<QueueCounts, 'ready' | 'unacked' | 'dead'>;

/** What is in queues now. */
export function queueTotals({ ready, unacked, dead }: Held): object {
  return {
    messages: ready + unacked + dead,
    messages_ready: ready,
    messages_unacknowledged: unacked,
  };
}

type BytesHeld = Pick<QueueCounts, 'readyBytes' | 'unackedBytes' | 'deadBytes'>;

/** Routing keys, properties and bodies of what is in queues now. */
export function queueBytes({ readyBytes, unackedBytes, deadBytes }: BytesHeld): object {
  return {
    message_bytes: readyBytes + unackedBytes + deadBytes,
    message_bytes_ready: readyBytes,
    message_bytes_unacknowledged: unackedBytes,
  };
}

/** Of it: dead letters that must not be lost and that no queue has taken yet. */
export function queueDead({ dead, deadBytes }: Pick<QueueCounts, 'dead' | 'deadBytes'>): object {
  return { messages_dlx: dead, message_bytes_dlx: deadBytes };
}

type Residence = Pick<
  QueueCounts,
  'ready' | 'unacked' | 'onDisk' | 'onDiskBytes' | 'readyBytes' | 'unackedBytes'
>;

/** Which of it is in memory (on disk as well or not), and which on disk only. */
export function queueResidence(counts: Residence): object {
  const readyInMemory = counts.ready - counts.onDisk;
  return {
    messages_ram: readyInMemory + counts.unacked,
    messages_ready_ram: readyInMemory,
    messages_unacknowledged_ram: counts.unacked,
    messages_paged_out: counts.onDisk,
    message_bytes_ram: counts.readyBytes + counts.unackedBytes - counts.onDiskBytes,
    message_bytes_paged_out: counts.onDiskBytes,
  };
}

/** What has happened to queues that still exist. `deliver_get`: by basic.deliver or basic.get. */
export function messageStats(counts: QueueCounts): object {
  return {
    publish: counts.published,
    deliver_get: counts.delivered,
    ack: counts.acked,
    redeliver: counts.redelivered,
  };
}
