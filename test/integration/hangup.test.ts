// Test thread. SIGHUP to a real broker: it goes on with its connections, and new ones are shown the
// certificate that is in the files by then; files that cannot be used are named.
import fs from 'node:fs';
import process from 'node:process';
import tls from 'node:tls';
import { once } from 'node:events';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { describeWithCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';

describeWithCertificates('SIGHUP', (certificates) => {
  const { certFile, keyFile } = certificates.server;
  const ca = fs.readFileSync(certificates.authority.certFile);
  const broker = useBroker({ acceptors: 2, shards: 1, set: certificates.settings() });

  async function subjectShown(): Promise<string | undefined> {
    const checkServerIdentity = (): undefined => undefined;
    const to = { port: broker.tlsPort, host: '127.0.0.1', ca, checkServerIdentity };
    const socket = tls.connect(to);
    await once(socket, 'secureConnect');
    const { CN: name } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(name);
  }

  function logged(text: string, since: number): Promise<string> {
    return eventually(`a line with ${text}`, () =>
      broker.output
        .slice(since)
        .split('\n')
        .find((line) => line.includes(text)),
    );
  }

  test('leaves connections alone and has new certificates used', async () => {
    const connection = await connect(`amqps://guest:guest@localhost:${broker.tlsPort}`, { ca });
    const channel = await connection.createChannel();
    expect(await subjectShown()).toBe('localhost');

    const next = certificates.sign({ subject: '/CN=next', alternativeNames: 'DNS:localhost' });
    fs.copyFileSync(next.certFile, certFile);
    fs.copyFileSync(next.keyFile, keyFile);
    const since = broker.output.length;
    process.kill(broker.pid, 'SIGHUP');
    await logged('SIGHUP: the broker goes on', since);
    await logged('certificate files have changed', since);
    await eventually('the new certificate', async () => {
      return (await subjectShown()) === 'next' || undefined;
    });

    // Still the same connection, and the same broker.
    const { queue } = await channel.assertQueue('', { exclusive: true });
    expect(await channel.deleteQueue(queue)).toEqual({ messageCount: 0 });
    await connection.close();
  });

  test('names files that cannot be used, and keeps the certificate', async () => {
    const before = await subjectShown();
    fs.writeFileSync(certFile, 'half a certific');
    const since = broker.output.length;
    process.kill(broker.pid, 'SIGHUP');
    expect(await logged('the old ones stay in use', since)).toContain(certFile);
    expect(await subjectShown()).toBe(before);
  });
});
