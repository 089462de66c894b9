// Test thread. Frames that are whole, cut, interleaved or wrong (specification 4.2.3, 4.2.6, 4.2.7;
// RabbitMQ: rabbit_reader, rabbit_command_assembler). Whatever is malformed closes the connection
// with a code, and never anything else: every refusal is followed by a look at another connection.
import { afterEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { uniqueName } from '../support/unique-name.ts';
import { bodyFrame, headerFrame } from '../support/wire/content.ts';
import { encodeLongString } from '../support/wire/field-values.ts';
import {
  FRAME_BODY,
  frame,
  HEARTBEAT,
  methodFrame,
  methodPayload,
} from '../support/wire/frames.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();

/** Frames sent on an open channel, as the table rows below write them. */
async function refusalOf(...frames: Buffer[]): Promise<unknown> {
  const { client } = await broker.channel();
  client.write(Buffer.concat(frames));
  return client.refusal();
}

/** Either the code, or where RabbitMQ is known to crash instead, the end of the socket. */
async function expectCodeOrEnd(expected: number | 'socket closed', bytes: Buffer): Promise<void> {
  const { client } = await broker.channel();
  client.write(bytes);
  if (expected === 'socket closed') return client.ended;
  expect(await client.refusal()).toMatchObject({ code: expected });
}

const PUBLISH = methodFrame(1, 'basic.publish', { routingKey: 'nowhere' });

afterEach(async () => {
  const channel = await broker.channel();
  await channel.call('channel.flow', { active: true });
  await channel.client.close();
});

describe('a frame', () => {
  test('with a wrong end octet is refused with 501', async () => {
    const bytes = methodFrame(1, 'channel.flow', { active: true });
    bytes[bytes.length - 1] = 0;
    expect(await refusalOf(bytes)).toEqual(connectionRefusal(501));
  });

  test('of exactly frame_max bytes is accepted', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    const body = Buffer.alloc(131_072 - 8, 'x');
    channel.publish({ routingKey: queue }, body);
    expect((await channel.get(queue))?.body.equals(body)).toBe(true);
  });

  test('larger than frame_max is refused with 501', async () => {
    const header = headerFrame(1, 131_073);
    const body = frame(FRAME_BODY, 1, Buffer.alloc(131_073));
    expect(await refusalOf(PUBLISH, header, body)).toEqual(connectionRefusal(501));
  });

  test('larger than the frame_max that the client asked for is refused with 501', async () => {
    const client = await broker.open({ frameMax: 8192 });
    const channel = await client.channel();
    channel.send('basic.publish', { routingKey: 'nowhere' });
    client.write(headerFrame(1, 8193));
    client.write(frame(FRAME_BODY, 1, Buffer.alloc(8193)));
    expect(await client.refusal()).toEqual(connectionRefusal(501));
  });

  test('that announces 2 GiB is refused with 501 before it has arrived', async () => {
    const announcement = Buffer.from([1, 0, 1, 0x7f, 0xff, 0xff, 0xff]);
    expect(await refusalOf(announcement)).toEqual(connectionRefusal(501));
  });

  test.each([0, 4, 5, 7, 9, 255])('of unknown type %i is refused with 501', async (type) => {
    expect(await refusalOf(frame(type, 1, Buffer.alloc(3)))).toEqual(connectionRefusal(501));
  });

  test('of unknown type on channel 0 is refused with 501', async () => {
    expect(await refusalOf(frame(4, 0, Buffer.alloc(3)))).toEqual(connectionRefusal(501));
  });

  test('heartbeat on a channel is refused with 505', async () => {
    expect(await refusalOf(frame(8, 1, Buffer.alloc(0)))).toEqual(connectionRefusal(505));
  });

  test('heartbeat with a payload is refused with 501', async () => {
    expect(await refusalOf(frame(8, 0, Buffer.from('abc')))).toEqual(connectionRefusal(501));
  });
});

