// A shard says that a delivery has not been acked in time (shards/work/ack-timeouts.ts). Acceptor
// thread, within the drain of the shard's ring, cold. RabbitMQ 4.3: the consumer of a quorum queue
// is cancelled if its client understands that; in all other cases the channel is closed.
import * as layout from '../../shards/mailbox/from-shard-layout.ts';
import { ackTimedOut } from '../errors/channel-refusals.ts';
import type { Acceptor } from './acceptor.ts';
import type { Channel } from './channel.ts';
import type { ShardLink } from './shard-link.ts';

/** `at`: the ACK_TIMEOUT record. `gone` forgets a consumer that its shard has ended. */
export function takeAckTimeout(
  acceptor: Acceptor,
  link: ShardLink,
  at: number,
  gone: (consumer: number) => void,
): void {
  const { words } = link.deliveries;
  const consumerId = words[at + layout.ACK_TIMEOUT_CONSUMER];
  const millis = words[at + layout.ACK_TIMEOUT_MILLIS];
  const consumer = acceptor.consumers.get(consumerId);
  const channel = consumer?.channel ?? channelOf(acceptor, words[at + layout.ACK_TIMEOUT_CHANNEL]);
  if (channel === undefined || !channel.isOpen) return;
  const { connection } = channel;
  acceptor.log.warn('a delivery was not acknowledged in time', {
    connection: connection.name,
    channel: channel.number,
    consumer: consumer?.tag,
    queue: consumer?.queue.name,
    timeoutMillis: millis,
  });
  const isCancelled = consumerId !== layout.NO_CONSUMER;
  if (isCancelled) gone(consumerId);
  if (isCancelled && connection.hasCapability('consumer_cancel_notify')) return;
  connection.refuse(ackTimedOut(channel.number, millis), channel, 0);
}

/** Shards know channels by a number that says nothing about their connection. */
function channelOf(acceptor: Acceptor, id: number): Channel | undefined {
  for (const { channels } of acceptor.connections) {
    const channel = channels.withId(id);
    if (channel !== undefined) return channel;
  }
  return undefined;
}
