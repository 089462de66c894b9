// queue.bind, exchange.bind and their unbinds on the control plane's truth (specification 1.7.2.3;
// exchange bindings are RabbitMQ's). Main thread. All checks come before the first change.
// The order of the checks was taken from a running RabbitMQ: a missing source is reported before a
// missing destination, bad arguments before a locked queue. Unbinding is idempotent: whatever is
// missing, there is nothing to do; only an existing binding of a locked queue is refused.
import {
  companionQueue,
  exchangeNotFound,
  invalidBinding,
  queueLocked,
  queueNotFound,
  replyToBinding,
  resourceText,
} from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { BindingSpec, Change } from '../routing/change.ts';
import { exchangeType } from '../routing/exchange-types.ts';
import { isDirectReplyTo } from '../routing/hidden-queues.ts';
import type { Command } from './command.ts';
import { assertStorable } from './durability.ts';
import { assertNotDefaultExchange, withoutLineBreaks } from './names.ts';
import type { VhostTopology } from './vhost-topology.ts';

type BindingCommand = Extract<Command, { kind: 'bind' | 'unbind' }>;

export function bind(vhost: VhostTopology, command: BindingCommand, changes: Change[]): void {
  const binding = bindingOf(command);
  assertEndsExist(vhost, binding);
  assertValid(vhost, binding);
  assertNotLocked(vhost, binding, command.connectionId);
  if (vhost.bindings.find(binding) !== undefined) return;
  assertStorable(
    `binding from ${resourceText('exchange', binding.source, vhost.name)}`,
    binding.arguments,
  );
  vhost.addBinding(binding, changes);
}

export function unbind(vhost: VhostTopology, command: BindingCommand, changes: Change[]): void {
  const binding = vhost.bindings.find(bindingOf(command));
  if (binding === undefined) return;
  assertNotLocked(vhost, binding, command.connectionId);
  vhost.removeBinding(binding, changes);
}

/** The binding a command is about; refuses the ends that can never be bound. */
function bindingOf(command: BindingCommand): BindingSpec {
  const source = withoutLineBreaks(command.source);
  const destination = withoutLineBreaks(command.destination);
  const { destinationKind, routingKey } = command;
  if (destinationKind === 'queue' && isDirectReplyTo(destination)) {
    throw new AmqpError(replyToBinding());
  }
  if (destinationKind === 'exchange') assertNotDefaultExchange(destination);
  assertNotDefaultExchange(source);
  return { source, destination, destinationKind, routingKey, arguments: command.arguments };
}

function assertEndsExist(vhost: VhostTopology, binding: BindingSpec): void {
  const { source, destination, destinationKind } = binding;
  if (!vhost.exchanges.has(source)) throw new AmqpError(exchangeNotFound(vhost.name, source));
  if (vhost.hasDestination(destinationKind, destination)) return;
  const notFound = destinationKind === 'queue' ? queueNotFound : exchangeNotFound;
  throw new AmqpError(notFound(vhost.name, destination));
}

/** By the rules of the source's type, and not to a queue that is none of the client's. */
function assertValid(vhost: VhostTopology, binding: BindingSpec): void {
  const exchange = vhost.exchanges.get(binding.source)!;
  const queue =
    binding.destinationKind === 'queue' ? vhost.queues.get(binding.destination) : undefined;
  if (queue?.companion !== undefined) {
    throw new AmqpError(companionQueue(vhost.name, queue.name, queue.companion.exchange));
  }
  const problem = exchangeType(exchange.type)?.validateBinding?.(binding, exchange, queue);
  if (problem !== undefined) throw new AmqpError(invalidBinding(problem));
}

function assertNotLocked(vhost: VhostTopology, binding: BindingSpec, connectionId: number): void {
  if (binding.destinationKind !== 'queue') return;
  const owner = vhost.queues.get(binding.destination)?.exclusiveOwner;
  if (owner === undefined || owner === 0 || owner === connectionId) return;
  throw new AmqpError(queueLocked(vhost.name, binding.destination));
}
