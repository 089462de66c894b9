// basic.recover and basic.recover-async (specification 1.8.3.15/16): all unacked messages of the
// channel return to their queues. RabbitMQ does not implement requeue=false. Acceptor thread.
import { recoverWithoutRequeue } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function basicRecover(channel: Channel, method: MethodOf<'basic.recover'>): void {
  recover(channel, method.requeue);
  channel.send({ name: 'basic.recover-ok' });
}

export function basicRecoverAsync(channel: Channel, method: MethodOf<'basic.recover-async'>): void {
  recover(channel, method.requeue);
}

function recover(channel: Channel, requeue: boolean): void {
  if (!requeue) throw new AmqpError(recoverWithoutRequeue());
  channel.requeueAll();
}
