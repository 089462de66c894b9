// basic.cancel (specification 1.8.3.5). Acceptor thread. An unknown tag is answered with ok. After
// cancel-ok no delivery for the consumer follows.
import * as layout from '../../../shards/mailbox/to-shard-layout.ts';
import { ID_BASIC_CANCEL, type MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';
import { forgetReplyQueue } from './named-queue.ts';

export function basicCancel(channel: Channel, method: MethodOf<'basic.cancel'>): void {
  const { consumerTag, nowait } = method;
  const sendOk = (): void => {
    if (!nowait && channel.isOpen) channel.send({ name: 'basic.cancel-ok', consumerTag });
  };
  const consumer = channel.consumers.get(consumerTag);
  if (consumer === undefined) {
    sendOk();
    return;
  }
  // What is still on its way goes back to its place. Without acks it could not, and is delivered.
  if (!consumer.noAck) consumer.isGone = true;
  const words = [channel.id, consumer.id];
  const { link } = consumer;
  channel.ask(link, layout.CANCEL, layout.CANCEL_BYTES, words, ID_BASIC_CANCEL, () => {
    channel.consumers.delete(consumerTag);
    channel.connection.acceptor.forgetConsumer(consumer);
    if (consumer === channel.replyConsumer) return forgetReplyQueue(consumer).then(sendOk);
    sendOk();
  });
}
