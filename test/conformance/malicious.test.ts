// Test thread. Hostile bytes: whatever a client sends, the broker goes on serving the others. The
// random choices come from a seed, so a failure can be repeated with CONFORMANCE_SEED.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { withDeadline } from '../support/inbox.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { plainResponse, type RawClient } from '../support/raw-client.ts';
import { bodyFrame, headerFrame } from '../support/wire/content.ts';
import { frame, methodFrame, PROTOCOL_HEADER } from '../support/wire/frames.ts';

const broker = useBroker();
const SEED = Number(process.env['CONFORMANCE_SEED'] ?? 20_260_822);

/** A small random generator (mulberry32): the same seed gives the same bytes on every machine. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}

/** A whole polite session, from protocol header to connection.close, sent without waiting. */
const SESSION = [
  PROTOCOL_HEADER,
  methodFrame(0, 'connection.start-ok', {
    clientProperties: { product: 'hostile', capabilities: { 'basic.nack': true } },
    mechanism: 'PLAIN',
    response: plainResponse(),
    locale: 'en_US',
  }),
  methodFrame(0, 'connection.tune-ok', { channelMax: 16, frameMax: 131_072 }),
  methodFrame(0, 'connection.open', { virtualHost: '/' }),
  methodFrame(1, 'channel.open', {}),
  methodFrame(1, 'queue.declare', { exclusive: true, arguments: { 'x-unheard-of': [1, 'a'] } }),
  methodFrame(1, 'queue.bind', { exchange: 'amq.headers', arguments: { a: { b: 'c' } } }),
  methodFrame(1, 'confirm.select', {}),
  methodFrame(1, 'basic.publish', { exchange: 'amq.headers', mandatory: true }),
  headerFrame(1, 6, { headers: { a: { b: 'c' } }, deliveryMode: 2, messageId: 'm' }),
  bodyFrame(1, Buffer.from('hos')),
  bodyFrame(1, Buffer.from('til')),
  methodFrame(1, 'basic.qos', { prefetchCount: 1 }),
  methodFrame(1, 'basic.consume', { consumerTag: 'tag' }),
  methodFrame(1, 'basic.ack', { deliveryTag: 0, multiple: true }),
  methodFrame(1, 'channel.close', {}),
  methodFrame(0, 'connection.close', {}),
];

/** How many frames of the session log in and open a channel. */
const LOGIN_FRAMES = 5;

let bystander: RawChannel;
let queue: string;

beforeEach(async () => {
  bystander = await broker.channel();
  queue = await bystander.exclusiveQueue();
  await bystander.consume(queue, { noAck: true });
});

// Whoever was connected before is still served, and so is a newcomer.
afterEach(async () => {
  bystander.publish({ routingKey: queue }, 'still here');
  expect((await bystander.delivery()).body.toString()).toBe('still here');
  const newcomer = await broker.channel();
  newcomer.publish({ routingKey: queue }, 'me too');
  expect((await bystander.delivery()).body.toString()).toBe('me too');
  await newcomer.client.close();
});

/**
 * Sends the bytes and the end of the stream, and waits until the broker has let go of the socket.
 */
async function attack(bytes: Buffer): Promise<void> {
  const client: RawClient = await broker.connect();
  // Nobody reads frames here: what a broker answers to garbage need not make sense to us.
  client.socket.removeAllListeners('data');
  client.socket.resume();
  client.socket.end(bytes);
  await withDeadline(`the end of a hostile connection (seed ${SEED})`, client.ended);
}

async function attackAll(count: number, make: (random: Random) => Buffer): Promise<void> {
  const random = new Random(SEED);
  const attacks = Array.from({ length: count }, () => make(random));
  await Promise.all(attacks.map(attack));
}

