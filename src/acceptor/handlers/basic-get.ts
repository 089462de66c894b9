// basic.get (specification 1.8.3.10). Acceptor thread.
import { STATUS_EMPTY, STATUS_NO_QUEUE } from '../../../shards/mailbox/from-shard-layout.ts';
import * as layout from '../../../shards/mailbox/to-shard-layout.ts';
import { getOnSingleActiveQueue } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { ID_BASIC_GET, type MethodOf } from '../../protocol/methods.generated.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { queueSettings } from '../../routing/queue-settings.ts';
import type { Channel } from '../channel.ts';
import { namedQueue } from './named-queue.ts';
import { refuseGone } from './queue-request.ts';

export function basicGet(channel: Channel, method: MethodOf<'basic.get'>): void {
  const queue = namedQueue(channel, method.queue);
  assertGettable(channel, queue);
  const { acceptor } = channel.connection;
  const link = channel.linkTo(queue.shard);
  const words = [queue.id, channel.id, method.noAck ? 1 : 0];
  channel.ask(link, layout.GET, layout.GET_BYTES, words, ID_BASIC_GET, (reply) => {
    if (reply.status === STATUS_NO_QUEUE) return refuseGone(channel, queue);
    if (reply.status === STATUS_EMPTY) channel.send({ name: 'basic.get-empty' });
    else acceptor.deliveries.answerGet(channel, link, reply.at, queue.name, method.noAck);
  });
}

/** Only the active consumer gets a quorum queue's messages; classic queues are less strict. */
function assertGettable(channel: Channel, queue: QueueSpec): void {
  // Most queues have no arguments, and then there is nothing to work out.
  if (queue.arguments['x-single-active-consumer'] !== true) return;
  if (!queueSettings(queue).isQuorum) return;
  const { vhost } = channel.connection;
  throw new AmqpError(getOnSingleActiveQueue(vhost.name, queue.name, 'quorum'));
}
