// queue.purge (specification 1.7.2.7): drops what is ready, not what is unacked. Acceptor thread.
import { STATUS_NO_QUEUE } from '../../../shards/mailbox/from-shard-layout.ts';
import { PURGE } from '../../../shards/mailbox/to-shard-layout.ts';
import { ID_QUEUE_PURGE, type MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';
import { namedQueue } from './named-queue.ts';
import { askQueue, refuseGone } from './queue-request.ts';

export function queuePurge(channel: Channel, method: MethodOf<'queue.purge'>): void {
  const queue = namedQueue(channel, method.queue);
  void channel.whileWaiting(ID_QUEUE_PURGE, async () => {
    const reply = await askQueue(channel, queue, PURGE, 0);
    if (reply.status === STATUS_NO_QUEUE) await refuseGone(channel, queue);
    if (channel.isOpen && !method.nowait) {
      channel.send({ name: 'queue.purge-ok', messageCount: reply.a });
    }
  });
}
