// Fuzz: random and mutated bytes into the codec. Whatever comes in, it either decodes or is refused
// with AmqpError (the scanner: false), the same whatever lies behind the end of the payload, with no
// read beyond that end, and with no allocation of a size that was only announced.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmqpError } from '../../src/errors/refusal.ts';
import { decodeTable, encodeTable } from '../../src/protocol/field-table.ts';
import { decodeMethod, methodFrame } from '../../src/protocol/methods.generated.ts';
import {
  contentHeaderFrame,
  decodeProperties,
  PropertyScan,
} from '../../src/protocol/properties.ts';
import { WireReader } from '../../src/protocol/wire-reader.ts';
import {
  fieldTable,
  METHOD_SPECS,
  methodArbitrary,
  propertiesArbitrary,
} from '../unit/protocol/arbitraries.ts';

const TAIL_BYTES = 300;

/** A view that fails the test when something at or beyond `end` is read. */
class GuardedView extends DataView<ArrayBuffer> {
  readonly end: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, end: number) {
    super(bytes.buffer);
    this.end = end;
  }

  guard(offset: number, bytes: number): number {
    if (offset + bytes > this.end) throw new Error(`read beyond the end: ${offset} + ${bytes}`);
    return offset;
  }

  override getUint16(offset: number): number {
    return super.getUint16(this.guard(offset, 2));
  }

  override getUint32(offset: number): number {
    return super.getUint32(this.guard(offset, 4));
  }

  override getInt16(offset: number): number {
    return super.getInt16(this.guard(offset, 2));
  }

  override getInt32(offset: number): number {
    return super.getInt32(this.guard(offset, 4));
  }

  override getBigInt64(offset: number): bigint {
    return super.getBigInt64(this.guard(offset, 8));
  }

  override getBigUint64(offset: number): bigint {
    return super.getBigUint64(this.guard(offset, 8));
  }

  override getFloat32(offset: number): number {
    return super.getFloat32(this.guard(offset, 4));
  }

  override getFloat64(offset: number): number {
    return super.getFloat64(this.guard(offset, 8));
  }
}

/** Bytes to index, under the same guard. */
function guardedBytes(bytes: Uint8Array, end: number): Uint8Array {
  return new Proxy(bytes, {
    get: (target, key) => {
      if (Number(key) >= end) throw new Error(`read beyond the end: ${String(key)}`);
      return Reflect.get(target, key);
    },
  });
}

type Read = (bytes: Uint8Array, view: DataView, end: number) => unknown;

/** What reading comes to: the value, or the text of the refusal; any other error fails the test. */
function outcome(payload: Uint8Array, tail: number, read: Read): unknown {
  const bytes = new Uint8Array(payload.length + TAIL_BYTES).fill(tail);
  bytes.set(payload);
  try {
    return read(bytes, new GuardedView(bytes, payload.length), payload.length);
  } catch (error) {
    if (error instanceof AmqpError) return error.refusal;
    throw error;
  }
}

function survives(payload: Uint8Array, read: Read): void {
  const first = outcome(payload, 0x00, read);
  expect(outcome(payload, 0xff, read)).toEqual(first);
  expect(outcome(payload, 0x01, read)).toEqual(first);
}

const readTable: Read = (bytes, view, end) => decodeTable(bytes, view, 0, end);

const readMethod: Read = (bytes, view, end) =>
  decodeMethod(new WireReader(bytes).reset(bytes, view, 0, end));

/** The scanner and the decoder must agree, up to the inside of the header table. */
const readProperties: Read = (bytes, view, end) => {
  const scan = new PropertyScan();
  const scanned = scan.scan(guardedBytes(bytes, end), view, 0, end);
  try {
    const properties = decodeProperties(new WireReader(bytes).reset(bytes, view, 0, end));
    expect(scanned).toBe(true);
    return { scan, properties };
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    const inHeaders = error.refusal.id === 'protocol.malformed-field-table';
    if (!inHeaders) expect(scanned).toBe(false);
    return { scanned, refusal: error.refusal };
  }
};

type Mutation = (payload: Uint8Array) => Uint8Array;

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, octet]): Mutation =>
      (payload) => {
        const mutated = payload.slice();
        if (mutated.length > 0) mutated[at % mutated.length] = octet;
        return mutated;
      },
  ),
  fc.nat().map(
    (at): Mutation =>
      (payload) =>
        payload.slice(0, at % (payload.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
    ([at, inserted]): Mutation =>
      (payload) => {
        const place = at % (payload.length + 1);
        return new Uint8Array([...payload.slice(0, place), ...inserted, ...payload.slice(place)]);
      },
  ),
  // Lengths near the top of their range, where sums could wrap.
  fc.nat().map(
    (at): Mutation =>
      (payload) => {
        const mutated = payload.slice();
        mutated.fill(0xff, at % (mutated.length + 1), (at % (mutated.length + 1)) + 4);
        return mutated;
      },
  ),
);

const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

function mutate(payload: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce((bytes, change) => change(bytes), payload);
}

/** Random fields behind a sound start, so that chance gets past the first byte. */
const tableLike = fc
  .array(fc.tuple(fc.constantFrom(...'tbBsuIilLfdDSATFVxZ'), fc.uint8Array({ maxLength: 12 })), {
    maxLength: 6,
  })
  .map(
    (fields) =>
      new Uint8Array(fields.flatMap(([type, rest]) => [1, 0x6b, type.charCodeAt(0), ...rest])),
  );

describe('decodeTable', () => {
  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), tableLike), (payload) => {
        survives(payload, readTable);
      }),
      { numRuns: 2000 },
    );
  });

  it('survives mutated tables', () => {
    fc.assert(
      fc.property(fieldTable, mutations, (table, changes) => {
        survives(mutate(encodeTable(table), changes), readTable);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('decodeMethod', () => {
  it('survives random bytes', () => {
    const id = fc.constantFrom(...METHOD_SPECS.map(([, , value]) => value));
    fc.assert(
      fc.property(id, fc.uint8Array({ maxLength: 100 }), (value, rest) => {
        const payload = new Uint8Array(4 + rest.length);
        new DataView(payload.buffer).setUint32(0, value);
        payload.set(rest, 4);
        survives(payload, readMethod);
        survives(rest, readMethod);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(METHOD_SPECS)('survives mutations of %s', (_name, spec) => {
    fc.assert(
      fc.property(methodArbitrary(spec), mutations, (method, changes) => {
        survives(mutate(methodFrame(1, method).slice(7, -1), changes), readMethod);
      }),
      { numRuns: 40 },
    );
  });
});

describe('properties', () => {
  it('survive random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (payload) => {
        survives(payload, readProperties);
      }),
      { numRuns: 2000 },
    );
  });

  it('survive mutations', () => {
    fc.assert(
      fc.property(propertiesArbitrary(), mutations, (properties, changes) => {
        survives(
          mutate(contentHeaderFrame(1, 0, properties).slice(19, -1), changes),
          readProperties,
        );
      }),
      { numRuns: 1000 },
    );
  });
});
