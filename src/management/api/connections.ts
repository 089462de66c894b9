// GET /api/connections: the AMQP connections that are open. Main thread. Monitors see all of them,
// other users their own. `state` is RabbitMQ's: blocked is a connection whose publish waits for
// memory or disk space, blocking one that would, if it published.
import type { ConnectionInfo } from '../../acceptor/control-messages.ts';
import { isMonitor } from '../access.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { isVhostBlocked, type ManagementSource } from '../source.ts';
import { tableJson } from '../table-json.ts';
import { byName } from './listing.ts';

async function listConnections(request: ApiRequest): Promise<JsonList<ConnectionInfo>> {
  const { user, broker } = request;
  const snapshot = await broker.snapshot();
  const all = [...broker.source.connections.values()];
  const shown = isMonitor(user) ? all : all.filter((connection) => connection.user === user.name);
  return new JsonList(shown.sort(byName), (connection) => ({
    ...connectionJson(connection, broker.node),
    state: stateOf(connection, broker.source, snapshot),
  }));
}

function stateOf(
  { id, vhost }: ConnectionInfo,
  source: ManagementSource,
  snapshot: BrokerSnapshot,
): string {
  if (snapshot.blockedConnections.has(id)) return 'blocked';
  return isVhostBlocked(source, vhost) ? 'blocking' : 'running';
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
    connected_at: connection.connectedAtMillis,
    client_properties: tableJson(connection.clientProperties),
  };
}

export const connectionRoutes = [readOnly('/api/connections', 'management', listConnections)];
