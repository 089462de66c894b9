// The AMQP client of the management API: frames in any pieces, refusals as HTTP, an end in any case.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DirectChannel, withChannel } from '../../../src/management/direct-channel.ts';
import { FRAME_BODY, FRAME_END } from '../../../src/protocol/constants.ts';
import { decodeMethod, type Method, methodFrame } from '../../../src/protocol/methods.generated.ts';
import { contentHeaderFrame } from '../../../src/protocol/properties.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';

/** Plays the acceptor: answers each method that comes with the frames that the test gives. */
class Peer {
  readonly port: MessagePort;
  readonly heard: Method[] = [];
  readonly bytes: Buffer[] = [];
  hasEnded = false;

  constructor(port: MessagePort, answer: (method: Method) => Uint8Array[]) {
    this.port = port;
    port.on('message', (piece: Uint8Array | null) => {
      if (piece === null) {
        this.hasEnded = true;
        port.close();
        return;
      }
      const frame = Buffer.from(piece);
      this.bytes.push(frame);
      if (frame[0] !== 1) return;
      const method = decodeMethod(new WireReader(frame, 7, frame.length - 1));
      this.heard.push(method);
      if (method.name === 'connection.close')
        this.say(methodFrame(0, { name: 'connection.close-ok' }));
      else for (const reply of answer(method)) this.say(reply);
    });
  }

  say(piece: Uint8Array): void {
    this.port.postMessage(piece);
  }
}

let peer: Peer;
let own: MessagePort;
let answers: (method: Method) => Uint8Array[];

beforeEach(() => {
  const { port1, port2 } = new MessageChannel();
  own = port1;
  answers = () => [];
  peer = new Peer(port2, (method) => answers(method));
});

afterEach(() => peer.port.close());

const reply = (method: Method): Uint8Array => methodFrame(1, method);
const bodyFrame = (text: string): Buffer =>
  Buffer.concat([
    Buffer.of(FRAME_BODY, 0, 1, 0, 0, 0, text.length),
    Buffer.from(text),
    Buffer.of(FRAME_END),
  ]);
const GET = { name: 'basic.get', queue: 'q', noAck: true } as const;

const get = (channel: DirectChannel) => channel.ask(GET);

describe('a question', () => {
  it('is asked after opening, and the connection is closed after it', async () => {
    answers = ({ name }) =>
      name === 'channel.open'
        ? [reply({ name: 'channel.open-ok' })]
        : [reply({ name: 'basic.get-empty' })];
    const { method } = await withChannel(own, get);
    expect(method.name).toBe('basic.get-empty');
    expect(peer.heard.map(({ name }) => name)).toEqual([
      'channel.open',
      'basic.get',
      'connection.close',
    ]);
  });

  it('is answered with content, in whatever pieces it comes', async () => {
    const head = { deliveryTag: 1, redelivered: true, exchange: 'e', routingKey: 'k' } as const;
    const whole = Buffer.concat([
      reply({ name: 'basic.get-ok', ...head, messageCount: 2 }),
      contentHeaderFrame(1, 5, { messageId: 'm' }),
      bodyFrame('he'),
      bodyFrame('llo'),
    ]);
    answers = ({ name }) => {
      if (name !== 'basic.get') return [];
      return Array.from(whole, (_byte, at) => whole.subarray(at, at + 1));
    };
    const { method, content } = await withChannel(own, get);
    expect(method).toMatchObject(head);
    expect([content!.body.toString(), content!.properties]).toEqual(['hello', { messageId: 'm' }]);
  });

  it.each([
    [403, 'ACCESS_REFUSED - no', 401, 'not_authorised', 'ACCESS_REFUSED - no'],
    [404, 'NOT_FOUND - none', 404, 'not_found', 'NOT_FOUND - none'],
    [406, 'PRECONDITION_FAILED - x', 400, 'bad_request', '406 PRECONDITION_FAILED - x'],
  ])(
    'that is refused with %d is refused by HTTP',
    async (replyCode, replyText, status, error, reason) => {
      answers = ({ name }) =>
        name === 'basic.get'
          ? [reply({ name: 'channel.close', replyCode, replyText, classId: 60, methodId: 70 })]
          : [];
      await expect(withChannel(own, get)).rejects.toMatchObject({
        status,
        body: { error, reason },
      });
      expect(peer.heard.at(-1)?.name).toBe('connection.close');
    },
  );

  it('to nobody is answered with 503', async () => {
    peer.port.close();
    await expect(withChannel(own, get)).rejects.toMatchObject({ status: 503 });
  });

  it('that cannot be put into a frame is refused', async () => {
    const long = { ...GET, queue: 'q'.repeat(256) };
    await expect(withChannel(own, (channel) => channel.ask(long))).rejects.toMatchObject({
      status: 400,
    });
  });
});

it('a large body goes out in frames that the broker takes', async () => {
  answers = ({ name }) => (name === 'basic.get' ? [reply({ name: 'basic.get-empty' })] : []);
  const body = Buffer.alloc(300_000, 7);
  await withChannel(own, async (channel) => {
    channel.sendContent({}, body);
    await get(channel);
  });
  const pieces = peer.bytes.filter((frame) => frame[0] === FRAME_BODY);
  expect(pieces.every(({ length }) => length <= 128 * 1024)).toBe(true);
  expect(Buffer.concat(pieces.map((frame) => frame.subarray(7, -1))).equals(body)).toBe(true);
});
