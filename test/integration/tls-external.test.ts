// Test thread. Client certificates: who must show one, who is refused and told why, and logins by
// SASL EXTERNAL with a client of the wild. HTTPS for the management API, and certificates that are
// renewed while clients are connected.
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import tls from 'node:tls';
import amqplib, { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { type TestBroker, useBroker } from '../support/broker.ts';
import {
  describeWithCertificates,
  type KeyPair,
  type TestCertificates,
} from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementApi } from '../support/management-api.ts';
import { RawClient } from '../support/raw-client.ts';
import { PROTOCOL_HEADER } from '../support/wire/frames.ts';

type SecureOptions = Pick<tls.ConnectionOptions, 'ca' | 'cert' | 'key'>;

const ALL = { configure: '.*', write: '.*', read: '.*' };

function tlsOptions({ authority }: TestCertificates, pair?: KeyPair): SecureOptions {
  const ca = fs.readFileSync(authority.certFile);
  if (pair === undefined) return { ca };
  return { ca, cert: fs.readFileSync(pair.certFile), key: fs.readFileSync(pair.keyFile) };
}

function line(broker: TestBroker, ...parts: readonly string[]): Promise<string> {
  return eventually(`a line with ${parts.join(' and ')}`, () =>
    broker.output.split('\n').find((each) => parts.every((part) => each.includes(part))),
  );
}

/** What the broker offers to who connects so. */
async function mechanisms(port: number, options: SecureOptions): Promise<string> {
  const socket = tls.connect({ port, host: '127.0.0.1', ...options });
  await once(socket, 'secureConnect');
  const client = new RawClient(socket);
  client.write(PROTOCOL_HEADER);
  const { fields } = await client.expect(0, 'connection.start');
  socket.destroy();
  return fields.mechanisms;
}

