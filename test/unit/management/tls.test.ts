// What the management API tells of TLS: connections, listeners, certificates that end; without
// threads or sockets of AMQP clients.
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type RunningManagement,
  startManagement,
} from '../../../src/management/start-management.ts';
import { ask, FakeBroker, memoryLog } from './fixture.ts';

const DAY_MILLIS = 86_400_000;
const broker = new FakeBroker();
const { log } = memoryLog();
let management: RunningManagement;

beforeAll(async () => {
  broker.listeners.push({ host: '127.0.0.1', port: 5671, isTls: true });
  management = await startManagement(broker, { host: '127.0.0.1', port: 0, log });
});
afterAll(() => management.close());

async function get(path: string): Promise<{ status: number; json: unknown }> {
  const { status, body } = await ask(management.port, path);
  return { status, json: JSON.parse(body) };
}

it('connections are shown with what protects them, in RabbitMQ’s words', async () => {
  broker.connections.set(7, {
    id: 7,
    name: 'secure',
    user: 'guest',
    vhost: '/',
    connectedAtMillis: 0,
    clientProperties: {},
    tls: {
      protocol: 'tlsv1.2',
      keyExchange: 'ecdhe_rsa',
      cipher: 'aes_256_gcm',
      hash: 'aead',
      peer: {
        subject: 'CN=me',
        issuer: 'CN=ca',
        notBefore: '2026-01-01T00:00:00Z',
        notAfter: '2027-01-01T00:00:00Z',
      },
    },
  });
  expect((await get('/api/connections/secure')).json).toMatchObject({
    ssl: true,
    ssl_protocol: 'tlsv1.2',
    ssl_key_exchange: 'ecdhe_rsa',
    ssl_cipher: 'aes_256_gcm',
    ssl_hash: 'aead',
    peer_cert_subject: 'CN=me',
    peer_cert_issuer: 'CN=ca',
    peer_cert_validity: '2026-01-01T00:00:00Z - 2027-01-01T00:00:00Z',
  });
});

it.each([
  ['amqps', 200],
  ['amqp+tls', 200],
  ['amqp/ssl', 200],
  ['https', 503],
])('a listener by TLS has several names: %s', async (name, expected) => {
  const path = `/api/health/checks/protocol-listener/${encodeURIComponent(name)}`;
  expect((await get(path)).status).toBe(expected);
});

it('certificates that end fail the check that looks so far ahead', async () => {
  const path = '/api/health/checks/certificate-expiration';
  expect(await get(`${path}/10/years`)).toEqual({ status: 200, json: { status: 'ok' } });
  const notAfter = new Date(Date.now() + 10 * DAY_MILLIS).toISOString();
  const certificate = { protocol: 'amqp/ssl', subject: 'CN=broker', notAfter } as const;
  broker.certificateExpiries = [{ ...certificate, name: 'certfile', file: '/etc/cert.pem' }];
  expect((await get(`${path}/9/days`)).status).toBe(200);
  expect((await get(`${path}/1/weeks`)).status).toBe(200);
  const failed = await get(`${path}/1/months`);
  expect(failed.status).toBe(503);
  expect(failed.json).toMatchObject({
    reason: 'Certificates expiring',
    expired: [
      {
        protocol: 'amqp/ssl',
        interface: '127.0.0.1',
        port: '5671',
        certfile: '/etc/cert.pem',
        certfile_expires_on: notAfter,
      },
    ],
  });
  const { body } = await ask(management.port, '/metrics');
  const seconds = String(Date.parse(notAfter) / 1000);
  expect(body).toContain(
    'warrenmq_certificate_expiry_timestamp_seconds' +
      `{listener="amqp/ssl",name="certfile",file="/etc/cert.pem"} ${seconds}`,
  );
});

it('the files are read again for administrators, and what is wrong is said', async () => {
  const again = () =>
    ask(management.port, '/api/warrenmq/certificates', { method: 'POST', send: '{}' });
  expect((await again()).status).toBe(204);
  broker.control.certificateProblems = ['ssl_options.keyfile: k does not exist'];
  const refused = await again();
  expect(refused.status).toBe(400);
  expect(refused.body).toContain('ssl_options.keyfile: k does not exist');
});
