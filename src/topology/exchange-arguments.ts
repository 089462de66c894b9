// The arguments of exchange.declare that the control plane knows: alternate-exchange, the only one
// RabbitMQ compares on redeclaration (rabbit_exchange:assert_args_equivalence). Main thread.
// The alternate exchange need not exist, neither now nor later; any other argument is kept as it
// is.
import { invalidArgumentType } from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { type FieldTable, typeNameOf } from '../protocol/field-table.ts';
import { argumentOf } from './argument-value.ts';

const ALTERNATE_EXCHANGE = 'alternate-exchange';

export const COMPARED_EXCHANGE_ARGUMENTS: readonly string[] = [ALTERNATE_EXCHANGE];

export function assertExchangeArguments(subject: string, args: FieldTable): void {
  assertExchangeName(subject, args, ALTERNATE_EXCHANGE);
}

/** Refuses an argument that should name an exchange but is no text. */
export function assertExchangeName(subject: string, args: FieldTable, name: string): void {
  const value = argumentOf(args, name);
  if (value === undefined || typeof value === 'string') return;
  throw new AmqpError(invalidArgumentType(subject, name, typeNameOf(value)));
}
