// exchange.declare and exchange.delete on the control plane's truth (specification 1.7.2). Main
// thread. All checks come before the first change, so a refused command leaves no trace.
// The order of the checks is RabbitMQ's (rabbit_channel:handle_method): type, default exchange,
// equivalence, and the reserved prefix only for exchanges that do not exist yet.
import {
  exchangeInUse,
  invalidExchange,
  resourceText,
  systemExchangeDeletion,
  unknownExchangeType,
} from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { Change, ExchangeSpec } from '../routing/change.ts';
import { exchangeType, exchangeTypes } from '../routing/exchange-types.ts';
import type { Command } from './command.ts';
import { assertStorable } from './durability.ts';
import { assertSameArguments, assertSameField } from './equivalence.ts';
import { assertExchangeArguments, COMPARED_EXCHANGE_ARGUMENTS } from './exchange-arguments.ts';
import {
  assertNewName,
  assertNotDefaultExchange,
  isReservedName,
  withoutLineBreaks,
} from './names.ts';
import type { Quota } from './quota.ts';
import type { VhostTopology } from './vhost-topology.ts';

type DeclareExchange = Extract<Command, { kind: 'declare-exchange' }>;
type DeleteExchange = Extract<Command, { kind: 'delete-exchange' }>;

export function declareExchange(
  vhost: VhostTopology,
  command: DeclareExchange,
  quota: Quota,
  changes: Change[],
): void {
  // RabbitMQ 4.0 and later; 3.x answered 503, which closes the connection.
  const known = exchangeType(command.type);
  if (known === undefined) {
    const names = exchangeTypes().map((one) => one.name);
    throw new AmqpError(unknownExchangeType(command.type, names));
  }
  const name = withoutLineBreaks(command.name);
  assertNotDefaultExchange(name);
  const subject = resourceText('exchange', name, vhost.name);
  const existing = vhost.exchanges.get(name);
  if (existing !== undefined) {
    assertEquivalent(subject, command, existing);
    return;
  }
  assertNewName('exchange', name);
  quota.assertRoomForExchange(vhost, name);
  assertExchangeArguments(subject, command.arguments);
  assertStorable(subject, command.arguments);
  const { type, durable, autoDelete, internal } = command;
  const exchange = { name, type, durable, autoDelete, internal, arguments: command.arguments };
  const problem = known.validate?.(exchange);
  if (problem !== undefined) throw new AmqpError(invalidExchange(problem));
  vhost.addExchange(exchange, changes);
}

function assertEquivalent(subject: string, command: DeclareExchange, current: ExchangeSpec): void {
  assertSameField(subject, 'type', command.type, current.type);
  assertSameField(subject, 'durable', command.durable, current.durable);
  assertSameField(subject, 'auto_delete', command.autoDelete, current.autoDelete);
  assertSameField(subject, 'internal', command.internal, current.internal);
  assertSameArguments(subject, COMPARED_EXCHANGE_ARGUMENTS, command.arguments, current.arguments);
}

/** Deleting what does not exist is no error (RabbitMQ's departure from the specification). */
export function deleteExchange(
  vhost: VhostTopology,
  command: DeleteExchange,
  changes: Change[],
): void {
  const name = withoutLineBreaks(command.name);
  assertNotDefaultExchange(name);
  if (isReservedName(name)) throw new AmqpError(systemExchangeDeletion(vhost.name, name));
  if (!vhost.exchanges.has(name)) return;
  if (command.ifUnused && vhost.bindings.isSource(name)) {
    throw new AmqpError(exchangeInUse(vhost.name, name));
  }
  vhost.removeExchange(name, changes);
}
