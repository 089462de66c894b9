// confirm.select (RabbitMQ extension, https://www.rabbitmq.com/docs/confirms). Acceptor thread.
import { AmqpError } from '../../errors/refusal.ts';
import { confirmOnTransaction } from '../../errors/transaction-refusals.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function confirmSelect(channel: Channel, method: MethodOf<'confirm.select'>): void {
  if (channel.transaction !== undefined) throw new AmqpError(confirmOnTransaction());
  channel.selectConfirms();
  if (!method.nowait) channel.send({ name: 'confirm.select-ok' });
}
