// connection.open (specification 1.4.2.7): chooses the virtual host. Acceptor thread; main checks.
import { vhostNotFound } from '../../errors/topology-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import { ID_CONNECTION_OPEN, type MethodOf } from '../../protocol/methods.generated.ts';
import { takeAccess } from '../access-changes.ts';
import type { Connection } from '../connection.ts';

export function connectionOpen(connection: Connection, method: MethodOf<'connection.open'>): void {
  const { acceptor } = connection;
  const name = method.virtualHost;
  connection.flow.whileWaiting(async () => {
    try {
      const { opening } = await acceptor.control.ask({
        kind: 'open-vhost',
        connectionId: connection.globalId,
        username: connection.user,
        vhost: name,
      });
      const vhost = acceptor.vhost(name);
      if (vhost === undefined) throw new AmqpError(vhostNotFound(name));
      takeAccess(connection, name, opening!);
      connection.opened(vhost);
      connection.send(0, { name: 'connection.open-ok' });
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      connection.refuse(error.refusal, undefined, ID_CONNECTION_OPEN);
    }
  });
}
