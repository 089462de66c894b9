// Whether a declaration matches what exists (specification 1.7.2.1.5 and 1.4.2.1: "equivalent").
// Main thread. Throws 406 with RabbitMQ's words (rabbit_misc:assert_args_equivalence); where both
// values would print alike it adds their types, which is the half of the story RabbitMQ leaves out.
import { inequivalentArgument } from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import {
  type FieldTable,
  type FieldValue,
  typeNameOf,
  valuesEqual,
} from '../protocol/field-table.ts';
import { argumentOf, valueText } from './argument-value.ts';

/** Compares a field of the method itself, such as `durable`. */
export function assertSameField(
  subject: string,
  field: string,
  received: string | boolean,
  current: string | boolean,
): void {
  if (received === current) return;
  throw new AmqpError(inequivalentArgument(subject, field, `'${received}'`, `'${current}'`));
}

/** Compares the named arguments in both directions; all others are free to differ. */
export function assertSameArguments(
  subject: string,
  names: readonly string[],
  received: FieldTable,
  current: FieldTable,
): void {
  for (const name of names) {
    assertSameArgument(subject, name, argumentOf(received, name), argumentOf(current, name));
  }
}

function assertSameArgument(
  subject: string,
  name: string,
  received: FieldValue | undefined,
  current: FieldValue | undefined,
): void {
  if (received === undefined && current === undefined) return;
  if (received === undefined || current === undefined) {
    throw new AmqpError(
      inequivalentArgument(subject, name, valueOrNone(received), valueOrNone(current)),
    );
  }
  if (valuesEqual(received, current)) return;
  const receivedText = valueText(received);
  const currentText = valueText(current);
  const types =
    receivedText === currentText
      ? ` (received type '${typeNameOf(received)}', current type '${typeNameOf(current)}')`
      : '';
  throw new AmqpError(
    inequivalentArgument(subject, name, `'${receivedText}'`, `'${currentText}'${types}`),
  );
}

function valueOrNone(value: FieldValue | undefined): string {
  if (value === undefined) return 'none';
  return `the value '${valueText(value)}' of type '${typeNameOf(value)}'`;
}
