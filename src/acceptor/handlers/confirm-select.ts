// confirm.select (RabbitMQ extension, https://www.rabbitmq.com/docs/confirms). Acceptor thread.
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function confirmSelect(channel: Channel, method: MethodOf<'confirm.select'>): void {
  channel.selectConfirms();
  if (!method.nowait) channel.send({ name: 'confirm.select-ok' });
}
