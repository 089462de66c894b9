// withHeaders against the decoder: the headers are those that were asked for, and everything else is
// as it was. (What PropertyRewrite does to publishes is in ../acceptor/publish-rewrite.test.ts.)
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BasicProperties,
  decodeProperties,
  encodedProperties,
} from '../../../src/protocol/properties.ts';
import { withHeaders } from '../../../src/protocol/property-rewrite.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import { propertiesArbitrary } from './arbitraries.ts';

const HEADER_NAMES = ['CC', 'x-death', 'other'] as const;
/** A large one does not fit what is there for small ones. */
const LONG = 'x'.repeat(10_000);

const changes = fc.record({
  added: fc.dictionary(fc.constantFrom(...HEADER_NAMES), fc.constantFrom('a', 'b', LONG)),
  dropped: fc.subarray([...HEADER_NAMES]),
  dropsExpiration: fc.boolean(),
});

function encoded(properties: BasicProperties): Buffer {
  return Buffer.from(encodedProperties(properties));
}

describe('withHeaders', () => {
  it('changes what it is to change and nothing else', () => {
    fc.assert(
      fc.property(propertiesArbitrary(), changes, (before, change) => {
        const { added, dropped, dropsExpiration } = change;
        const after: Record<string, unknown> = { ...before };
        if (dropped.length > 0 || Object.keys(added).length > 0) {
          const kept = Object.entries(before.headers ?? {}).filter(
            ([name]) => !(dropped as string[]).includes(name) && !Object.hasOwn(added, name),
          );
          after['headers'] = { ...Object.fromEntries(kept), ...added };
        }
        if (dropsExpiration) delete after['expiration'];
        const bytes = withHeaders(encoded(before), change);
        const expected = decodeProperties(new WireReader(encoded(after)));
        expect(decodeProperties(new WireReader(bytes))).toEqual(expected);
      }),
    );
  });

  it('gives a copy of its own', () => {
    const first = withHeaders(encoded({ appId: 'a' }), { added: { n: 'first' } });
    withHeaders(encoded({ appId: 'b' }), { added: { n: 'other' } });
    expect(decodeProperties(new WireReader(first))).toEqual({
      appId: 'a',
      headers: { n: 'first' },
    });
  });

  it('keeps the types of integers that are not its business', () => {
    // A table with one short short integer: no table that was decoded knows of it.
    const header = Buffer.from([0x20, 0x00, 0, 0, 0, 4, 1, 0x6e, 0x62, 7]);
    const bytes = withHeaders(header, { added: { s: 'x' } });
    expect(bytes.subarray(6, 10)).toEqual(header.subarray(6));
  });
});
