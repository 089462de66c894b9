// basic.reject (specification 1.8.3.14). Acceptor thread.
import { OUTCOME_REJECT, OUTCOME_REQUEUE } from '../../../shards/mailbox/to-shard-layout.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function basicReject(channel: Channel, method: MethodOf<'basic.reject'>): void {
  channel.settle(method.deliveryTag, false, method.requeue ? OUTCOME_REQUEUE : OUTCOME_REJECT);
}
