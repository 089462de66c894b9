// Values of declare and bind arguments: looking them up, and showing them in refusals. Main thread.
// Scalars are shown as RabbitMQ prints them (rabbit_misc:val), bytes in hexadecimal, tables and
// arrays as JSON; what can be long is cut, because a refusal's text has 255 bytes.
import {
  type Decimal,
  type Double,
  type FieldTable,
  type FieldValue,
  type Float,
  type LongString,
  type Timestamp,
  typeNameOf,
} from '../protocol/field-table.ts';

const LONG_TEXT_CHARACTERS_MAX = 60;

/** The argument's value; names from Object.prototype are no arguments. */
export function argumentOf(args: FieldTable, name: string): FieldValue | undefined {
  return Object.hasOwn(args, name) ? args[name] : undefined;
}

/** The value as a refusal shows it, without its type. */
export function valueText(value: FieldValue): string {
  switch (typeNameOf(value)) {
    case 'void':
      return 'undefined';
    case 'bool':
    case 'signedint':
    case 'long':
      return String(value);
    case 'double':
    case 'float':
      return floatText(typeof value === 'number' ? value : (value as Double | Float).value);
    case 'timestamp':
      return String((value as Timestamp).seconds);
    case 'decimal':
      return `${(value as Decimal).digits}e-${(value as Decimal).places}`;
    case 'longstr':
      return typeof value === 'string' ? value : hexText((value as LongString).bytes);
    case 'binary':
      return hexText(value as Uint8Array);
    case 'array':
    case 'table':
      return cut(JSON.stringify(value, (_key, item) => jsonItem(item)));
  }
}

function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function hexText(bytes: Uint8Array): string {
  return cut(`0x${Buffer.from(bytes.subarray(0, LONG_TEXT_CHARACTERS_MAX)).toString('hex')}`);
}

function jsonItem(item: unknown): unknown {
  if (typeof item === 'bigint') return Number(item);
  if (item instanceof Uint8Array) return hexText(item);
  return item;
}

function cut(text: string): string {
  if (text.length <= LONG_TEXT_CHARACTERS_MAX) return text;
  return `${text.slice(0, LONG_TEXT_CHARACTERS_MAX)}...`;
}
