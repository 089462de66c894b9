// basic.nack (RabbitMQ extension, https://www.rabbitmq.com/docs/nack). Acceptor thread.
import { OUTCOME_REJECT, OUTCOME_REQUEUE } from '../../../shards/mailbox/to-shard-layout.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function basicNack(channel: Channel, method: MethodOf<'basic.nack'>): void {
  const outcome = method.requeue ? OUTCOME_REQUEUE : OUTCOME_REJECT;
  channel.settle(method.deliveryTag, method.multiple, outcome);
}
