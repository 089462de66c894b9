// A request about one queue to its shard, through the ring of the publishes. Acceptor thread.
import { QUEUE_OP_BYTES } from '../../../shards/mailbox/to-shard-layout.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { hostOf } from '../../topology/placement.ts';
import type { Channel } from '../channel.ts';
import type { ShardReply } from '../shard-requests.ts';

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
    const link = links[hostOf(queue.shard, links.length)];
    link.operate(kind, QUEUE_OP_BYTES, [request, queue.id, flags]);
    acceptor.scheduleTurn();
  });
}