describe('content', () => {
  test.each([
    ['a header on channel 0', [headerFrame(0, 3)]],
    ['a body on channel 0', [bodyFrame(0, Buffer.from('abc'))]],
    ['a header without basic.publish', [headerFrame(1, 3)]],
    ['a body without basic.publish', [bodyFrame(1, Buffer.from('abc'))]],
    ['a body before its header', [PUBLISH, bodyFrame(1, Buffer.from('abc'))]],
    ['a method before the header', [PUBLISH, PUBLISH]],
    ['a method before the body', [PUBLISH, headerFrame(1, 3), PUBLISH]],
    ['a second header', [PUBLISH, headerFrame(1, 3), headerFrame(1, 3)]],
    ['a header of another class', [PUBLISH, headerFrame(1, 3, {}, 50)]],
    ['a header on a channel that is not open', [headerFrame(7, 3)]],
    ['a body after an empty body', [PUBLISH, headerFrame(1, 0), bodyFrame(1, Buffer.alloc(0))]],
  ])('%s is refused with 505', async (_, frames) => {
    expect(await refusalOf(...frames)).toEqual(connectionRefusal(505));
  });

  test('a header too short for its fixed fields is refused with 501', async () => {
    expect(await refusalOf(PUBLISH, frame(2, 1, Buffer.alloc(5)))).toEqual(connectionRefusal(501));
  });

  test('more body bytes than announced are refused with 501', async () => {
    if (!expectedOn(broker, differences.tooLargeBodyIsRefused)) return;
    const body = bodyFrame(1, Buffer.from('abcd'));
    expect(await refusalOf(PUBLISH, headerFrame(1, 3), body)).toEqual(connectionRefusal(501));
  });

  test('more body bytes than announced, over two frames, are refused with 501', async () => {
    if (!expectedOn(broker, differences.tooLargeBodyIsRefused)) return;
    const body = [bodyFrame(1, Buffer.from('ab')), bodyFrame(1, Buffer.from('cd'))];
    expect(await refusalOf(PUBLISH, headerFrame(1, 3), ...body)).toEqual(connectionRefusal(501));
  });

  test('a body of 17 MiB is refused with 406 as soon as it is announced', async () => {
    if (!expectedOn(broker, differences.tooLargeBodyIsRefused)) return;
    const channel = await broker.channel();
    const bytes = 17 * 1_048_576;
    channel.client.write(Buffer.concat([PUBLISH, headerFrame(1, bytes)]));
    const text = `message size ${bytes} is larger than configured max size 16777216`;
    expect(await channel.refusal()).toEqual(channelRefusal(406, text));
  });

  test('a body of 1 TiB is refused with 501 as soon as it is announced', async () => {
    if (!expectedOn(broker, differences.tooLargeBodyIsRefused)) return;
    expect(await refusalOf(PUBLISH, headerFrame(1, 2 ** 40))).toEqual(connectionRefusal(501));
  });

  test('a body in many small frames, one of them empty, arrives whole', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    channel.send('basic.publish', { routingKey: queue });
    channel.client.write(headerFrame(1, 26));
    for (const piece of ['abcdefg', '', 'h', 'ijklmnopqrstuvwxy', 'z']) {
      channel.client.write(bodyFrame(1, Buffer.from(piece)));
    }
    expect((await channel.get(queue))?.body.toString()).toBe('abcdefghijklmnopqrstuvwxyz');
  });

  test('a body of no bytes arrives without a body frame', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    channel.publish({ routingKey: queue }, '', { type: 'empty' });
    const message = await channel.get(queue);
    expect(message?.content).toMatchObject({ bodyBytes: 0, properties: { type: 'empty' } });
    expect(message?.bodyFrameBytes).toEqual([]);
  });

  test('is sent in frames of at most the frame_max that the client asked for', async () => {
    const publisher = await broker.channel();
    const client = await broker.open({ frameMax: 8192 });
    const channel = await client.channel();
    const queue = uniqueName('frame-max');
    await channel.call('queue.declare', { queue, autoDelete: true, durable: true });
    const body = Buffer.alloc(20_000, 'y');
    publisher.publish({ routingKey: queue }, body);
    await publisher.awaitReady(queue, 1);
    const message = await channel.get(queue);
    expect(message?.body.equals(body)).toBe(true);
    expect(message?.bodyFrameBytes).toEqual([8192, 8192, 20_000 - 2 * 8184 + 8]);
    await channel.call('queue.delete', { queue });
  });

  test('of two channels may be interleaved', async () => {
    const one = await broker.channel();
    const two = await one.client.channel();
    const queue = await one.exclusiveQueue();
    one.client.write(
      Buffer.concat([
        methodFrame(1, 'basic.publish', { routingKey: queue }),
        methodFrame(2, 'basic.publish', { routingKey: queue }),
        headerFrame(1, 6, { messageId: 'one' }),
        headerFrame(2, 6, { messageId: 'two' }),
        bodyFrame(1, Buffer.from('one')),
        bodyFrame(2, Buffer.from('two')),
        HEARTBEAT,
        bodyFrame(2, Buffer.from('TWO')),
        bodyFrame(1, Buffer.from('ONE')),
      ]),
    );
    await two.call('channel.flow', { active: true });
    await one.awaitReady(queue, 2);
    const bodies = await one.drain(queue);
    expect(bodies.sort()).toEqual(['oneONE', 'twoTWO']);
  });
});