describeWithCertificates('client certificates', (certificates) => {
  const settings = {
    ...certificates.settings(),
    'ssl_options.verify': 'verify_peer',
    'ssl_options.depth': '0',
    auth_mechanisms: 'PLAIN,EXTERNAL',
  };
  const credentials = amqplib.credentials.external();

  describe('that are asked for', () => {
    const broker = useBroker({ acceptors: 2, shards: 2, set: settings });
    const api = new ManagementApi(broker);
    const url = (): string => `amqps://localhost:${broker.tlsPort}`;

    test('log in users without a password, by their distinguished name', async () => {
      const pair = certificates.sign({ subject: '/O=Example, Inc./CN=worker one' });
      const user = 'CN=worker one,O=Example\\, Inc.';
      await api.put(['users', user], { tags: '' });
      await api.permit('/', user, { ...ALL, configure: '^mine' });
      const connection = await connect(url(), { ...tlsOptions(certificates, pair), credentials });
      const [row] = await api.get<Record<string, unknown>[]>('connections');
      expect(row).toMatchObject({
        user,
        peer_cert_subject: user,
        peer_cert_issuer: 'CN=authority,O=WarrenMQ tests',
        peer_cert_validity: expect.stringMatching(/^20\d\d-\S+Z - 20\d\d-\S+Z$/u) as string,
      });
      const channel = await connection.createChannel();
      await channel.assertQueue('mine');
      channel.on('error', () => undefined);
      await expect(channel.assertQueue('yours')).rejects.toThrow(
        /403.*configure access to queue/su,
      );
      await connection.close();
    });

    test('refuse with 403 who is not a user', async () => {
      const pair = certificates.sign({ subject: '/CN=nobody' });
      const options = { ...tlsOptions(certificates, pair), credentials };
      await expect(connect(url(), options)).rejects.toThrow(
        /403 \(ACCESS[_-]REFUSED\).*mechanism EXTERNAL/su,
      );
      expect(await line(broker, 'login refused', 'user="CN=nobody"')).toContain('EXTERNAL');
    });

    test('offer EXTERNAL to nobody else', async () => {
      const { tlsPort } = broker;
      const shown = certificates.sign();
      expect(await mechanisms(tlsPort, tlsOptions(certificates))).toBe('PLAIN');
      expect(await mechanisms(tlsPort, tlsOptions(certificates, shown))).toBe('PLAIN EXTERNAL');
      const plain = await broker.connect();
      plain.write(PROTOCOL_HEADER);
      const { fields } = await plain.expect(0, 'connection.start');
      expect(fields.mechanisms).toBe('PLAIN');
    });

    test('have to be of an authority that is known', async () => {
      const stranger = certificates.selfSigned('/CN=stranger');
      const options = { ...tlsOptions(certificates, stranger), credentials };
      await expect(connect(url(), options)).rejects.toThrow();
      const text = await line(broker, 'code=DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(text).toContain('not signed by an authority');
    });

    test('have to be near that authority', async () => {
      const between = certificates.sign({ subject: '/CN=between', isAuthority: true });
      const leaf = certificates.sign({ subject: '/CN=far', issuer: between });
      const chain =
        fs.readFileSync(leaf.certFile, 'utf8') + fs.readFileSync(between.certFile, 'utf8');
      const options = { ...tlsOptions(certificates, leaf), cert: chain };
      await expect(connect(url(), { ...options, credentials })).rejects.toThrow();
      expect(await line(broker, 'code=CERT_CHAIN_TOO_LONG')).toContain('ssl_options.depth');
    });
  });

  describe('that are demanded, with names of their own', () => {
    const broker = useBroker({
      set: {
        ...settings,
        'ssl_options.depth': '1',
        'ssl_options.fail_if_no_peer_cert': 'true',
        ssl_cert_login_from: 'subject_alternative_name',
        ssl_cert_login_san_type: 'email',
      },
    });
    const api = new ManagementApi(broker);

    test('let in whom the certificate names, also by an intermediate authority', async () => {
      const between = certificates.sign({ subject: '/CN=between', isAuthority: true });
      const alternativeNames = 'DNS:x.example,email:me@example.org';
      const leaf = certificates.sign({ alternativeNames, issuer: between });
      const chain =
        fs.readFileSync(leaf.certFile, 'utf8') + fs.readFileSync(between.certFile, 'utf8');
      await api.put(['users', 'me@example.org'], { tags: '' });
      await api.permit('/', 'me@example.org', ALL);
      const options = { ...tlsOptions(certificates, leaf), cert: chain, credentials };
      const connection = await connect(`amqps://localhost:${broker.tlsPort}`, options);
      await connection.close();
    });

    test('tell of a certificate without such a name', async () => {
      const offered = await mechanisms(
        broker.tlsPort,
        tlsOptions(certificates, certificates.sign()),
      );
      expect(offered).toBe('PLAIN');
      expect(await line(broker, 'certificate without a user name')).toContain(
        'subject_alternative',
      );
    });

    test('keep out who has one of another authority, and tell why', async () => {
      const stranger = certificates.selfSigned('/CN=stranger');
      const options = { ...tlsOptions(certificates, stranger), credentials };
      await expect(connect(`amqps://localhost:${broker.tlsPort}`, options)).rejects.toThrow();
      await line(broker, 'code=DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(broker.output).not.toContain('code=ECONNRESET');
    });

    test('keep out who has none', async () => {
      const attempt = connect(`amqps://guest:guest@localhost:${broker.tlsPort}`, {
        ...tlsOptions(certificates),
      });
      await expect(attempt).rejects.toThrow();
      const text = await line(broker, 'code=ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
      expect(text).toContain('fail_if_no_peer_cert');
    });
  });
});

describeWithCertificates('certificate files', (certificates) => {
  const own = certificates.server;
  const certFile = certificates.file('server.pem', fs.readFileSync(own.certFile, 'utf8'));
  const keyFile = certificates.file('server-key.pem', fs.readFileSync(own.keyFile, 'utf8'));
  const broker = useBroker({
    acceptors: 2,
    set: {
      ...certificates.settings(),
      'ssl_options.certfile': certFile,
      'ssl_options.keyfile': keyFile,
      'management.ssl.port': '0',
      'management.ssl.certfile': certFile,
      'management.ssl.keyfile': keyFile,
    },
  });
  const api = new ManagementApi(broker);
  const httpsPort = (): number => Number(/https:\/\/\S+?:(\d+)/u.exec(broker.output)![1]);

  /** Whom the listener says it is. */
  async function subjectOn(port: number): Promise<string> {
    const socket = tls.connect({ port, host: '127.0.0.1', ...tlsOptions(certificates) });
    await once(socket, 'secureConnect');
    const { CN: name } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(name);
  }

  test('serve the management API too', async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      const options = { ...tlsOptions(certificates), auth: 'guest:guest' };
      https
        .get(`https://localhost:${httpsPort()}/api/whoami`, options, (response) => {
          response.resume();
          resolve(response.statusCode!);
        })
        .on('error', reject);
    });
    expect(answer).toBe(200);
    const { listeners } = await api.get<{ listeners: { protocol: string }[] }>('overview');
    const protocols = listeners.map(({ protocol }) => protocol);
    expect(protocols).toEqual(['amqp', 'amqp/ssl', 'http', 'https']);
  });

  test('are told with their end in metrics and health checks', async () => {
    const metrics = await (await fetch(`${broker.managementUrl}/metrics`)).text();
    const expiry = /^warrenmq_certificate_expiry_timestamp_seconds\{.*\} (\d+)$/mu.exec(metrics)!;
    expect(Number(expiry[1])).toBeGreaterThan(Date.now() / 1000);
    const within = (time: string) =>
      api.request('GET', ['health', 'checks', 'certificate-expiration', ...time.split('/')]);
    expect((await within('1/weeks')).status).toBe(200);
    const soon = await within('2/years');
    expect(soon.status).toBe(503);
    expect(await soon.json()).toMatchObject({
      reason: 'Certificates expiring',
      expired: [{ protocol: 'amqp/ssl', certfile: certFile }, { protocol: 'https' }],
    });
  });

  test('serve again after the listeners were closed and opened', async () => {
    const before = await subjectOn(broker.tlsPort);
    await api.put(['warrenmq', 'listening'], { listening: false });
    await expect(subjectOn(broker.tlsPort)).rejects.toThrow(/ECONNREFUSED/u);
    await api.put(['warrenmq', 'listening'], { listening: true });
    expect(await subjectOn(broker.tlsPort)).toBe(before);
  });

  test('are renewed on all acceptors without an end of connections', async () => {
    const url = `amqps://guest:guest@localhost:${broker.tlsPort}`;
    const connection = await connect(url, tlsOptions(certificates));
    const subject = '/CN=renewed';
    const renewed = certificates.sign({ subject, alternativeNames: 'DNS:localhost,IP:127.0.0.1' });
    fs.copyFileSync(renewed.certFile, certFile);
    // The key has not been copied yet.
    const early = await api.request('POST', ['warrenmq', 'certificates'], {});
    expect(early.status).toBe(400);
    expect(await early.text()).toContain('is not the key that belongs to the certificate');
    expect(await subjectOn(broker.tlsPort)).toBe('localhost');
    fs.copyFileSync(renewed.keyFile, keyFile);
    const late = await api.request('POST', ['warrenmq', 'certificates'], {});
    expect(late.status).toBe(204);
    for (let i = 0; i < 6; i += 1) expect(await subjectOn(broker.tlsPort)).toBe('renewed');
    expect(await subjectOn(httpsPort())).toBe('renewed');
    const channel = await connection.createChannel();
    await channel.assertQueue('', { exclusive: true });
    await connection.close();
  });
});
