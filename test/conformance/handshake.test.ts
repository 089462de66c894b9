// Test thread. From the first byte to connection.open-ok: protocol header, SASL, tune, open
// (specification 2.2.4 and 4.2.2; RabbitMQ: rabbit_reader). Concurrent, because brokers answer
// failed log-ins slowly on purpose.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { ALL_CAPABILITIES, plainResponse, type RawClient } from '../support/raw-client.ts';
import { encodeTable } from '../support/wire/field-values.ts';
import { PROTOCOL_HEADER } from '../support/wire/frames.ts';
import type { MethodFields } from '../support/wire/methods.ts';
import { differences, expectedOn } from './differences.ts';
import { connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker({ set: { login_refused_delay: '100ms' } });

/** RabbitMQ's until 4.1, which refuses frames below 8192; kept for clients that ask for 4096. */
const FRAME_MAX_FLOOR = 4096;

async function started(): Promise<RawClient> {
  const client = await broker.connect();
  client.write(PROTOCOL_HEADER);
  await client.expect(0, 'connection.start');
  return client;
}

async function tuned(): Promise<RawClient> {
  const client = await started();
  client.send(0, 'connection.start-ok', startOk({}));
  await client.expect(0, 'connection.tune');
  return client;
}

/** The broker refuses with `code`, or hangs up in silence where it is known to. */
async function expectRefused(client: RawClient, code: number, text?: RegExp): Promise<void> {
  if (expectedOn(broker, differences.handshakeRefusalsAreSaid)) {
    expect(await client.refusal()).toMatchObject({ code, text: expect.stringMatching(text ?? '') });
    return;
  }
  await client.ended;
  expect(client.inbox(0).size).toBe(0);
}

function startOk(
  fields: Partial<MethodFields<'connection.start-ok'>>,
): MethodFields<'connection.start-ok'> {
  return {
    clientProperties: { capabilities: ALL_CAPABILITIES },
    mechanism: 'PLAIN',
    response: plainResponse(),
    locale: 'en_US',
    ...fields,
  };
}

describe.concurrent('protocol header', () => {
  test.each([
    ['of AMQP 0-8', 'AMQP\x00\x00\x08\x00'],
    ['of an unknown revision', 'AMQP\x00\x00\x09\x02'],
    ['of HTTP', 'GET / HT'],
    ['of zeros', '\0\0\0\0\0\0\0\0'],
  ])('%s is answered with 0-0-9-1 and a closed socket', async (_, header) => {
    const client = await broker.connect();
    client.write(Buffer.from(header, 'latin1'));
    await client.ended;
    expect(client.protocolHeader).toEqual(PROTOCOL_HEADER);
  });

  test('of AMQP 0-9 (1-1-0-9) is accepted', async () => {
    const client = await broker.connect();
    client.write(Buffer.from('AMQP\x01\x01\x00\x09', 'latin1'));
    await client.expect(0, 'connection.start');
  });

  test('that arrives one byte at a time is accepted', async () => {
    const client = await broker.connect();
    await client.writeInPieces([...PROTOCOL_HEADER].map((byte) => Buffer.from([byte])));
    await client.expect(0, 'connection.start');
  });

  test('followed by the end of the socket does no harm', async () => {
    const client = await broker.connect();
    client.write(PROTOCOL_HEADER.subarray(0, 5));
    client.socket.end();
    await client.ended;
    await started();
  });
});

describe.concurrent('connection.start', () => {
  test('offers version 0-9, PLAIN and AMQPLAIN, and en_US', async () => {
    const client = await broker.connect();
    client.write(PROTOCOL_HEADER);
    const { fields } = await client.expect(0, 'connection.start');
    expect([fields.versionMajor, fields.versionMinor]).toEqual([0, 9]);
    expect(fields.mechanisms.split(' ')).toEqual(expect.arrayContaining(['PLAIN', 'AMQPLAIN']));
    expect(fields.locales).toBe('en_US');
  });

  test('server properties name the product as RabbitMQ, with version and platform', async () => {
    const client = await broker.open();
    expect(client.serverProperties).toMatchObject({
      product: 'RabbitMQ',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      platform: expect.any(String),
      copyright: expect.any(String),
      information: expect.any(String),
      cluster_name: expect.any(String),
    });
  });

  test('server properties advertise the capabilities', async () => {
    const client = await broker.open();
    expect(client.serverProperties['capabilities']).toMatchObject({
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    });
  });
});

describe.concurrent('log-in', () => {
  test('with PLAIN leads to connection.tune', async () => {
    const client = await started();
    client.send(0, 'connection.start-ok', startOk({}));
    await client.expect(0, 'connection.tune');
  });

  test('with AMQPLAIN leads to connection.tune', async () => {
    const client = await started();
    // AMQPLAIN is a field table without its length.
    const response = encodeTable({ LOGIN: 'guest', PASSWORD: 'guest' }).subarray(4);
    client.send(0, 'connection.start-ok', startOk({ mechanism: 'AMQPLAIN', response }));
    await client.expect(0, 'connection.tune');
  });

  test.each([
    ['a wrong password', 'guest', 'wrong'],
    ['an unknown user', 'nobody', 'guest'],
    ['an empty password', 'guest', ''],
  ])('with %s is refused with 403 and a text that does not tell which', async (_, user, pass) => {
    const client = await started();
    client.send(0, 'connection.start-ok', startOk({ response: plainResponse(user, pass) }));
    expect(await client.refusal()).toMatchObject({
      code: 403,
      text: expect.stringMatching(
        /^ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN\./,
      ),
    });
  });

  test('with a wrong AMQPLAIN password is refused with 403', async () => {
    const client = await started();
    const response = encodeTable({ LOGIN: 'guest', PASSWORD: 'wrong' }).subarray(4);
    client.send(0, 'connection.start-ok', startOk({ mechanism: 'AMQPLAIN', response }));
    expect(await client.refusal()).toMatchObject({
      code: 403,
      text: expect.stringContaining('authentication mechanism AMQPLAIN'),
    });
  });

  test('refused without authentication_failure_close closes the socket without a word', async () => {
    const client = await started();
    client.send(
      0,
      'connection.start-ok',
      startOk({ clientProperties: {}, response: plainResponse('guest', 'wrong') }),
    );
    await client.ended;
    expect(client.inbox(0).size).toBe(0);
  });

  test('in a frame of 20,000 bytes is refused, whatever frame_max will be', async () => {
    const client = await started();
    const clientProperties = { padding: 'x'.repeat(20_000) };
    client.send(0, 'connection.start-ok', startOk({ clientProperties }));
    await expectRefused(client, 501);
  });

  test('with an unknown mechanism is refused with 503', async () => {
    const client = await started();
    client.send(0, 'connection.start-ok', startOk({ mechanism: 'NONSENSE' }));
    await expectRefused(client, 503, /unknown authentication mechanism 'NONSENSE'/);
  });

  test.each([
    ['without separators', 'guest'],
    ['with one separator', '\0guest'],
    ['that is empty', ''],
  ])('with a PLAIN response %s is refused with 502', async (_, response) => {
    const client = await started();
    client.send(0, 'connection.start-ok', startOk({ response: Buffer.from(response) }));
    await expectRefused(client, 502);
  });

  test('with an AMQPLAIN response without a password is refused with 502', async () => {
    const client = await started();
    const response = encodeTable({ LOGIN: 'guest' }).subarray(4);
    client.send(0, 'connection.start-ok', startOk({ mechanism: 'AMQPLAIN', response }));
    await expectRefused(client, 502);
  });

  test('with an undecodable AMQPLAIN response is refused with 502', async () => {
    const client = await started();
    const response = Buffer.from('\xff\x00\x01garbage', 'latin1');
    client.send(0, 'connection.start-ok', startOk({ mechanism: 'AMQPLAIN', response }));
    await expectRefused(client, 502);
  });
});

describe.concurrent('connection.tune', () => {
  test('offers 2047 channels, 131072-byte frames and a heartbeat of 60 s', async () => {
    const client = await started();
    client.send(0, 'connection.start-ok', startOk({}));
    const { fields } = await client.expect(0, 'connection.tune');
    expect(fields).toEqual({ channelMax: 2047, frameMax: 131_072, heartbeat: 60 });
  });

  test('tune-ok with lower limits is accepted', async () => {
    const client = await tuned();
    client.send(0, 'connection.tune-ok', {
      channelMax: 1,
      frameMax: FRAME_MAX_FLOOR,
      heartbeat: 0,
    });
    client.send(0, 'connection.open', { virtualHost: '/' });
    await client.expect(0, 'connection.open-ok');
  });

  test.each([
    ['a frame_max below 4096', { channelMax: 10, frameMax: FRAME_MAX_FLOOR - 1 }],
    ['a frame_max above the offer', { channelMax: 10, frameMax: 131_073 }],
    ['no frame_max limit (0)', { channelMax: 10, frameMax: 0 }],
    ['a channel_max above the offer', { channelMax: 2048, frameMax: 131_072 }],
    ['no channel_max limit (0)', { channelMax: 0, frameMax: 131_072 }],
  ])('tune-ok with %s is refused with 530', async (_, limits) => {
    const client = await tuned();
    client.send(0, 'connection.tune-ok', { heartbeat: 0, ...limits });
    client.send(0, 'connection.open', { virtualHost: '/' });
    await expectRefused(client, 530);
  });

  test('heartbeats asked for by the client are sent though the connection is idle', async () => {
    const client = await broker.open({ heartbeatSeconds: 1 });
    const beat = setInterval(() => client.write(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])), 400);
    await client.heartbeats.next('a heartbeat');
    await client.heartbeats.next('a second heartbeat');
    clearInterval(beat);
    await client.close();
  });

  test('two missed heartbeats close the socket', async () => {
    const client = await broker.open({ heartbeatSeconds: 1 });
    await client.ended;
    expect(client.heartbeats.size).toBeGreaterThan(0);
  });

  test('any frame counts as a heartbeat', async () => {
    const client = await broker.open({ heartbeatSeconds: 1 });
    const channel = await client.channel();
    for (let round = 0; round < 4; round += 1) {
      await client.heartbeats.next('a heartbeat');
      await channel.call('channel.flow', { active: true });
    }
    await client.close();
  });
});

