// Test thread. What applications do by TLS, with each client library: messages to a broker that is
// known by its authority, and logins by certificate where the library can. The lanes of other
// languages (lane.ts) are given the same files and do the same.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { describeWithCertificates, type TestCertificates } from '../support/certificates.ts';
import { Inbox } from '../support/inbox.ts';
import { ManagementApi } from '../support/management-api.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { Adapter, ScenarioClient, Secure } from './scenarios.ts';

const BODY_BYTES = 1024 * 1024;
/** Whom the certificate of clients names, and who logs in by it. */
const CERTIFICATE_USER = 'CN=lane,O=WarrenMQ tests';
export const CERTIFICATE_SUBJECT = '/O=WarrenMQ tests/CN=lane';

/** A broker that asks clients for certificates, and lets them log in by these. */
export function tlsSettings(certificates: TestCertificates): Record<string, string> {
  return {
    ...certificates.settings(),
    'ssl_options.verify': 'verify_peer',
    auth_mechanisms: 'PLAIN,AMQPLAIN,ANONYMOUS,EXTERNAL',
  };
}

/** The user of the certificate, who has no password. */
export async function addCertificateUser(api: ManagementApi): Promise<void> {
  await api.put(['users', CERTIFICATE_USER], { tags: '' });
  await api.permit('/', CERTIFICATE_USER, { configure: '.*', write: '.*', read: '.*' });
}

export function describeTls(name: string, adapter: Adapter): void {
  describeWithCertificates(`${name} by TLS`, (certificates) => {
    const broker = useBroker({ acceptors: 2, shards: 2, set: tlsSettings(certificates) });
    const ca = fs.readFileSync(certificates.authority.certFile);

    async function sendAndReceive(client: ScenarioClient): Promise<void> {
      const queue = uniqueName('queue');
      const body = randomBytes(BODY_BYTES);
      await client.declareQueue(queue);
      expect(await client.publish('', queue, body)).toBe('confirmed');
      const inbox = new Inbox<Buffer>();
      const consumer = await client.consume(queue, 1, (message) => {
        inbox.push(Buffer.from(message.body));
        return 'ack';
      });
      expect((await inbox.next('the body')).equals(body)).toBe(true);
      await consumer.cancel();
      await client.deleteQueue(queue);
      await client.close();
    }

    test('a large body goes out and comes back', async () => {
      const url = `amqps://guest:guest@localhost:${broker.tlsPort}`;
      await sendAndReceive(await adapter.connect(url, { options: { ca }, isExternal: false }));
    });

    test.runIf(adapter.hasExternal)('EXTERNAL logs in by certificate', async () => {
      const api = new ManagementApi(broker);
      await addCertificateUser(api);
      const { certFile, keyFile } = certificates.sign({ subject: CERTIFICATE_SUBJECT });
      const options = { ca, cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile) };
      const secure: Secure = { options, isExternal: true };
      const client = await adapter.connect(`amqps://localhost:${broker.tlsPort}`, secure);
      const users = (await api.get<{ user: string }[]>('connections')).map(({ user }) => user);
      expect(users).toContain(CERTIFICATE_USER);
      await sendAndReceive(client);
    });
  });
}
