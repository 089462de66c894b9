// connection.update-secret (RabbitMQ extension): new credentials for a running connection. Acceptor
// thread; main asks whoever took the login. With the broker's own users there is nothing to check
// in a secret, and RabbitMQ checks nothing (rabbit_access_control:update_state: their state cannot
// expire). What the user may do is looked at again: the virtual host, and the
// queues that are consumed from.
import { AmqpError } from '../../errors/refusal.ts';
import { ID_CONNECTION_UPDATE_SECRET, type MethodOf } from '../../protocol/methods.generated.ts';
import { cancelUnreadable, changeAccess } from '../access-changes.ts';
import type { Connection } from '../connection.ts';

export function connectionUpdateSecret(
  connection: Connection,
  method: MethodOf<'connection.update-secret'>,
): void {
  const { acceptor, user, vhost, globalId } = connection;
  // The answer may come long after the read buffer has been used again.
  const secret = Uint8Array.from(method.newSecret);
  connection.flow.whileWaiting(async () => {
    try {
      const { access } = await acceptor.control.ask({
        kind: 'update-secret',
        connectionId: globalId,
        username: user,
        vhost: vhost.name,
        secret,
      });
      if (connection.state !== 'running') return;
      changeAccess(connection, access!);
      cancelUnreadable(connection);
      connection.send(0, { name: 'connection.update-secret-ok' });
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      connection.refuse(error.refusal, undefined, ID_CONNECTION_UPDATE_SECRET);
    }
  });
}
