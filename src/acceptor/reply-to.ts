// Direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to): a request whose reply-to is the
// pseudo-queue leaves with the name of the hidden queue that its channel consumes from. Acceptor
// thread. That queue is bound to the default exchange by its name as any other is, so replies need
// nothing special, whichever connection and acceptor they come from.
import { noReplyConsumer } from '../errors/channel-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { PropertyScan } from '../protocol/properties.ts';
import { DIRECT_REPLY_TO } from '../routing/hidden-queues.ts';
import type { Channel } from './channel.ts';
import type { IncomingPublish } from './publisher.ts';

const PSEUDO_QUEUE = Buffer.from(DIRECT_REPLY_TO);

/** A reply-to of another length is not the pseudo-queue. */
export const PSEUDO_QUEUE_BYTES = PSEUDO_QUEUE.length;

/**
 * What the message's reply-to is to be instead, or undefined when it stays. Throws 406 when nobody
 * would get the reply.
 */
export function replyToFor(
  channel: Channel,
  { bytes }: IncomingPublish,
  { replyToOffset, replyToBytes }: PropertyScan,
): Buffer | undefined {
  const end = replyToOffset + replyToBytes;
  if (bytes.compare(PSEUDO_QUEUE, 0, PSEUDO_QUEUE_BYTES, replyToOffset, end) !== 0) {
    return undefined;
  }
  const consumer = channel.replyConsumer;
  if (consumer === undefined || consumer.isGone) throw new AmqpError(noReplyConsumer());
  return Buffer.from(consumer.queue.name);
}
