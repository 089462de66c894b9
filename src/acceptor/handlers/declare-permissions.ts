// What a user needs to declare and to bind. Acceptor thread; throws 403 before main is asked.
// The order of the checks is RabbitMQ's (rabbit_channel:handle_method): configure on the thing
// itself; where something new names another exchange, read on it and write on that exchange; for a
// binding write on the destination, read on the source, and its topic.
import { randomBytes } from 'node:crypto';
import { transientQueueRefused } from '../../errors/channel-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { FieldTable } from '../../protocol/field-table.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { DestinationKind } from '../../routing/change.ts';
import { isReservedName, serverNamed, withoutLineBreaks } from '../../topology/names.ts';
import type { Channel } from '../channel.ts';

export function assertMayDeclareQueue(channel: Channel, method: MethodOf<'queue.declare'>): void {
  const { access, acceptor, vhost } = channel.connection;
  const asked = withoutLineBreaks(method.queue);
  // Nobody may: refused as such, whatever the permissions are.
  if (isReservedName(asked)) return;
  // Main chooses the name; permissions are about all names of its kind.
  const name = asked === '' ? serverNamed(randomBytes) : asked;
  access.assertMay('configure', 'queue', name);
  if (vhost.routes.queue(name) !== undefined) return;
  const deadLetterExchange = textArgument(method.arguments, 'x-dead-letter-exchange');
  if (deadLetterExchange !== undefined) {
    access.assertMay('read', 'queue', name);
    access.assertMay('write', 'exchange', deadLetterExchange);
  }
  if (!method.durable && !method.exclusive && !acceptor.config.permitTransientQueues) {
    throw new AmqpError(transientQueueRefused(name, vhost.name));
  }
}

export function assertMayDeclareExchange(
  channel: Channel,
  method: MethodOf<'exchange.declare'>,
): void {
  const { access, vhost } = channel.connection;
  const name = withoutLineBreaks(method.exchange);
  if (name === '') return;
  access.assertMay('configure', 'exchange', name);
  if (vhost.routes.exchange(name) !== undefined) return;
  const alternate = textArgument(method.arguments, 'alternate-exchange');
  if (alternate === undefined) return;
  access.assertMay('read', 'exchange', name);
  access.assertMay('write', 'exchange', alternate);
}

export interface BindingEnds {
  readonly source: string;
  readonly destination: string;
  readonly destinationKind: DestinationKind;
  readonly routingKey: string;
}

/** Binding and unbinding alike. */
export function assertMayBind(channel: Channel, binding: BindingEnds): void {
  const { access, vhost } = channel.connection;
  const source = withoutLineBreaks(binding.source);
  access.assertMay('write', binding.destinationKind, withoutLineBreaks(binding.destination));
  // Main refuses the default exchange, to everybody.
  if (source === '') return;
  access.assertMay('read', 'exchange', source);
  access.assertTopic('read', source, binding.routingKey, vhost.routes);
}

function textArgument(table: FieldTable, name: string): string | undefined {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
