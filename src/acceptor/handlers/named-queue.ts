// Looks up the queue that a method names. Acceptor thread. An empty name means the queue last
// declared on the channel (specification 1.7.2.3); an exclusive queue belongs to one connection.
import { noLastQueue } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { companionQueue, queueLocked, queueNotFound } from '../../errors/topology-refusals.ts';
import type { QueueSpec } from '../../routing/change.ts';
import type { Channel } from '../channel.ts';

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

/** The queue that a method names. Throws 404 when there is none, 405 when it is locked. */
export function namedQueue(channel: Channel, name: string): QueueSpec {
  const queueName = queueNameOf(channel, name);
  const queue = findQueue(channel, queueName);
  if (queue === undefined) {
    throw new AmqpError(queueNotFound(channel.connection.vhost.name, queueName));
  }
  return queue;
}
