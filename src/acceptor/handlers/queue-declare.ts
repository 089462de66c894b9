// queue.declare (specification 1.7.2.1). Acceptor thread. Main decides, except for passive ones;
// the counts of declare-ok come from the queue's shard, through the same ring as publishes, so that
// "publish, then declare" counts what was published.
import { STATUS_NO_QUEUE } from '../../../shards/mailbox/from-shard-layout.ts';
import { STAT } from '../../../shards/mailbox/to-shard-layout.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { queueNotFound } from '../../errors/topology-refusals.ts';
import { ID_QUEUE_DECLARE, type MethodOf } from '../../protocol/methods.generated.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { DIRECT_REPLY_TO, isDirectReplyTo } from '../../routing/hidden-queues.ts';
import type { Channel } from '../channel.ts';
import { assertMayDeclareQueue } from './declare-permissions.ts';
import { findQueue } from './named-queue.ts';
import { askQueue, refuseGone } from './queue-request.ts';

/** How often a declare is repeated that finds its queue just being deleted. */
const ATTEMPTS_MAX = 5;

export function queueDeclare(channel: Channel, method: MethodOf<'queue.declare'>): void {
  if (isDirectReplyTo(method.queue)) {
    answerReplyQueue(channel, method);
    return;
  }
  if (method.passive) {
    // Unlike elsewhere, the empty name does not mean the queue declared last.
    channel.connection.access.assertMaySee('queue', method.queue);
    const queue = findQueue(channel, method.queue);
    if (queue === undefined) {
      throw new AmqpError(queueNotFound(channel.connection.vhost.name, method.queue));
    }
    void channel.whileWaiting(ID_QUEUE_DECLARE, async () => {
      if (!(await answer(channel, method, queue))) await refuseGone(channel, queue);
    });
    return;
  }
  assertMayDeclareQueue(channel, method);
  void channel.whileWaiting(ID_QUEUE_DECLARE, () => declare(channel, method));
}

/** Any declare of it is a passive one; what exists has one consumer, the channel it belongs to. */
function answerReplyQueue(channel: Channel, method: MethodOf<'queue.declare'>): void {
  const { vhost } = channel.connection;
  const { queue } = method;
  if (queue !== DIRECT_REPLY_TO && vhost.routes.queue(queue) === undefined) {
    throw new AmqpError(queueNotFound(vhost.name, queue));
  }
  channel.lastQueueName = queue;
  if (method.nowait) return;
  channel.send({ name: 'queue.declare-ok', queue, messageCount: 0, consumerCount: 1 });
}

async function declare(channel: Channel, method: MethodOf<'queue.declare'>): Promise<void> {
  const { connection } = channel;
  const { control } = connection.acceptor;
  if (method.exclusive) connection.ownsExclusiveQueues = true;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const queue = await control.execute({
      kind: 'declare-queue',
      vhost: connection.vhost.name,
      name: method.queue,
      durable: method.durable,
      exclusive: method.exclusive,
      autoDelete: method.autoDelete,
      arguments: method.arguments,
      connectionId: connection.globalId,
    });
    if (!channel.isOpen) return;
    if (await answer(channel, method, queue!)) return;
    // Its shard deleted the queue (auto-delete) before main had heard of that: now it has.
    await control.execute({ kind: 'queue-gone', queueId: queue!.id });
    // The connection may have ended: an exclusive queue declared now would belong to nobody.
    if (!channel.isOpen) return;
  }
  throw new AmqpError(queueNotFound(connection.vhost.name, method.queue));
}

/** Sends declare-ok with the queue's counts; false when its shard does not know the queue. */
async function answer(
  channel: Channel,
  method: MethodOf<'queue.declare'>,
  queue: QueueSpec,
): Promise<boolean> {
  const reply = await askQueue(channel, queue, STAT, 0);
  if (reply.status === STATUS_NO_QUEUE) return false;
  if (!channel.isOpen) return true;
  channel.lastQueueName = queue.name;
  if (!method.nowait) {
    channel.send({
      name: 'queue.declare-ok',
      queue: queue.name,
      messageCount: reply.a,
      consumerCount: reply.b,
    });
  }
  return true;
}