describe('bytes', () => {
  test('cut at every place of a publish give the same message', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    const bytes = Buffer.concat([
      methodFrame(1, 'basic.publish', { routingKey: queue }),
      headerFrame(1, 8, { headers: { a: 'b' }, deliveryMode: 2 }),
      bodyFrame(1, Buffer.from('whole')),
      bodyFrame(1, Buffer.from('ish')),
    ]);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      await channel.client.writeInPieces([bytes.subarray(0, cut), bytes.subarray(cut)]);
    }
    await channel.awaitReady(queue, bytes.length - 1);
    const bodies = new Set(await channel.drain(queue));
    expect([...bodies]).toEqual(['wholeish']);
  });

  test('one at a time make a session', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    const session = Buffer.concat([
      methodFrame(1, 'basic.publish', { routingKey: queue }),
      headerFrame(1, 3, { contentType: 'text/plain' }),
      bodyFrame(1, Buffer.from('abc')),
      methodFrame(1, 'basic.get', { queue, noAck: true }),
    ]);
    await channel.client.writeInPieces([...session].map((byte) => Buffer.from([byte])));
    const message = await channel.expect('basic.get-ok');
    expect(message.body.toString()).toBe('abc');
  });

  test('of a thousand publishes in one write give a thousand messages in order', async () => {
    const channel = await broker.channel();
    const queue = await channel.exclusiveQueue();
    const publishes = Array.from({ length: 1000 }, (_, index) => [
      methodFrame(1, 'basic.publish', { routingKey: queue }),
      headerFrame(1, 4),
      bodyFrame(1, Buffer.from(String(index).padStart(4, '0'))),
    ]);
    channel.client.write(Buffer.concat(publishes.flat()));
    await channel.consume(queue, { noAck: true });
    const bodies = await channel.bodies(1000);
    expect(bodies.map(Number)).toEqual(publishes.map((_, index) => index));
  });
});

