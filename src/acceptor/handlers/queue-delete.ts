// queue.delete (specification 1.7.2.9). Acceptor thread. The queue's shard decides, since only it
// knows consumers and messages; main then forgets the queue, and delete-ok follows when all threads
// have. Deleting a queue that does not exist is ok (RabbitMQ, docs/specification).
import {
  STATUS_IN_USE,
  STATUS_NOT_EMPTY,
  STATUS_OK,
} from '../../../shards/mailbox/from-shard-layout.ts';
import {
  DELETE,
  DELETE_IF_EMPTY_FLAG,
  DELETE_IF_UNUSED_FLAG,
} from '../../../shards/mailbox/to-shard-layout.ts';
import { queueInUse, queueNotEmpty } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { ID_QUEUE_DELETE, type MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';
import { findQueue, queueNameOf } from './named-queue.ts';
import { askQueue } from './queue-request.ts';

export function queueDelete(channel: Channel, method: MethodOf<'queue.delete'>): void {
  const name = queueNameOf(channel, method.queue);
  const { vhost, acceptor, access } = channel.connection;
  const sendOk = (messageCount: number): void => {
    if (!method.nowait) channel.send({ name: 'queue.delete-ok', messageCount });
  };
  access.assertMay('configure', 'queue', name);
  const queue = findQueue(channel, name);
  if (queue === undefined) {
    sendOk(0);
    return;
  }
  const flags =
    (method.ifUnused ? DELETE_IF_UNUSED_FLAG : 0) | (method.ifEmpty ? DELETE_IF_EMPTY_FLAG : 0);
  void channel.whileWaiting(ID_QUEUE_DELETE, async () => {
    const reply = await askQueue(channel, queue, DELETE, flags);
    if (reply.status === STATUS_IN_USE) throw new AmqpError(queueInUse(vhost.name, name));
    if (reply.status === STATUS_NOT_EMPTY) throw new AmqpError(queueNotEmpty(vhost.name, name));
    await acceptor.control.execute({ kind: 'queue-gone', queueId: queue.id });
    if (channel.isOpen) sendOk(reply.status === STATUS_OK ? reply.a : 0);
  });
}