function mutate(random: Random, session: Buffer, from: number): Buffer {
  const bytes = Buffer.from(session);
  const at = from + random.below(bytes.length - from);
  const length = 1 + random.below(12);
  switch (random.below(5)) {
    case 0:
      bytes[at] = random.below(256);
      return bytes;
    case 1:
      random.bytes(Math.min(length, bytes.length - at)).copy(bytes, at);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)]);
    default:
      return bytes.subarray(0, at);
  }
}

describe('the broker outlives', () => {
  test('the session that the others are made from', async () => {
    const client = await broker.connect();
    client.write(Buffer.concat(SESSION));
    await client.expect(0, 'connection.start');
    await client.expect(0, 'connection.tune');
    await client.expect(0, 'connection.open-ok');
    await client.expect(1, 'channel.open-ok');
    await client.expect(0, 'connection.close-ok');
  });

  test('200 random byte strings', async () => {
    await attackAll(200, (random) => random.bytes(1 + random.below(300)));
  });

  test('50 random byte strings behind a protocol header', async () => {
    await attackAll(50, (random) =>
      Buffer.concat([PROTOCOL_HEADER, random.bytes(1 + random.below(300))]),
    );
  });

  test('100 random payloads in well-formed frames of a client that is logged in', async () => {
    const login = SESSION.slice(0, LOGIN_FRAMES);
    await attackAll(100, (random) => {
      const type = 1 + random.below(3);
      const payload = random.bytes(random.below(100));
      // Mostly classes and methods that exist, so that the arguments get looked at.
      if (type === 1 && payload.length >= 4) {
        payload.writeUInt16BE([10, 20, 40, 50, 60, 85][random.below(6)], 0);
        payload.writeUInt16BE(10 * (1 + random.below(8)), 2);
      }
      return Buffer.concat([...login, frame(type, random.below(3), payload)]);
    });
  });

  test('200 sessions with a change anywhere', async () => {
    const session = Buffer.concat(SESSION);
    await attackAll(200, (random) => mutate(random, session, 0));
  });

  test('200 sessions with changes behind the log-in', async () => {
    const session = Buffer.concat(SESSION);
    const from = Buffer.concat(SESSION.slice(0, LOGIN_FRAMES)).length;
    await attackAll(200, (random) => mutate(random, mutate(random, session, from), from));
  });

  test('50 clients that vanish in the middle of a message', async () => {
    const start = methodFrame(1, 'basic.publish', { routingKey: queue });
    await attackAll(50, (random) =>
      Buffer.concat([
        ...SESSION.slice(0, LOGIN_FRAMES),
        start,
        headerFrame(1, 100_000),
        bodyFrame(1, random.bytes(random.below(2000))),
      ]),
    );
    expect(await bystander.settled(queue, 0)).toEqual([]);
  });

  test('a client that opens and closes a channel a thousand times', async () => {
    const channel = await broker.channel();
    for (let round = 0; round < 1000; round += 1) {
      await channel.call('channel.close');
      await channel.call('channel.open');
    }
  });

  test('a field table nested 1000 levels deep', async () => {
    const client = await broker.open();
    const channel = await client.channel();
    const own = await channel.exclusiveQueue();
    let value = Buffer.alloc(0);
    for (let depth = 0; depth < 1000; depth += 1) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.length);
      value = Buffer.concat([Buffer.from('\x01aF', 'latin1'), length, value]);
    }
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    channel.send('basic.publish', { routingKey: own });
    client.write(headerFrame(1, 1, Buffer.concat([Buffer.from([0x20, 0]), length, value])));
    client.write(bodyFrame(1, Buffer.from('x')));
    channel.send('basic.get', { queue: own, noAck: true });
    // Taken or refused, both will do; what counts is the look around after the test.
    const outcome = await channel.next('basic.get-ok').catch(() => client.refusal());
    expect([{ name: 'basic.get-ok' }, { scope: 'connection' }]).toContainEqual(
      'name' in outcome ? { name: outcome.name } : { scope: outcome.scope },
    );
  });
});
