// The method codec: every method there and back, every method against amqplib's codec, vectors
// written by hand from the specification, and what malformed methods are answered with.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AmqpError } from '../../../src/errors/refusal.ts';
import { FRAME_HEADER_BYTES } from '../../../src/protocol/constants.ts';
import { tablesEqual } from '../../../src/protocol/field-table.ts';
import {
  decodeMethod,
  encodeMethod,
  hasContent,
  ID_QUEUE_DECLARE,
  type Method,
  methodFrame,
  methodNameOf,
} from '../../../src/protocol/methods.generated.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import { WireWriter } from '../../../src/protocol/wire-writer.ts';
import { amqplib, METHOD_SPECS, methodArbitrary, plainTable } from './arbitraries.ts';
import { bytesOf } from './bytes.ts';

/** [what a person reads, the frame by hand, the method, its channel]. */
const VECTORS: readonly (readonly [string, Method, number])[] = [
  [
    "01 0000 0000002d 000a 000b 00000011 07 'product' 53 00000004 'test' 05 'PLAIN' 00000004 00 'u' 00 'p' 05 'en_US' ce",
    {
      name: 'connection.start-ok',
      clientProperties: { product: 'test' },
      mechanism: 'PLAIN',
      response: bytesOf("00 'u' 00 'p'"),
      locale: 'en_US',
    },
    0,
  ],
  [
    '01 0000 0000000c 000a 001f 07ff 00020000 003c ce',
    { name: 'connection.tune-ok', channelMax: 2047, frameMax: 131072, heartbeat: 60 },
    0,
  ],
  ["01 0000 00000008 000a 0028 01 '/' 00 00 ce", { name: 'connection.open', virtualHost: '/' }, 0],
  [
    "01 0000 0000000d 000a 0032 00c8 02 'OK' 0000 0000 ce",
    { name: 'connection.close', replyCode: 200, replyText: 'OK', classId: 0, methodId: 0 },
    0,
  ],
  [
    "01 0000 0000000b 000a 003c 06 'memory' ce",
    { name: 'connection.blocked', reason: 'memory' },
    0,
  ],
  ['01 0001 00000005 0014 000a 00 ce', { name: 'channel.open' }, 1],
  ['01 0001 00000008 0014 000b 00000000 ce', { name: 'channel.open-ok' }, 1],
  [
    "01 0002 00000017 0028 000a 0000 02 'ex' 06 'fanout' 02 00000002 00 56 ce",
    {
      name: 'exchange.declare',
      exchange: 'ex',
      type: 'fanout',
      passive: false,
      durable: true,
      autoDelete: false,
      internal: false,
      nowait: false,
      arguments: { '': null },
    },
    2,
  ],
  [
    "01 0001 0000000d 0032 000a 0000 01 'q' 1a 00000000 ce",
    {
      name: 'queue.declare',
      queue: 'q',
      passive: false,
      durable: true,
      exclusive: false,
      autoDelete: true,
      nowait: true,
      arguments: {},
    },
    1,
  ],
  [
    "01 0001 0000000c 003c 0028 0000 00 03 'qé' 02 ce",
    { name: 'basic.publish', exchange: '', routingKey: 'qé', mandatory: false, immediate: true },
    1,
  ],
  [
    "01 0001 00000016 003c 003c 02 'ct' 0000000100000002 01 00 04 'a.b.' ce",
    {
      name: 'basic.deliver',
      consumerTag: 'ct',
      deliveryTag: 2 ** 32 + 2,
      redelivered: true,
      exchange: '',
      routingKey: 'a.b.',
    },
    1,
  ],
  [
    '01 ffff 0000000d 003c 0050 0000000000000007 01 ce',
    { name: 'basic.ack', deliveryTag: 7, multiple: true },
    0xffff,
  ],
  [
    '01 0001 0000000d 003c 0078 001fffffffffffff 02 ce',
    { name: 'basic.nack', deliveryTag: 2 ** 53 - 1, multiple: false, requeue: true },
    1,
  ],
  [
    '01 0001 0000000b 003c 000a 00000000 012c 01 ce',
    { name: 'basic.qos', prefetchSize: 0, prefetchCount: 300, global: true },
    1,
  ],
  ['01 0001 00000005 003c 0048 00 ce', { name: 'basic.get-empty' }, 1],
  ['01 0001 00000005 0055 000a 01 ce', { name: 'confirm.select', nowait: true }, 1],
  ['01 0001 00000004 0028 0033 ce', { name: 'exchange.unbind-ok' }, 1],
  ['01 0001 00000004 005a 001e ce', { name: 'tx.rollback' }, 1],
];

function readerOf(frame: Uint8Array): WireReader {
  return new WireReader(frame, FRAME_HEADER_BYTES, frame.length - 1);
}

function refusalOf(payload: string) {
  try {
    decodeMethod(new WireReader(bytesOf(payload)));
  } catch (error) {
    if (error instanceof AmqpError) return error.refusal;
    throw error;
  }
  throw new Error('expected a refusal');
}

