// basic.qos (specification 1.8.3.1) with RabbitMQ's reading of `global`
// (https://www.rabbitmq.com/docs/consumer-prefetch): false limits each consumer to come, true
// limits all consumers of the channel together. Acceptor thread.
import { prefetchSizeNotImplemented } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';

export function basicQos(channel: Channel, method: MethodOf<'basic.qos'>): void {
  if (method.prefetchSize !== 0) {
    throw new AmqpError(prefetchSizeNotImplemented(method.prefetchSize));
  }
  // Without the deprecated feature RabbitMQ takes global for what is not (deprecated_features).
  const isGlobal = method.global && channel.connection.acceptor.config.permitGlobalQos;
  if (isGlobal) channel.limitChannel(method.prefetchCount);
  else channel.consumerPrefetch = method.prefetchCount;
  channel.send({ name: 'basic.qos-ok' });
}
