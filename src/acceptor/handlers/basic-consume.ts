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
  replyConsumerAlreadySet,
  replyConsumerWithAcks,
  invalidTimeoutArgument,
} from '../../errors/channel-refusals.ts';
import { channelConsumerLimit } from '../../errors/limit-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { type FieldTable, typeNameOf } from '../../protocol/field-table.ts';
import { ID_BASIC_CONSUME, type MethodOf } from '../../protocol/methods.generated.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { DIRECT_REPLY_TO } from '../../routing/hidden-queues.ts';
import type { Channel } from '../channel.ts';
import { ClientConsumer } from '../client-consumer.ts';
import { serverTag } from '../server-names.ts';
import { namedQueue, queueNameOf } from './named-queue.ts';
import { refuseGone } from './queue-request.ts';

const INT32_MAX = 0x7fff_ffff;

export function basicConsume(channel: Channel, method: MethodOf<'basic.consume'>): void {
  assertRoom(channel, method.consumerTag);
  const name = queueNameOf(channel, method.queue);
  if (name === DIRECT_REPLY_TO) {
    consumeReplies(channel, method, newTag(channel, method));
    return;
  }
  const queue = namedQueue(channel, name);
  subscribe(channel, method, queue, newTag(channel, method));
}

function newTag(channel: Channel, { consumerTag }: MethodOf<'basic.consume'>): string {
  if (channel.consumers.has(consumerTag)) throw new AmqpError(consumerTagInUse(consumerTag));
  return consumerTag === '' ? serverTag() : consumerTag;
}

/**
 * Makes the queue's shard know the consumer and answers the client; returns the consumer at once.
 */
function subscribe(
  channel: Channel,
  method: MethodOf<'basic.consume'>,
  queue: QueueSpec,
  tag: string,
): ClientConsumer {
  const priority = priorityOf(channel, queue, method.arguments);
  const timeout = timeoutOf(channel, queue, method.arguments);
  const { acceptor } = channel.connection;
  const link = channel.linkTo(queue.shard);
  const id = acceptor.ids.take();
  const prefetch = method.noAck ? 0 : channel.consumerPrefetch;
  const { noAck, exclusive: isExclusive, arguments: args } = method;
  const request = { noAck, isExclusive, prefetch, arguments: args };
  const consumer = new ClientConsumer(id, channel, tag, queue, link, request);
  channel.addConsumer(consumer);
  acceptor.consumers.set(id, consumer);
  const flags =
    (method.noAck ? layout.CONSUME_NO_ACK_FLAG : 0) |
    (method.exclusive ? layout.CONSUME_EXCLUSIVE_FLAG : 0);
  const { tagBytes } = consumer;
  const words = [queue.id, channel.id, id, flags, prefetch, priority, timeout];
  words.push(tagBytes.length, 0, ...layout.wordsOfBytes(tagBytes));
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
  return consumer;
}

/** Direct reply-to: makes the queue behind it, then consumes from that. */
function consumeReplies(channel: Channel, method: MethodOf<'basic.consume'>, tag: string): void {
  if (!method.noAck) throw new AmqpError(replyConsumerWithAcks());
  if (channel.replyConsumer?.isGone === false) throw new AmqpError(replyConsumerAlreadySet());
  const { connection } = channel;
  const { control } = connection.acceptor;
  connection.ownsExclusiveQueues = true;
  channel.wait();
  const declaring = control.execute({
    kind: 'declare-reply-queue',
    vhost: connection.vhost.name,
    connectionId: connection.globalId,
  });
  declaring.then(
    (queue) => {
      // It goes with the connection, or has gone.
      if (!channel.isOpen) return channel.resume();
      // Arguments mean nothing here (nor to RabbitMQ), so nothing is refused any more.
      const plain = { ...method, exclusive: false, arguments: {} };
      channel.replyConsumer = subscribe(channel, plain, queue!, tag);
    },
    (error: unknown) => {
      if (!(error instanceof AmqpError)) throw error;
      if (channel.isOpen) connection.refuse(error.refusal, channel, ID_BASIC_CONSUME);
      channel.resume();
    },
  );
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

/**
 * x-consumer-timeout, in milliseconds: it counts whatever queue and configuration say
 * (consumer_timeouts.md of RabbitMQ 4.3).
 */
function timeoutOf(channel: Channel, queue: QueueSpec, args: FieldTable): number {
  const value = args['x-consumer-timeout'];
  if (value === undefined) return layout.NO_TIMEOUT;
  // Longer than 24 days is for ever.
  if (typeof value === 'bigint' && value >= 0n) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    return value > INT32_MAX ? 0 : value;
  }
  const received = typeof value === 'number' ? String(value) : typeNameOf(value);
  const { vhost } = channel.connection;
  throw new AmqpError(invalidTimeoutArgument(queue.name, vhost.name, received));
}
