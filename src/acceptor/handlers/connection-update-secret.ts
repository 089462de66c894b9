// connection.update-secret (RabbitMQ extension): new credentials for a running connection. Acceptor
// thread. With passwords there is nothing to refresh: the login stays as it is, and it is answered.
import type { Connection } from '../connection.ts';

export function connectionUpdateSecret(connection: Connection): void {
  connection.send(0, { name: 'connection.update-secret-ok' });
}
