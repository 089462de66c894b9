// queue.bind, queue.unbind (specification 1.7.2.2, 1.7.2.5), exchange.bind and exchange.unbind
// (RabbitMQ extension, https://www.rabbitmq.com/docs/e2e). Acceptor thread; main decides. One file,
// because they are one operation with two kinds of destination.
import {
  ID_EXCHANGE_BIND,
  ID_EXCHANGE_UNBIND,
  ID_QUEUE_BIND,
  ID_QUEUE_UNBIND,
  type Method,
  type MethodOf,
} from '../../protocol/methods.generated.ts';
import type { FieldTable } from '../../protocol/field-table.ts';
import type { DestinationKind } from '../../routing/change.ts';
import type { Channel } from '../channel.ts';
import { assertMayBind } from './declare-permissions.ts';
import { copyHistory } from '../recent-history.ts';
import { queueNameOf } from './named-queue.ts';

interface Binding {
  readonly source: string;
  readonly destination: string;
  readonly destinationKind: DestinationKind;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

export function queueBind(channel: Channel, method: MethodOf<'queue.bind'>): void {
  const ok: Method | undefined = method.nowait ? undefined : { name: 'queue.bind-ok' };
  change(channel, 'bind', queueBinding(channel, method), ID_QUEUE_BIND, ok);
}

export function queueUnbind(channel: Channel, method: MethodOf<'queue.unbind'>): void {
  const ok: Method = { name: 'queue.unbind-ok' };
  change(channel, 'unbind', queueBinding(channel, method), ID_QUEUE_UNBIND, ok);
}

export function exchangeBind(channel: Channel, method: MethodOf<'exchange.bind'>): void {
  const ok: Method | undefined = method.nowait ? undefined : { name: 'exchange.bind-ok' };
  change(channel, 'bind', { ...method, destinationKind: 'exchange' }, ID_EXCHANGE_BIND, ok);
}

export function exchangeUnbind(channel: Channel, method: MethodOf<'exchange.unbind'>): void {
  const ok: Method | undefined = method.nowait ? undefined : { name: 'exchange.unbind-ok' };
  change(channel, 'unbind', { ...method, destinationKind: 'exchange' }, ID_EXCHANGE_UNBIND, ok);
}

function queueBinding(
  channel: Channel,
  method: MethodOf<'queue.bind'> | MethodOf<'queue.unbind'>,
): Binding {
  const destination = queueNameOf(channel, method.queue);
  // With the queue's name left out too, an empty routing key also means the last declared queue.
  const usesLast = method.queue === '' && method.routingKey === '';
  return {
    source: method.exchange,
    destination,
    destinationKind: 'queue',
    routingKey: usesLast ? destination : method.routingKey,
    arguments: method.arguments,
  };
}

function change(
  channel: Channel,
  kind: 'bind' | 'unbind',
  binding: Binding,
  methodId: number,
  ok: Method | undefined,
): void {
  const { vhost, acceptor, globalId } = channel.connection;
  assertMayBind(channel, binding);
  const isNew = kind === 'bind' && !vhost.routes.isBound(binding);
  void channel.whileWaiting(methodId, async () => {
    await acceptor.control.execute({
      kind,
      vhost: vhost.name,
      source: binding.source,
      destination: binding.destination,
      destinationKind: binding.destinationKind,
      routingKey: binding.routingKey,
      arguments: binding.arguments,
      connectionId: globalId,
    });
    if (isNew) await copyHistory(channel, binding);
    if (channel.isOpen && ok !== undefined) channel.send(ok);
  });
}
