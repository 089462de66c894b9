// exchange.declare (specification 1.6.2.1). Acceptor thread; main decides, except for passive ones.
import { AmqpError } from '../../errors/refusal.ts';
import { defaultExchangeRefused, exchangeNotFound } from '../../errors/topology-refusals.ts';
import { ID_EXCHANGE_DECLARE, type MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';
import { assertMayDeclareExchange } from './declare-permissions.ts';

export function exchangeDeclare(channel: Channel, method: MethodOf<'exchange.declare'>): void {
  const { vhost, acceptor, access } = channel.connection;
  const name = method.exchange;
  const sendOk = (): void => {
    if (!method.nowait) channel.send({ name: 'exchange.declare-ok' });
  };
  if (method.passive) {
    if (name === '') throw new AmqpError(defaultExchangeRefused());
    access.assertMaySee('exchange', name);
    if (vhost.routes.exchange(name) === undefined) {
      throw new AmqpError(exchangeNotFound(vhost.name, name));
    }
    sendOk();
    return;
  }
  assertMayDeclareExchange(channel, method);
  void channel.whileWaiting(ID_EXCHANGE_DECLARE, async () => {
    await acceptor.control.execute({
      kind: 'declare-exchange',
      vhost: vhost.name,
      name,
      type: method.type,
      durable: method.durable,
      autoDelete: method.autoDelete,
      internal: method.internal,
      arguments: method.arguments,
    });
    if (channel.isOpen) sendOk();
  });
}
