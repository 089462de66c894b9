// What the codec's tests draw from: random field tables, methods and property lists (fast-check),
// the methods taken from the same table as the generated codec, and amqplib's codec as an oracle.
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import {
  Decimal,
  Double,
  type FieldTable,
  type FieldValue,
  Float,
  LongString,
  Timestamp,
} from '../../../src/protocol/field-table.ts';
import type { Method } from '../../../src/protocol/methods.generated.ts';
import type { BasicProperties } from '../../../src/protocol/properties.ts';
import { CLASSES, type FieldType, type MethodSpec } from '../../../src/protocol/spec/methods.ts';

/** The part of amqplib's codec (lib/defs.js) that the tests ask. */
export interface AmqplibCodec {
  encodeMethod(id: number, channel: number, fields: object): Uint8Array;
  decode(id: number, fields: Buffer): Record<string, unknown>;
  encodeProperties(id: number, channel: number, bodyBytes: number, fields: object): Uint8Array;
}

// The package exports only its entry point, so its codec is found from there by file.
const entryPoint = createRequire(import.meta.url).resolve('amqplib');
export const amqplib = createRequire(entryPoint)('./lib/defs.js') as AmqplibCodec;

/** At most 255 bytes of UTF-8. */
const shortString = fc.string({ unit: 'binary', maxLength: 60 });

export const METHOD_SPECS: readonly (readonly [string, MethodSpec, number])[] = CLASSES.flatMap(
  (spec) =>
    spec.methods.map((method) => [method.name, method, spec.id * 0x10000 + method.id] as const),
);

const notUtf8 = fc
  .uint8Array({ maxLength: 20 })
  .map((bytes) => new LongString(Uint8Array.of(0xff, ...bytes)));

const leaf: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.double().map((value) => new Double(value)),
  fc.float().map((value) => new Float(value)),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((seconds) => new Timestamp(seconds)),
  fc.tuple(fc.nat(255), fc.nat(0xffffffff)).map((pair) => new Decimal(...pair)),
  notUtf8,
);

export const { table: fieldTable } = fc.letrec<{ table: FieldTable; value: FieldValue }>((tie) => ({
  table: fc.dictionary(shortString, tie('value'), { maxKeys: 6 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    tie('table'),
  ),
}));

/** Tables that amqplib and this codec write alike: it writes small integers in fewer bytes. */
export const plainTable: fc.Arbitrary<FieldTable> = fc.dictionary(
  shortString.filter((name) => name !== '__proto__'),
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
    fc.integer({ min: 0x8000, max: 0x7fffffff }),
    fc.integer({ min: 2 ** 40, max: 2 ** 49 }),
    fc.array(fc.string({ unit: 'grapheme', maxLength: 10 }), { maxLength: 3 }),
  ),
  { maxKeys: 5 },
);

function fieldArbitrary(type: FieldType, table: fc.Arbitrary<FieldTable>): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bit':
      return fc.boolean();
    case 'octet':
      return fc.nat(0xff);
    case 'short':
      return fc.nat(0xffff);
    case 'long':
      return fc.nat(0xffffffff);
    case 'longlong':
      return fc.maxSafeNat();
    case 'shortstr':
      return shortString;
    case 'longtext':
      return fc.string({ unit: 'binary', maxLength: 300 });
    case 'longstr':
      return fc.uint8Array({ maxLength: 300 });
    case 'table':
      return table;
  }
}

/** A method of this kind with random fields. */
export function methodArbitrary(
  spec: MethodSpec,
  table: fc.Arbitrary<FieldTable> = fieldTable,
): fc.Arbitrary<Method> {
  const fields: Record<string, fc.Arbitrary<unknown>> = { name: fc.constant(spec.name) };
  for (const line of spec.fields) {
    const [type, name, reserved] = line.split(' ') as [FieldType, string, string?];
    if (reserved === undefined) fields[name] = fieldArbitrary(type, table);
  }
  return fc.record(fields) as unknown as fc.Arbitrary<Method>;
}

/** Random properties: each is there or not. */
export function propertiesArbitrary(
  table: fc.Arbitrary<FieldTable> = fieldTable,
): fc.Arbitrary<BasicProperties> {
  return fc.record(
    {
      contentType: shortString,
      contentEncoding: shortString,
      headers: table,
      deliveryMode: fc.nat(255),
      priority: fc.nat(255),
      correlationId: shortString,
      replyTo: shortString,
      expiration: shortString,
      messageId: shortString,
      timestamp: fc.maxSafeNat(),
      type: shortString,
      userId: shortString,
      appId: shortString,
      clusterId: shortString,
    },
    { requiredKeys: [] },
  );
}