describe('a method', () => {
  test('on a channel that is not open is refused with 504', async () => {
    const refusal = await refusalOf(methodFrame(7, 'queue.declare', { exclusive: true }));
    expect(refusal).toEqual(connectionRefusal(504, "expected 'channel.open'"));
    expect(refusal).toMatchObject({ classId: 50, methodId: 10 });
  });

  test('channel.close on a channel that is not open is refused with 504', async () => {
    const refusal = await refusalOf(methodFrame(7, 'channel.close', {}));
    expect(refusal).toEqual(connectionRefusal(504, "expected 'channel.open'"));
  });

  test('channel.open on an open channel is refused with 504', async () => {
    const refusal = await refusalOf(methodFrame(1, 'channel.open', {}));
    expect(refusal).toEqual(connectionRefusal(504, "second 'channel.open' seen"));
  });

  test.each([
    ['channel.open', 20, 10],
    ['queue.declare', 50, 10],
    ['basic.publish', 60, 40],
  ] as const)('%s on channel 0 is refused with 504', async (name, classId, methodId) => {
    const refusal = await refusalOf(methodFrame(0, name, {}));
    expect(refusal).toEqual(connectionRefusal(504));
    expect(refusal).toMatchObject({ classId, methodId });
  });

  test.each([
    ['of the server', 'queue.declare-ok'],
    ['of the connection', 'connection.close'],
    ['that answers nothing', 'channel.close-ok'],
  ] as const)('%s on an open channel is refused with 503', async (_, name) => {
    expect(await refusalOf(methodFrame(1, name, {}))).toEqual(connectionRefusal(503));
  });

  test.each([
    ['class', 99, 10],
    ['method', 50, 99],
  ])('of an unknown %s closes the connection', async (_, classId, methodId) => {
    const payload = Buffer.from([0, classId, 0, methodId]);
    await expectCodeOrEnd(expectedOn(broker, differences.unknownMethod), frame(1, 1, payload));
  });

  test.each([0, 1, 2, 3])('of %i bytes is refused with 501 and names no method', async (bytes) => {
    const refusal = await refusalOf(frame(1, 1, Buffer.alloc(bytes)));
    expect(refusal).toEqual(connectionRefusal(501));
    // Ids read from behind so short a payload would be bytes of somebody else.
    expect(refusal).toMatchObject({ classId: 0, methodId: 0 });
  });

  test.each([
    ['without its arguments', Buffer.from([0, 50, 0, 10])],
    ['with a string longer than the frame', Buffer.from([0, 50, 0, 10, 0, 0, 200, 65])],
    [
      'with bytes behind its arguments',
      Buffer.concat([methodPayload('channel.flow', { active: true }), Buffer.from('zzz')]),
    ],
    [
      'with a name that is not UTF-8',
      Buffer.from([0, 50, 0, 10, 0, 0, 2, 255, 254, 4, 0, 0, 0, 0]),
    ],
  ])('%s is refused with 501', async (_, payload) => {
    expect(await refusalOf(frame(1, 1, payload))).toEqual(connectionRefusal(501));
  });
});

describe('a field table', () => {
  function declareWith(table: Buffer): Buffer {
    const payload = methodPayload('queue.declare', { exclusive: true });
    return frame(1, 1, Buffer.concat([payload.subarray(0, -4), table]));
  }

  test.each([
    ['longer than its frame', Buffer.from([0, 0, 1, 0])],
    ['of 4 GiB', Buffer.from([255, 255, 255, 255])],
  ])('%s is refused with 501', async (_, table) => {
    expect(await refusalOf(declareWith(table))).toEqual(connectionRefusal(501));
  });

  test.each([
    ['a key longer than the table', Buffer.from([50, 65, 66])],
    ['a field of unknown type', Buffer.from('\x01aZ\0\0\0\0', 'latin1')],
    ['a value cut short', Buffer.from('\x01aI\0\0', 'latin1')],
    ['a nested table longer than its parent', Buffer.from('\x01aF\0\0\0\x09\x01bI\0', 'latin1')],
    ['an array longer than the table', Buffer.from('\x01aA\0\0\0\x09I\0', 'latin1')],
  ])('with %s closes the connection', async (_, content) => {
    const expected = expectedOn(broker, differences.malformedTable);
    await expectCodeOrEnd(expected, declareWith(encodeLongString(content)));
  });

  test.each([
    ['cut short', Buffer.from([0x80, 0, 20, 65])],
    ['with bytes behind them', Buffer.from([0, 0, 20, 65])],
    ['with a second word of flags', Buffer.from([0, 1, 0, 0])],
    [
      'with a malformed headers table',
      Buffer.concat([Buffer.from([0x20, 0]), encodeLongString(Buffer.from('\x01aZ\0', 'latin1'))]),
    ],
  ])('message properties %s close the connection', async (_, properties) => {
    const { client } = await broker.channel();
    client.write(Buffer.concat([PUBLISH, headerFrame(1, 0, properties)]));
    const { code } = await client.refusal();
    expect(expectedOn(broker, differences.malformedProperties)).toContain(code);
  });
});
