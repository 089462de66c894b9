// Looks up the queue that a method names. Acceptor thread. An empty name means the queue last
// declared on the channel (specification 1.7.2.3); an exclusive queue belongs to one connection.
import { noLastQueue } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { companionQueue, queueLocked, queueNotFound } from '../../errors/topology-refusals.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { isDirectReplyTo } from '../../routing/hidden-queues.ts';
import type { Channel } from '../channel.ts';
import type { ClientConsumer } from '../client-consumer.ts';

export function queueNameOf(channel: Channel, name: string): string {
  if (name !== '') return name;
  if (channel.lastQueueName === '') throw new AmqpError(noLastQueue());
  return channel.lastQueueName;
}

/**
 * The queue, or undefined when there is none. Throws 405 for another connection's exclusive one,
 * 403 for one in which an exchange keeps its messages.
 */
export function findQueue(channel: Channel, name: string): QueueSpec | undefined {
  const { connection } = channel;
  // As in RabbitMQ there is no queue of that name, whatever stands behind it.
  if (isDirectReplyTo(name)) return undefined;
  const queue = connection.vhost.routes.queue(name);
  if (queue === undefined) return undefined;
  if (queue.companion !== undefined) {
    throw new AmqpError(companionQueue(connection.vhost.name, name, queue.companion.exchange));
  }
  if (queue.exclusiveOwner !== 0 && queue.exclusiveOwner !== connection.globalId) {
    throw new AmqpError(queueLocked(connection.vhost.name, name));
  }
  return queue;
}

/**
 * The queue that a method reads. Throws 403 when the user may not read it, 404 when there is none,
 * 405 when it is locked.
 */
export function namedQueue(channel: Channel, name: string): QueueSpec {
  const queueName = queueNameOf(channel, name);
  channel.connection.access.assertMay('read', 'queue', queueName);
  const queue = findQueue(channel, queueName);
  if (queue === undefined) {
    throw new AmqpError(queueNotFound(channel.connection.vhost.name, queueName));
  }
  return queue;
}

/**
 * Resolves when no thread knows the queue behind a reply consumer any more, whose shard has deleted
 * it: a mandatory reply sent after that is returned.
 */
export async function forgetReplyQueue(consumer: ClientConsumer): Promise<void> {
  const { control } = consumer.channel.connection.acceptor;
  await control.execute({ kind: 'queue-gone', queueId: consumer.queue.id });
}
