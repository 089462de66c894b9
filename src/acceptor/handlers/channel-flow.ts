// channel.flow (specification 1.5.2.3): active=true is answered; RabbitMQ does not implement
// active=false. Acceptor thread.
import { flowNotImplemented } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function channelFlow(channel: Channel, method: MethodOf<'channel.flow'>): void {
  if (!method.active) throw new AmqpError(flowNotImplemented());
  channel.send({ name: 'channel.flow-ok', active: true });
}