describe.concurrent('connection.open', () => {
  test('of a missing vhost is refused with 530', async () => {
    const client = await tuned();
    client.send(0, 'connection.tune-ok', { channelMax: 10, frameMax: 131_072, heartbeat: 0 });
    client.send(0, 'connection.open', { virtualHost: 'missing' });
    const refusal = await client.refusal();
    expect(refusal).toEqual(connectionRefusal(530, 'vhost missing not found'));
    expect(refusal).toMatchObject({ classId: 10, methodId: 40 });
  });

  test('channel.open before connection.open is refused with 505', async () => {
    const client = await tuned();
    client.send(0, 'connection.tune-ok', { channelMax: 10, frameMax: 131_072, heartbeat: 0 });
    client.send(1, 'channel.open');
    expect((await client.refusal()).code).toBe(505);
  });

  test('before tune-ok is refused with 504', async () => {
    const client = await tuned();
    client.send(0, 'connection.open', { virtualHost: '/' });
    await expectRefused(client, 504);
  });

  test.each([
    ['a second connection.open', 'connection.open', 40],
    ['a second start-ok', 'connection.start-ok', 11],
    ['a second tune-ok', 'connection.tune-ok', 31],
    ['secure-ok when nothing was challenged', 'connection.secure-ok', 21],
    ['close-ok when nothing was closed', 'connection.close-ok', 51],
    ["the server's open-ok from a client", 'connection.open-ok', 41],
  ] as const)('%s is refused with 504 and names the method', async (_, name, methodId) => {
    const client = await broker.open();
    client.send(0, name);
    const refusal = await client.refusal();
    expect(refusal).toEqual(
      connectionRefusal(504, 'unexpected method in connection state running'),
    );
    expect(refusal).toMatchObject({ classId: 10, methodId });
  });

  test('update-secret is answered', async () => {
    const client = await broker.open();
    client.send(0, 'connection.update-secret', { newSecret: Buffer.from('guest'), reason: 'x' });
    await client.expect(0, 'connection.update-secret-ok');
  });
});
