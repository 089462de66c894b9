// What HTTP itself demands, and what a bad or slow client can do: nothing that harms others.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../src/management/api/routes.ts';
import { BrokerView } from '../../../src/management/broker-view.ts';
import { RequestHandler } from '../../../src/management/request-handler.ts';
import {
  type RunningManagement,
  startManagement,
} from '../../../src/management/start-management.ts';
import { ask, FakeBroker, memoryLog } from './fixture.ts';

const BODY_BYTES_MAX = 64 * 1024;
const LOGIN = `authorization: Basic ${Buffer.from('guest:guest').toString('base64')}`;
const broker = new FakeBroker();
const { log, records } = memoryLog();
let management: RunningManagement;
let port = 0;

beforeAll(async () => {
  management = await startManagement(broker, { host: '127.0.0.1', port: 0, log });
  ({ port } = management);
});
afterAll(() => management.close());

/** Sends raw text and resolves with all that comes until the server closes the connection. */
async function rawReply(to: number, text: string): Promise<string> {
  const socket = net.connect(to, '127.0.0.1');
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  // Not `once`, which fails on 'error': a reset is one way of closing a connection.
  await new Promise((resolve) => socket.on('close', resolve));
  return received;
}

describe('answers', () => {
  it.each([
    ['GET', '/', 404, 'Object Not Found'],
    ['GET', '/api', 404, 'Object Not Found'],
    ['GET', '/api/nope', 404, 'Object Not Found'],
    ['GET', '/api/queues/%zz', 400, 'bad_request'],
    ['POST', '/api/overview', 405, 'Method Not Allowed'],
    ['DELETE', '/api/queues/%2F', 405, 'Method Not Allowed'],
    ['POST', '/metrics', 405, 'Method Not Allowed'],
  ])('%s %s with %d and JSON', async (method, path, status, error) => {
    for (const login of ['guest:guest', undefined]) {
      const reply = await ask(port, path, { method, login });
      expect(reply.status).toBe(status);
      expect(reply.headers['content-type']).toBe('application/json');
      expect(JSON.parse(reply.body)).toEqual({ error, reason: expect.stringMatching(/./u) });
      expect(reply.headers.allow).toBe(status === 405 ? 'HEAD, GET, OPTIONS' : undefined);
    }
  });

  it('401 asks for a login', async () => {
    for (const login of [undefined, 'guest:wrong']) {
      const reply = await ask(port, '/api/queues', { login });
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Basic realm="RabbitMQ Management"');
      expect(JSON.parse(reply.body)).toEqual({
        error: 'not_authorized',
        reason: 'Not_Authorized',
      });
    }
    const known = await ask(port, '/api/queues', { login: 'nobody:p' });
    expect(known.headers['www-authenticate']).toBeUndefined();
    expect([known.status, JSON.parse(known.body)]).toEqual([
      401,
      { error: 'not_authorised', reason: 'Not management user' },
    ]);
  });

  it('406 to who does not accept JSON', async () => {
    const reply = await ask(port, '/api/whoami', { headers: { accept: 'text/html' } });
    expect([reply.status, JSON.parse(reply.body).error]).toEqual([406, 'Not Acceptable']);
    const metrics = await ask(port, '/metrics', { headers: { accept: 'application/json' } });
    expect(metrics.status).toBe(406);
  });

  it('HEAD like GET, without a body', async () => {
    const get = await ask(port, '/api/whoami');
    const head = await ask(port, '/api/whoami', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
    expect(head.headers['content-length']).toBe(String(get.body.length));
    expect((await ask(port, '/api/whoami', { method: 'HEAD', login: undefined })).status).toBe(401);
  });

  it('OPTIONS without a login', async () => {
    const reply = await ask(port, '/api/queues/%2F/q', { method: 'OPTIONS', login: undefined });
    expect([reply.status, reply.headers.allow, reply.body]).toEqual([
      200,
      'HEAD, GET, PUT, DELETE, OPTIONS',
      '',
    ]);
  });

  it('whatever the query, and addresses in full', async () => {
    expect((await ask(port, '/api/whoami?x=1&y=%zz')).status).toBe(200);
    expect((await ask(port, 'http://localhost:1/api/whoami?x')).status).toBe(200);
    expect((await ask(port, '*', { method: 'OPTIONS' })).status).toBe(400);
  });

  it('several requests on one connection, with bodies that nobody reads', async () => {
    const request = 'POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello';
    const last = 'GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
    const received = await rawReply(port, request + request + last);
    expect(received.match(/HTTP\/1\.1 \d+/gu)).toEqual([
      'HTTP/1.1 405',
      'HTTP/1.1 405',
      'HTTP/1.1 200',
    ]);
  });
});

describe('an error in a handler', () => {
  it('is answered with 500, logged, and forgotten', async () => {
    records.length = 0;
    broker.collectReports = () => Promise.reject(new Error('secret detail'));
    const reply = await ask(port, '/api/overview');
    Reflect.deleteProperty(broker, 'collectReports');
    expect(reply.status).toBe(500);
    expect(JSON.parse(reply.body)).toEqual({
      error: 'Internal Server Error',
      reason: 'The broker has logged what went wrong',
    });
    expect(records).toMatchObject([
      {
        level: 'error',
        message: 'management request failed',
        fields: { method: 'GET', url: '/api/overview', error: { message: 'secret detail' } },
      },
    ]);
    expect((await ask(port, '/api/overview')).status).toBe(200);
  });

  it('while a list is written cuts the connection, or is a 500 if nothing was sent', async () => {
    const own = new FakeBroker();
    const info = { id: 1, name: 'x', user: 'guest', vhost: '/', connectedAtMillis: 0 };
    own.connections.set(1, { ...info, clientProperties: { bad: undefined as never } });
    const options = { host: '127.0.0.1', port: 0, log };
    const server = await startManagement(own, options);
    expect((await ask(server.port, '/api/connections')).status).toBe(500);
    own.connections.clear();
    for (let id = 1; id <= 3000; id += 1) {
      const text = 'x'.repeat(100);
      own.connections.set(id, { ...info, id, name: `${id}`, clientProperties: { text } });
    }
    const bad = { ...info, id: 9999, name: 'zzz', clientProperties: { bad: undefined as never } };
    own.connections.set(9999, bad);
    await expect(ask(server.port, '/api/connections')).rejects.toThrow();
    expect((await ask(server.port, '/api/whoami')).status).toBe(200);
    await server.close();
  });
});

it('long lists come in pieces and whole', async () => {
  for (let index = 0; index < 3000; index += 1) broker.declareQueue(`long-${index}`, 'other');
  const reply = await ask(port, '/api/queues/other');
  expect(reply.headers['transfer-encoding']).toBe('chunked');
  expect(JSON.parse(reply.body)).toHaveLength(3000);
  const head = await ask(port, '/api/queues/other', { method: 'HEAD' });
  expect([head.status, head.body]).toEqual([200, '']);
});

describe('limits', () => {
  const small = {
    connectionsMax: 3,
    headerMillisMax: 200,
    bodyBytesMax: BODY_BYTES_MAX,
    answerMillisMax: 500,
  };

  it('refuse bodies that are announced or turn out too large', async () => {
    const options = { host: '127.0.0.1', port: 0, log };
    const server = await startManagement(broker, options, { ...small, answerMillisMax: 20_000 });
    const head = `GET /api/whoami HTTP/1.1\r\nhost: x\r\n${LOGIN}\r\n`;
    const tooLong = `${head}content-length: ${BODY_BYTES_MAX + 1}\r\n\r\n`;
    const announced = await rawReply(server.port, tooLong);
    expect(announced).toMatch(/^HTTP\/1\.1 413 [^]*body size limit of 65536 bytes"\}$/u);
    const chunk = `${(BODY_BYTES_MAX / 2).toString(16)}\r\n${'x'.repeat(BODY_BYTES_MAX / 2)}\r\n`;
    const chunked = `${head}transfer-encoding: chunked\r\n\r\n${chunk}${chunk}`;
    expect(await rawReply(server.port, `${chunked}1\r\nx\r\n`)).toMatch(/^HTTP\/1\.1 413 /u);
    const allowed = `${head}connection: close\r\ncontent-length: ${BODY_BYTES_MAX}\r\n\r\n`;
    const whole = await rawReply(server.port, allowed + 'x'.repeat(BODY_BYTES_MAX));
    expect(whole).toMatch(/^HTTP\/1\.1 200 /u);
    await server.close();
  });

  it('refuse headers that are too large', async () => {
    const received = await rawReply(port, `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(received).toMatch(/^HTTP\/1\.1 431 /u);
  });

  it('end connections that say too little', async () => {
    const options = { host: '127.0.0.1', port: 0, log };
    const server = await startManagement(broker, options, small);
    expect(await rawReply(server.port, 'GET /metrics HTTP/1.1\r\nhost')).toMatch(/ 408 |^$/u);
    const body = 'GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc';
    expect(await rawReply(server.port, body)).not.toContain(' 200 ');
    await server.close();
  });

  it('end connections of clients that do not read their answer', async () => {
    const own = new FakeBroker();
    const info = { user: 'guest', vhost: '/', connectedAtMillis: 0 };
    for (let id = 1; id <= 200; id += 1) {
      const clientProperties = { text: 'x'.repeat(100_000) };
      own.connections.set(id, { ...info, id, name: `${id}`, clientProperties });
    }
    const view = new BrokerView(own, () => [{ protocol: 'http', address: { host: '', port: 0 } }]);
    const handler = new RequestHandler(view, routes, small, log);
    let answered: Promise<void> | undefined;
    const server = http.createServer((request, response) => {
      answered = handler.handle(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    client.on('error', () => undefined);
    client.pause();
    client.write(`GET /api/connections HTTP/1.1\r\nhost: x\r\n${LOGIN}\r\n\r\n`);
    const [served] = (await once(server, 'connection')) as [net.Socket];
    await once(served, 'close');
    // The handler gives up as well, and does not go on making what nobody will read.
    await answered;
    expect(served.bytesWritten).toBeLessThan(200 * 100_000);
    client.destroy();
    server.close();
  });

  it('drop connections beyond the most there may be', async () => {
    const patient = { ...small, headerMillisMax: 60_000, answerMillisMax: 60_000 };
    const options = { host: '127.0.0.1', port: 0, log };
    const server = await startManagement(broker, options, patient);
    const sockets = Array.from({ length: 3 }, () => net.connect(server.port, '127.0.0.1'));
    for (const socket of sockets) await once(socket, 'connect');
    expect(await rawReply(server.port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
    const gone = sockets[0];
    gone.destroy();
    for (const socket of sockets) socket.on('error', () => undefined);
    let status = '';
    // The server hears of the end a moment later.
    while (!status.startsWith('HTTP/1.1 200')) {
      const request = 'GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
      status = await rawReply(server.port, request);
    }
    await server.close();
  });
});

it('a port in use fails like that of an AMQP listener', async () => {
  const options = { host: '127.0.0.1', port, log };
  await expect(startManagement(broker, options)).rejects.toMatchObject({
    message: `cannot listen on 127.0.0.1:${port}: EADDRINUSE`,
    code: 'EADDRINUSE',
    address: '127.0.0.1',
    port,
  });
});

it('close ends open connections and frees the port', async () => {
  const options = { host: '127.0.0.1', port: 0, log };
  const server = await startManagement(broker, options);
  const socket = net.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  await server.close();
  await closed;
  const again = await startManagement(broker, { ...options, port: server.port });
  expect(again.port).toBe(server.port);
  await again.close();
});
