// A request about one queue to its shard, through the ring of the publishes. Acceptor thread.
import { QUEUE_OP_BYTES } from '../../../shards/mailbox/to-shard-layout.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { queueNotFound } from '../../errors/topology-refusals.ts';
import type { QueueSpec } from '../../routing/change.ts';
import type { Channel } from '../channel.ts';
import type { ShardReply } from '../shard-requests.ts';

/**
 * Refuses a queue that its shard has deleted while it was still known here: when all threads have
 * forgotten it, and that is durable. Otherwise the client could know more than they do.
 */
export async function refuseGone(channel: Channel, queue: QueueSpec): Promise<never> {
  const { acceptor, vhost } = channel.connection;
  await acceptor.control.execute({ kind: 'queue-gone', queueId: queue.id });
  throw new AmqpError(queueNotFound(vhost.name, queue.name));
}

/** `kind` is STAT, PURGE or DELETE. Use it within `Channel.whileWaiting`. */
export function askQueue(
  channel: Channel,
  queue: QueueSpec,
  kind: number,
  flags: number,
): Promise<ShardReply> {
  const { acceptor } = channel.connection;
  const { links } = acceptor;
  return new Promise((resolve) => {
    const request = acceptor.requests.add(resolve);
    const link = links[queue.shard];
    link.operate(kind, QUEUE_OP_BYTES, [request, queue.id, flags]);
    acceptor.scheduleTurn();
  });
}