function expectSame(actual: Method, expected: Method): void {
  const names = Object.keys(expected) as (keyof Method)[];
  expect(Object.keys(actual)).toEqual(names);
  for (const name of names) {
    const [got, wanted] = [actual[name], expected[name]] as unknown[];
    // Tables come back with other prototypes and, beyond 32 bits, in other integer types.
    if (typeof wanted === 'object' && !(wanted instanceof Uint8Array)) {
      expect(tablesEqual(got as never, wanted as never)).toBe(true);
    } else {
      expect(got).toEqual(wanted);
    }
  }
}

describe('vectors by hand', () => {
  it.each(VECTORS)('%s', (dump, method, channel) => {
    const frame = bytesOf(dump);
    expect(Buffer.from(methodFrame(channel, method)).toString('hex')).toBe(
      Buffer.from(frame).toString('hex'),
    );
    expectSame(decodeMethod(readerOf(frame)), method);
  });
});

describe.each(METHOD_SPECS)('%s', (name, spec, id) => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(methodArbitrary(spec), fc.nat(0xffff), (method, channel) => {
        expectSame(decodeMethod(readerOf(methodFrame(channel, method))), method);
      }),
      { numRuns: 25 },
    );
  });

  it('is encoded as amqplib encodes it', () => {
    fc.assert(
      fc.property(methodArbitrary(spec, plainTable), fc.nat(0xffff), (method, channel) => {
        const theirs = amqplib.encodeMethod(id, channel, forAmqplib(method));
        expect(Buffer.from(methodFrame(channel, method)).toString('hex')).toBe(
          Buffer.from(theirs).toString('hex'),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('has its id and its name', () => {
    expect(methodNameOf(id)).toBe(name);
    expect(hasContent(id)).toBe(
      ['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok'].includes(name),
    );
  });
});

/** amqplib wants Buffers for long strings, and all reserved fields that have no default. */
function forAmqplib(method: Method): object {
  const fields: Record<string, unknown> = { ...method };
  for (const [name, value] of Object.entries(method)) {
    const longText = name === 'mechanisms' || name === 'locales';
    if (value instanceof Uint8Array || longText) fields[name] = Buffer.from(value as string);
  }
  return fields;
}

describe('ids', () => {
  it('hold the class in the upper 16 bits', () => {
    expect(ID_QUEUE_DECLARE).toBe(0x0032000a);
    expect(new Set(METHOD_SPECS.map(([, , id]) => id)).size).toBe(METHOD_SPECS.length);
  });

  it('know no other method', () => {
    expect(methodNameOf(0x0032000c)).toBeUndefined();
    expect(hasContent(ID_QUEUE_DECLARE)).toBe(false);
  });
});

describe('malformed methods', () => {
  it.each([
    ['an unknown method', '003c 03e7', 503, 'class 60, method 999'],
    ['an unknown class', 'ffff ffff', 503, 'class 65535, method 65535'],
    [
      'no method at all',
      '003c',
      501,
      'cannot decode method id: expected a long integer of 4 bytes',
    ],
    [
      'a short payload',
      '003c 0050 00',
      501,
      'cannot decode basic.ack: expected a long long integer',
    ],
    ['trailing bytes', '005a 000a 00', 501, 'cannot decode tx.select: expected its end at byte 4'],
    [
      'a string that overruns',
      "003c 0015 05 'abc'",
      501,
      'basic.consume-ok: expected a short string of 5 bytes at byte 5, received 3',
    ],
    ['a name that is not UTF-8', '003c 0015 02 c3 28', 501, 'Malformed UTF-8 in shortstr'],
    [
      'a table that overruns',
      "0032 000a 0000 01 'q' 00 ffffffff",
      501,
      'queue.declare: expected a field table of 4294967295 bytes at byte 13, received 0',
    ],
    [
      'a malformed table',
      "0032 000a 0000 01 'q' 00 00000003 01 'x' 5a",
      502,
      'at byte 2 of the table, received 0x5a',
    ],
  ])('%s', (_what, payload, code, text) => {
    const refusal = refusalOf(payload);
    expect(refusal).toMatchObject({ code, scope: 'connection' });
    expect(refusal.text).toContain(text);
  });

  it('lets a publish have any bytes as its routing key', () => {
    const method = decodeMethod(new WireReader(bytesOf('003c 0028 0000 00 01 ff 00')));
    expect(method).toMatchObject({ name: 'basic.publish', routingKey: '\ufffd' });
  });

  it('keeps nothing of a method that cannot be encoded', () => {
    const writer = new WireWriter();
    encodeMethod(writer, 1, { name: 'tx.select' });
    const tooLong: Method = { name: 'basic.cancel-ok', consumerTag: 'x'.repeat(256) };
    expect(() => encodeMethod(writer, 1, tooLong)).toThrow(RangeError);
    expect(() => encodeMethod(writer, 65536, { name: 'tx.select' })).toThrow(RangeError);
    encodeMethod(writer, 1, { name: 'tx.commit' });
    expect(Buffer.from(writer.take()).toString('hex')).toBe(
      '0100010000000400' + '5a000ace' + '0100010000000400' + '5a0014ce',
    );
  });
});
