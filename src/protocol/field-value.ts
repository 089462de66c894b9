// The values of a field table as JavaScript data. Runs in any thread.
//
// A table must survive `postMessage` and JSON, which keep fields but drop classes. So the classes
// here carry their type in a field (FIELD_TYPE), and code asks `typeNameOf`, never `instanceof`.
//
//   wire type (RabbitMQ's errata)      JavaScript                       written back as
//   b B s u I i l L  integers          number; bigint beyond 2^53       I, or l if 64 bits need it
//   d f              floats            Double, Float                    the same
//   S                long string       string; LongString if not UTF-8  S
//   x                bytes             Uint8Array                       x
//   t V T D A F      the rest          boolean, null, Timestamp, Decimal, array, object
//
// A bigint is always written as l: write 1n where clients count on a 64-bit integer (x-death's
// count). A number that is no safe integer is a double: it is written as d.
// Source: https://www.rabbitmq.com/amqp-0-9-1-errata, section 3; rabbit_binary_parser.erl.

/**
 * The field that names the type of a class instance. A lone surrogate has no UTF-8 form, so no
 * table decoded from the wire can hold this key.
 */
const FIELD_TYPE = '\ud800type';

export type FieldTable = { readonly [key: string]: FieldValue };

export type FieldValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Timestamp
  | Decimal
  | Double
  | Float
  | LongString
  | FieldValue[]
  | FieldTable;

/** The names that RabbitMQ uses in its error texts. */
export type FieldTypeName =
  | 'void'
  | 'bool'
  | 'signedint'
  | 'long'
  | 'double'
  | 'float'
  | 'longstr'
  | 'binary'
  | 'timestamp'
  | 'decimal'
  | 'array'
  | 'table';

/** Seconds since 1970 (wire type T, unsigned 64 bits). */
export class Timestamp {
  readonly [FIELD_TYPE] = 'timestamp';
  readonly seconds: number | bigint;

  constructor(seconds: number | bigint) {
    this.seconds = seconds;
  }
}

/** digits / 10^places (wire type D; both unsigned, of 32 and 8 bits). */
export class Decimal {
  readonly [FIELD_TYPE] = 'decimal';
  readonly places: number;
  readonly digits: number;

  constructor(places: number, digits: number) {
    this.places = places;
    this.digits = digits;
  }
}

/** A 64-bit float (wire type d), also when its value is whole. */
export class Double {
  readonly [FIELD_TYPE] = 'double';
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A 32-bit float (wire type f). */
export class Float {
  readonly [FIELD_TYPE] = 'float';
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A long string (wire type S) whose bytes are not valid UTF-8. */
export class LongString {
  readonly [FIELD_TYPE] = 'longstr';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** The type under which the value is written, by RabbitMQ's name for it. */
export function typeNameOf(value: FieldValue): FieldTypeName {
  switch (typeof value) {
    case 'string':
      return 'longstr';
    case 'number':
      if (!Number.isSafeInteger(value)) return 'double';
      return (value | 0) === value ? 'signedint' : 'long';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'long';
    default:
      return objectTypeNameOf(value);
  }
}

function objectTypeNameOf(value: Exclude<FieldValue, string | number | boolean | bigint>) {
  if (value === null) return 'void';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Uint8Array) return 'binary';
  if (!Object.hasOwn(value, FIELD_TYPE)) return 'table';
  return (value as Timestamp | Decimal | Double | Float | LongString)[FIELD_TYPE];
}
