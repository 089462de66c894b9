// Checks of single argument values. Main thread. A check answers undefined, or the problem: first
// RabbitMQ's term for it ({value_zero,0}, "expected integer, got longstr"; rabbit_amqqueue), then
// in parentheses what would be right.
import { type FieldTable, type FieldValue, typeNameOf } from '../protocol/field-table.ts';
import { argumentOf } from './argument-value.ts';

export type ArgumentCheck = (value: FieldValue, args: FieldTable) => string | undefined;

/** An integer of any width from `min` to `max`; `tooLarge` is RabbitMQ's word for one above it. */
export function integer(
  min: number,
  max = Number.POSITIVE_INFINITY,
  tooLarge = 'value_too_large',
): ArgumentCheck {
  const range = max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min} to ${max}`;
  return (value) => {
    const problem = integerProblem(value, min, max, tooLarge);
    return problem === undefined ? undefined : `${problem} (expected an integer, ${range})`;
  };
}

function integerProblem(
  value: FieldValue,
  min: number,
  max: number,
  tooLarge: string,
): string | undefined {
  const type = typeNameOf(value);
  if (type !== 'signedint' && type !== 'long') return `"expected integer, got ${type}"`;
  const number = Number(value);
  if (number > max) return `{${tooLarge},${value}}`;
  if (number >= min) return undefined;
  if (number === 0) return '{value_zero,0}';
  return `{${number < 0 ? 'value_negative' : 'value_too_small'},${value}}`;
}

export const bool: ArgumentCheck = (value) =>
  typeof value === 'boolean' ? undefined : `${unacceptableType(value)} (expected a boolean)`;

export const text: ArgumentCheck = (value) =>
  typeof value === 'string' ? undefined : `${unacceptableType(value)} (expected a UTF-8 string)`;

/** One of some words; `problem` is RabbitMQ's term for another word. */
export function oneOf(words: readonly string[], problem: (word: string) => string): ArgumentCheck {
  const expected = `(expected ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')})`;
  return (value) => {
    if (typeof value !== 'string') return `${unacceptableType(value)} ${expected}`;
    return words.includes(value) ? undefined : `${problem(value)} ${expected}`;
  };
}

/** A text that makes sense only beside another argument. */
export function textBeside(other: string, problem: string): ArgumentCheck {
  return (value, args) => {
    if (typeof value !== 'string') return text(value, args);
    return argumentOf(args, other) === undefined ? `${problem} (declare ${other} too)` : undefined;
  };
}

function unacceptableType(value: FieldValue): string {
  return `{unacceptable_type,${typeNameOf(value)}}`;
}
