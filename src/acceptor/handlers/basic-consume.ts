// basic.consume (specification 1.8.3.3). Acceptor thread. consume-ok is sent from within the drain
// of the shard's ring, so it precedes the consumer's first delivery.
import {
  STATUS_EXCLUSIVE_CONSUMER,
  STATUS_NO_QUEUE,
} from '../../../shards/mailbox/from-shard-layout.ts';
import * as layout from '../../../shards/mailbox/to-shard-layout.ts';
import {
  consumerTagInUse,
  exclusiveConsumerRefused,
  invalidPriorityArgument,
} from '../../errors/channel-refusals.ts';
import { channelConsumerLimit } from '../../errors/limit-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { type FieldTable, typeNameOf } from '../../protocol/field-table.ts';
import { ID_BASIC_CONSUME, type MethodOf } from '../../protocol/methods.generated.ts';
import type { QueueSpec } from '../../routing/change.ts';
import type { Channel } from '../channel.ts';
import { ClientConsumer } from '../client-consumer.ts';
import { serverTag } from '../server-names.ts';
import { namedQueue } from './named-queue.ts';
import { refuseGone } from './queue-request.ts';

const INT32_MAX = 0x7fff_ffff;

export function basicConsume(channel: Channel, method: MethodOf<'basic.consume'>): void {
  assertRoom(channel, method.consumerTag);
  const queue = namedQueue(channel, method.queue);
  const tag = method.consumerTag === '' ? serverTag() : method.consumerTag;
  if (channel.consumers.has(tag)) throw new AmqpError(consumerTagInUse(tag));
  const priority = priorityOf(channel, queue, method.arguments);
  const { acceptor } = channel.connection;
  const link = channel.linkTo(queue.shard);
  const id = acceptor.ids.take();
  const prefetch = method.noAck ? 0 : channel.consumerPrefetch;
  const { noAck, exclusive: isExclusive, arguments: args } = method;
  const request = { noAck, isExclusive, prefetch, arguments: args };
  const consumer = new ClientConsumer(id, channel, tag, queue, link, request);
  channel.consumers.set(tag, consumer);
  acceptor.consumers.set(id, consumer);
  const flags =
    (method.noAck ? layout.CONSUME_NO_ACK_FLAG : 0) |
    (method.exclusive ? layout.CONSUME_EXCLUSIVE_FLAG : 0);
  const { tagBytes } = consumer;
  const words = [queue.id, channel.id, id, flags, prefetch, priority, tagBytes.length];
  words.push(...layout.consumeTagWords(tagBytes));
  const recordBytes = layout.consumeRecordBytes(tagBytes.length);
  channel.ask(link, layout.CONSUME, recordBytes, words, ID_BASIC_CONSUME, (reply) => {
    if (reply.status === STATUS_NO_QUEUE || reply.status === STATUS_EXCLUSIVE_CONSUMER) {
      acceptor.forgetConsumer(consumer);
      channel.consumers.delete(tag);
      if (reply.status === STATUS_NO_QUEUE) return refuseGone(channel, queue);
      throw new AmqpError(exclusiveConsumerRefused(channel.connection.vhost.name, queue.name));
    }
    if (!method.nowait) channel.send({ name: 'basic.consume-ok', consumerTag: tag });
  });
}

/** RabbitMQ looks at this before the queue; a tag in use is refused as such. */
function assertRoom(channel: Channel, tag: string): void {
  const { consumerMaxPerChannel: max } = channel.connection.acceptor.config;
  if (max === 0 || channel.consumers.size < max || channel.consumers.has(tag)) return;
  throw new AmqpError(channelConsumerLimit(max));
}

/** x-priority: https://www.rabbitmq.com/docs/consumer-priority. Any integer; 0 when absent. */
function priorityOf(channel: Channel, queue: QueueSpec, args: FieldTable): number {
  const value = args['x-priority'];
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isInteger(value)) {
    return Math.max(-INT32_MAX, Math.min(INT32_MAX, value));
  }
  if (typeof value === 'bigint') return value > 0n ? INT32_MAX : -INT32_MAX;
  throw new AmqpError(
    invalidPriorityArgument(queue.name, channel.connection.vhost.name, typeNameOf(value)),
  );
}
