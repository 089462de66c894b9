// Message properties: round trips, amqplib as an oracle, and the scanner against the decoder.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmqpError } from '../../../src/errors/refusal.ts';
import { CLASS_BASIC } from '../../../src/protocol/constants.ts';
import { decodeTable, tablesEqual } from '../../../src/protocol/field-table.ts';
import {
  type BasicProperties,
  contentHeaderFrame,
  decodeProperties,
  PropertyScan,
} from '../../../src/protocol/properties.ts';
import { FLAG_EXPIRATION } from '../../../src/protocol/property-flags.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import { amqplib, plainTable, propertiesArbitrary } from './arbitraries.ts';
import { bytesOf, viewOf } from './bytes.ts';

/** Frame header, class, weight, body size. */
const FLAGS_OFFSET = 7 + 2 + 2 + 8;

function expectSame(actual: BasicProperties, expected: BasicProperties): void {
  const { headers, ...rest } = actual;
  const { headers: expectedHeaders, ...expectedRest } = expected;
  expect(rest).toEqual(expectedRest);
  expect(headers === undefined).toBe(expectedHeaders === undefined);
  if (headers !== undefined) expect(tablesEqual(headers, expectedHeaders!)).toBe(true);
}

function scan(list: Uint8Array): PropertyScan | undefined {
  const scanned = new PropertyScan();
  return scanned.scan(list, viewOf(list), 0, list.length) ? scanned : undefined;
}

describe('content headers', () => {
  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(
        propertiesArbitrary(),
        fc.nat(0xffff),
        fc.maxSafeNat(),
        (properties, channel, bytes) => {
          const frame = contentHeaderFrame(channel, bytes, properties);
          const reader = new WireReader(frame, FLAGS_OFFSET, frame.length - 1);
          expectSame(decodeProperties(reader), properties);
        },
      ),
    );
  });

  it('are encoded as amqplib encodes them', () => {
    fc.assert(
      fc.property(
        // A time beyond 2^52 is no longer exact in amqplib, and a body size beyond 32 bits neither.
        propertiesArbitrary(plainTable).map(({ timestamp, ...rest }) =>
          timestamp === undefined ? rest : { ...rest, timestamp: timestamp % 2 ** 40 },
        ),
        fc.nat(0xffffffff),
        (properties, bytes) => {
          const theirs = amqplib.encodeProperties(CLASS_BASIC, 9, bytes, properties);
          expect(Buffer.from(contentHeaderFrame(9, bytes, properties)).toString('hex')).toBe(
            Buffer.from(theirs).toString('hex'),
          );
        },
      ),
    );
  });

  it('by hand', () => {
    const frame = bytesOf(
      "02 0001 00000022 003c 0000 0000000100000000 9040 0a 'text/plain' 02 000000006543210f ce",
    );
    const properties = { contentType: 'text/plain', deliveryMode: 2, timestamp: 0x6543210f };
    expect(contentHeaderFrame(1, 2 ** 32, properties)).toEqual(frame);
    expect(decodeProperties(new WireReader(frame, FLAGS_OFFSET, frame.length - 1))).toEqual(
      properties,
    );
  });
});

describe('malformed lists', () => {
  it.each([
    ['no flags', '10', 501],
    ['another flags word', '8001 0000', 502],
    ['a string that overruns', "8000 05 'abc'", 501],
    ['a string without a length', '8000', 501],
    ['a table that overruns', '2000 ffffffff', 501],
    // In 32 bits, 6 + 0xffffffff would be 5: just before the delivery mode's place.
    ['a table whose length would wrap', '3000 ffffffff', 501],
    ['a table without a length', '2000 0000', 501],
    ['no delivery mode', '1000', 501],
    ['no priority', '0800', 501],
    ['half a timestamp', '0040 00000000', 501],
    ['trailing bytes', '1000 02 00', 501],
    ['trailing bytes without properties', '0000 00', 501],
    ['an overrun hidden by later properties', "9000 ff 'a' 02", 501],
  ])('%s', (_what, dump, code) => {
    const list = bytesOf(dump);
    expect(scan(list)).toBeUndefined();
    let refused: unknown;
    try {
      decodeProperties(new WireReader(list));
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(AmqpError);
    expect((refused as AmqpError).refusal).toMatchObject({ code, scope: 'connection' });
  });
});

describe('the scanner', () => {
  it('finds what the decoder decodes', () => {
    const reused = new PropertyScan();
    fc.assert(
      fc.property(propertiesArbitrary(), (properties) => {
        const frame = contentHeaderFrame(1, 0, properties);
        const view = viewOf(frame);
        expect(reused.scan(frame, view, FLAGS_OFFSET, frame.length - 1)).toBe(true);
        const text = (offset: number, bytes: number) =>
          Buffer.from(frame).toString('utf8', offset, offset + bytes);
        expect(reused.deliveryMode).toBe(properties.deliveryMode ?? 0);
        expect(reused.priority).toBe(properties.priority ?? 0);
        expect((reused.flags & FLAG_EXPIRATION) !== 0).toBe(properties.expiration !== undefined);
        expect([
          text(reused.correlationIdOffset, reused.correlationIdBytes),
          text(reused.replyToOffset, reused.replyToBytes),
          text(reused.expirationOffset, reused.expirationBytes),
          text(reused.messageIdOffset, reused.messageIdBytes),
          text(reused.userIdOffset, reused.userIdBytes),
        ]).toEqual([
          properties.correlationId ?? '',
          properties.replyTo ?? '',
          properties.expiration ?? '',
          properties.messageId ?? '',
          properties.userId ?? '',
        ]);
        const { headersOffset, headersBytes } = reused;
        const headers = decodeTable(frame, view, headersOffset, headersOffset + headersBytes);
        expect(tablesEqual(headers, properties.headers ?? {})).toBe(true);
      }),
    );
  });

  it('forgets the message before', () => {
    const scanned = new PropertyScan();
    const first = bytesOf("1900 02 05 02 '60'");
    expect(scanned.scan(first, viewOf(first), 0, first.length)).toBe(true);
    expect(scanned).toMatchObject({ deliveryMode: 2, priority: 5, expirationBytes: 2 });
    const second = bytesOf('0000');
    expect(scanned.scan(second, viewOf(second), 0, 2)).toBe(true);
    expect(scanned).toEqual(new PropertyScan());
  });

  it('ignores the unused flag, as RabbitMQ does', () => {
    expect(scan(bytesOf('0002'))).toBeDefined();
  });
});
