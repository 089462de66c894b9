// How long an exchange with delays holds a message: header x-delay, in milliseconds. Any thread,
// pure. As in RabbitMQ's plugin any number or number in a string counts; what is not above zero is
// no delay, so a delayed message that is published with its delay negated goes on at once. Its
// limit of 49 days (a larger delay was none) is gone: ten years, and more counts as ten years.
import {
  type Double,
  type FieldTable,
  type FieldValue,
  type Float,
  typeNameOf,
} from '../protocol/field-table.ts';

export const DELAY_HEADER = 'x-delay';
/** RabbitMQ's limit for anything that expires (rabbit_misc:check_expiry). */
const DELAY_MILLIS_MAX = 315_360_000_000;

/** 0: the message is not delayed. */
export function delayMillisOf(headers: FieldTable | undefined): number {
  if (headers === undefined || !Object.hasOwn(headers, DELAY_HEADER)) return 0;
  const millis = numberOf(headers[DELAY_HEADER]);
  return millis > 0 ? Math.min(millis, DELAY_MILLIS_MAX) : 0;
}

/** NaN: no number. */
function numberOf(value: FieldValue): number {
  switch (typeNameOf(value)) {
    case 'signedint':
    case 'long':
      return Number(value);
    case 'double':
    case 'float':
      return Math.trunc(typeof value === 'number' ? value : (value as Double | Float).value);
    case 'longstr':
      return typeof value === 'string' && /^[+-]?\d+$/u.test(value) ? Number(value) : Number.NaN;
    default:
      return Number.NaN;
  }
}
