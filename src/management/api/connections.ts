// /api/connections: the AMQP connections that are open; DELETE closes one with 320. Main thread.
// Monitors see all of them, other users their own. `state` is RabbitMQ's: blocked is a connection
// whose publish waits for memory or disk space, blocking one that would, if it published.
// `pid` is no process, but what rabbitmqctl and its users expect a connection to be named by too.
import type { ConnectionInfo } from '../../acceptor/control-messages.ts';
import { isMonitor } from '../access.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import type { BrokerView } from '../broker-view.ts';
import { notFound } from '../http-refusal.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, NO_CONTENT, readOnly, type Reply, resource } from '../route.ts';
import { isVhostBlocked, type ManagementSource } from '../source.ts';
import { tableJson } from '../table-json.ts';
import { byName, vhostOf } from './listing.ts';
import { tlsJson } from './tls-json.ts';

async function listConnections(request: ApiRequest): Promise<JsonList<ConnectionInfo>> {
  return await connectionList(request, visibleConnections(request));
}

async function listOfVhost(request: ApiRequest): Promise<JsonList<ConnectionInfo>> {
  const name = vhostOf(request);
  const inside = visibleConnections(request).filter(({ vhost }) => vhost === name);
  return await connectionList(request, inside);
}

async function listOfUser(request: ApiRequest): Promise<JsonList<ConnectionInfo>> {
  const name = request.parameters['user'];
  const owned = visibleConnections(request).filter(({ user }) => user === name);
  return await connectionList(request, owned);
}

async function getConnection(request: ApiRequest): Promise<object> {
  const { broker } = request;
  const connection = connectionOf(request);
  const [snapshot, channels] = await Promise.all([broker.snapshot(), channelCounts(broker)]);
  return connectionJson(connection, broker, snapshot, channels);
}

function deleteConnection(request: ApiRequest): Reply {
  close(request, [connectionOf(request)]);
  return NO_CONTENT;
}

function deleteOfUser(request: ApiRequest): Reply {
  const name = request.parameters['user'];
  close(
    request,
    visibleConnections(request).filter(({ user }) => user === name),
  );
  return NO_CONTENT;
}

function close(request: ApiRequest, connections: readonly ConnectionInfo[]): void {
  const reason = request.header('x-reason') ?? 'Closed via management plugin';
  const ids = connections.map(({ id }) => id);
  request.broker.source.control.closeConnections(ids, reason);
}

/** The connections that the user may know of. */
export function visibleConnections({ user, broker }: ApiRequest): ConnectionInfo[] {
  const all = [...broker.source.connections.values()];
  const shown = isMonitor(user) ? all : all.filter((connection) => connection.user === user.name);
  return shown.sort(byName);
}

/** The connection that the path names. */
export function connectionOf(request: ApiRequest): ConnectionInfo {
  const named = request.parameters['connection'];
  const { node } = request.broker;
  const found = visibleConnections(request).find(
    ({ id, name }) => name === named || pidOf(id, node) === named,
  );
  if (found === undefined) throw notFound();
  return found;
}

async function connectionList(
  { broker }: ApiRequest,
  connections: readonly ConnectionInfo[],
): Promise<JsonList<ConnectionInfo>> {
  const [snapshot, channels] = await Promise.all([broker.snapshot(), channelCounts(broker)]);
  return new JsonList(connections, (connection) =>
    connectionJson(connection, broker, snapshot, channels),
  );
}

async function channelCounts({ source }: BrokerView): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (const { connectionId } of (await source.control.listClients()).channels) {
    counts.set(connectionId, (counts.get(connectionId) ?? 0) + 1);
  }
  return counts;
}

function stateOf(
  { id, vhost }: ConnectionInfo,
  source: ManagementSource,
  snapshot: BrokerSnapshot,
): string {
  if (snapshot.blockedConnections.has(id)) return 'blocked';
  return isVhostBlocked(source, vhost) ? 'blocking' : 'running';
}

export function pidOf(connectionId: number, node: string): string {
  return `<${node}.1.${connectionId}.0>`;
}

function connectionJson(
  connection: ConnectionInfo,
  broker: BrokerView,
  snapshot: BrokerSnapshot,
  channels: ReadonlyMap<number, number>,
): object {
  const { id, peer, local } = connection;
  const userProvidedName = connection.clientProperties['connection_name'];
  return {
    name: connection.name,
    ...(typeof userProvidedName === 'string' ? { user_provided_name: userProvidedName } : {}),
    pid: pidOf(id, broker.node),
    user: connection.user,
    user_who_performed_action: connection.user,
    vhost: connection.vhost,
    node: broker.node,
    type: 'network',
    protocol: 'AMQP 0-9-1',
    connected_at: connection.connectedAtMillis,
    peer_host: peer?.host,
    peer_port: peer?.port,
    host: local?.host,
    port: local?.port,
    ...tlsJson(connection.tls),
    channels: channels.get(id) ?? 0,
    channel_max: connection.channelMax,
    frame_max: connection.frameMax,
    timeout: connection.heartbeatSeconds,
    client_properties: tableJson(connection.clientProperties),
    state: stateOf(connection, broker.source, snapshot),
  };
}

export const connectionRoutes = [
  readOnly('/api/connections', 'management', listConnections),
  resource('/api/connections/username/:user', 'management', {
    GET: listOfUser,
    DELETE: deleteOfUser,
  }),
  resource('/api/connections/:connection', 'management', {
    GET: getConnection,
    DELETE: deleteConnection,
  }),
  readOnly('/api/vhosts/:vhost/connections', 'vhost', listOfVhost),
];
