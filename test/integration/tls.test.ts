// Test thread. AMQP over TLS as clients and operators see it: messages go through unharmed, whoever
// fails leaves a line that helps and no memory behind, and certificates are renewed under way.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { type TestBroker, useBroker } from '../support/broker.ts';
import { describeWithCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementApi } from '../support/management-api.ts';
import { RawClient } from '../support/raw-client.ts';
import { bodyFrames, headerFrame } from '../support/wire/content.ts';
import { methodFrame } from '../support/wire/frames.ts';

const LARGE = randomBytes(3 * 1024 * 1024);

interface Overview {
  readonly listeners: { readonly protocol: string; readonly port: number }[];
  readonly warrenmq: {
    readonly acceptors: {
      readonly slab_pages_used: number;
      readonly tls_handshakes: number;
      readonly tls_handshakes_failed: number;
    }[];
  };
}

/** The next line of the broker's log that is about `code`. */
function logged(broker: TestBroker, code: string, since = 0): Promise<string> {
  return eventually(`a line about ${code}`, () =>
    broker.output
      .slice(since)
      .split('\n')
      .find((line) => line.includes(`code=${code} `)),
  );
}

describeWithCertificates('AMQP over TLS', (certificates) => {
  const ca = fs.readFileSync(certificates.authority.certFile);
  const settings = { ...certificates.settings(), ssl_handshake_timeout: '1000' };

  describe.each([
    { acceptors: 1, shards: 1 },
    { acceptors: 2, shards: 3 },
  ])('with $acceptors acceptors and $shards shards', (shape) => {
    const broker = useBroker({ ...shape, set: settings });
    const api = new ManagementApi(broker);

    const secure = () => connect(`amqps://guest:guest@localhost:${broker.tlsPort}`, { ca });

    async function socket(options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
      const made = tls.connect({ port: broker.tlsPort, host: '127.0.0.1', ca, ...options });
      await once(made, 'secureConnect');
      return made;
    }

    test('large and small messages come back as they were', async () => {
      const connection = await secure();
      const channel = await connection.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      for (let i = 0; i < 5; i += 1) channel.sendToQueue(queue, LARGE);
      for (let i = 0; i < 5000; i += 1) channel.sendToQueue(queue, Buffer.from(`small ${i}`));
      await channel.waitForConfirms();
      let count = 0;
      let wrong = 0;
      await new Promise<void>((resolve) => {
        void channel.consume(
          queue,
          (message) => {
            const { content } = message!;
            const expected = count < 5 ? LARGE : Buffer.from(`small ${count - 5}`);
            if (!content.equals(expected)) wrong += 1;
            channel.ack(message!);
            count += 1;
            if (count === 5005) resolve();
          },
          { noAck: false },
        );
      });
      expect(wrong).toBe(0);
      await connection.close();
    });

    test('the listings tell what protects a connection', async () => {
      const connection = await secure();
      const plain = await connect(broker.url);
      const rows = await api.get<Record<string, unknown>[]>('connections');
      const common = { ssl_key_exchange: 'any', ssl_cipher: 'aes_256_gcm', ssl_hash: 'aead' };
      expect(rows.find(({ port }) => port === broker.tlsPort)).toMatchObject({
        ssl: true,
        ssl_protocol: 'tlsv1.3',
        ...common,
        peer_cert_subject: null,
      });
      expect(rows.find(({ port }) => port === broker.port)).toMatchObject({
        ssl: false,
        ssl_protocol: null,
        ssl_cipher: null,
      });
      const { listeners } = await api.get<Overview>('overview');
      expect(listeners).toContainEqual(
        expect.objectContaining({ protocol: 'amqp/ssl', port: broker.tlsPort }),
      );
      await connection.close();
      await plain.close();
    });

    test('a client with TLS 1.2 is as welcome', async () => {
      const made = await socket({ maxVersion: 'TLSv1.2' });
      const client = new RawClient(made);
      await client.login();
      await client.tuneAndOpen();
      const rows = await api.get<Record<string, unknown>[]>('connections');
      expect(rows.find(({ peer_port: port }) => port === made.localPort)).toMatchObject({
        ssl_protocol: 'tlsv1.2',
        ssl_key_exchange: 'ecdhe_ecdsa',
      });
      made.destroy();
    });

    test.each([
      ['that speaks AMQP without TLS', 'AMQP\0\0\x09\x01', 'ERR_SSL_', 'does not speak TLS'],
      ['that speaks HTTP', 'GET / HTTP/1.1\r\n\r\n', 'ERR_SSL_HTTP_REQUEST', 'speaks HTTP'],
    ])('a client %s is told apart', async (_what, bytes, code, reason) => {
      const since = broker.output.length;
      const made = net.connect(broker.tlsPort, '127.0.0.1');
      made.on('error', () => undefined);
      made.write(bytes);
      await new Promise((resolve) => made.resume().on('close', resolve));
      const line = await eventually('the line', () =>
        broker.output
          .slice(since)
          .split('\n')
          .find((each) => each.includes(`code=${code}`)),
      );
      expect(line).toContain('TLS handshake failed client=127.0.0.1:');
      expect(line).toContain(reason);
    });

    test('a client that trusts another authority is named', async () => {
      const other = certificates.selfSigned('/CN=other').certFile;
      const args = ['s_client', '-connect', `127.0.0.1:${broker.tlsPort}`, '-CAfile', other];
      const client = spawn('openssl', [...args, '-verify_return_error'], { stdio: 'ignore' });
      await once(client, 'exit');
      expect(await logged(broker, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA')).toContain('does not trust');
    });

    test('a client for which the name is wrong is told what to do', async () => {
      const authority = certificates.authority.certFile;
      const to = ['s_client', '-connect', `127.0.0.1:${broker.tlsPort}`, '-CAfile', authority];
      const wrong = ['-verify_return_error', '-verify_hostname', 'elsewhere'];
      const since = broker.output.length;
      const client = spawn('openssl', [...to, ...wrong], { stdio: 'ignore' });
      await once(client, 'exit');
      const line = await eventually('the line', () =>
        broker.output
          .slice(since)
          .split('\n')
          .find((each) => each.includes('ALERT_BAD_CERTIFICATE')),
      );
      expect(line).toContain('connect by a name that the certificate has');
    });

    // RabbitMQ's Java client with NIO cannot read them (src/tls/session-tickets.ts).
    test.each(['TLSv1.3', 'TLSv1.2'] as const)('%s: no session tickets are sent', async (only) => {
      const made = tls.connect({
        port: broker.tlsPort,
        host: '127.0.0.1',
        ca,
        minVersion: only,
        maxVersion: only,
      });
      let tickets = 0;
      made.on('session', () => (tickets += 1));
      const client = new RawClient(made);
      await client.login();
      await client.tuneAndOpen();
      expect(made.getProtocol()).toBe(only);
      expect(tickets).toBe(0);
      made.destroy();
    });

    test('a client that says nothing is given up, and counted', async () => {
      const failures = async (): Promise<number> => {
        const { warrenmq } = await api.get<Overview>('overview');
        return warrenmq.acceptors.reduce((sum, each) => sum + each.tls_handshakes_failed, 0);
      };
      const before = await failures();
      const since = broker.output.length;
      const made = net.connect(broker.tlsPort, '127.0.0.1');
      made.on('error', () => undefined);
      await new Promise((resolve) => made.resume().on('close', resolve));
      expect(await logged(broker, 'ERR_TLS_HANDSHAKE_TIMEOUT', since)).toContain('too slow');
      expect(await failures()).toBe(before + 1);
    });

    test('clients that leave in the middle of anything leave nothing behind', async () => {
      const hello = await helloOf(broker.tlsPort);
      for (const cut of [1, 5, 50, hello.length]) {
        const made = net.connect(broker.tlsPort, '127.0.0.1');
        made.on('error', () => undefined);
        await once(made, 'connect');
        made.write(hello.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        made.destroy();
      }
      for (const cut of [1000, 20_000, 300_000, 2_000_000]) {
        const client = new RawClient(await socket());
        await client.login();
        await client.tuneAndOpen();
        const channel = await client.channel();
        await channel.call('queue.declare', { queue: 'left', autoDelete: false });
        const frames = [
          methodFrame(channel.number, 'basic.publish', { routingKey: 'left' }),
          headerFrame(channel.number, LARGE.length, {}),
          ...bodyFrames(channel.number, LARGE, 131_072),
        ];
        const written = Buffer.concat(frames).subarray(0, cut);
        await new Promise<void>((resolve) => client.socket.write(written, () => resolve()));
        client.socket.destroy();
      }
      // One that is sent much and reads nothing of it.
      const filler = await secure();
      const fill = await filler.createConfirmChannel();
      for (let i = 0; i < 20; i += 1) fill.sendToQueue('left', LARGE);
      await fill.waitForConfirms();
      const lazy = new RawClient(await socket());
      await lazy.login();
      await lazy.tuneAndOpen();
      const consumer = await lazy.channel();
      await consumer.call('basic.consume', { queue: 'left', noAck: true, consumerTag: 'lazy' });
      lazy.socket.pause();
      await fill.checkQueue('left');
      lazy.socket.destroy();
      await fill.deleteQueue('left');
      await filler.close();
      await eventually('an empty slab', async () => {
        const { warrenmq } = await api.get<Overview>('overview');
        return warrenmq.acceptors.every((each) => each.slab_pages_used === 0) || undefined;
      });
      await eventually('the end of all connections', async () => {
        return (await api.get<unknown[]>('connections')).length === 0 || undefined;
      });
    });
  });
});

/** What a client of TLS says first. */
async function helloOf(port: number): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[net.Socket]>;
  const own = (server.address() as net.AddressInfo).port;
  expect(own).not.toBe(port);
  const client = tls.connect({ port: own, host: '127.0.0.1' });
  client.on('error', () => undefined);
  const [socket] = await connected;
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return bytes;
}
