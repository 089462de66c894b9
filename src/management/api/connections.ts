// GET /api/connections: the AMQP connections that are open. Main thread. Monitors see all of them,
// other users their own.
import type { ConnectionInfo } from '../../acceptor/control-messages.ts';
import { isMonitor } from '../access.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { byName } from './listing.ts';

function listConnections({ user, broker }: ApiRequest): JsonList<ConnectionInfo> {
  const all = [...broker.source.connections.values()];
  const shown = isMonitor(user) ? all : all.filter((connection) => connection.user === user.name);
  return new JsonList(shown.sort(byName), (connection) => connectionJson(connection, broker.node));
}

function connectionJson(connection: ConnectionInfo, node: string): object {
  const userProvidedName = connection.clientProperties['connection_name'];
  return {
    name: connection.name,
    ...(typeof userProvidedName === 'string' ? { user_provided_name: userProvidedName } : {}),
    user: connection.user,
    vhost: connection.vhost,
    node,
    type: 'network',
    protocol: 'AMQP 0-9-1',
    state: 'running',
    connected_at: connection.connectedAtMillis,
    client_properties: tableJson(connection.clientProperties),
  };
}

export const connectionRoutes = [readOnly('/api/connections', 'management', listConnections)];
