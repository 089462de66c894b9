// /api/channels and /api/consumers: what clients have open. Main thread. Monitors see all channels,
// other users those of their connections; consumers are shown by virtual host.
import type { ChannelInfo, ConsumerInfo } from '../../acceptor/management-messages.ts';
import type { ConnectionInfo } from '../../acceptor/control-messages.ts';
import { accessibleVhosts } from '../access.ts';
import type { BrokerView } from '../broker-view.ts';
import { notFound } from '../http-refusal.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { connectionOf, pidOf, visibleConnections } from './connections.ts';
import { compareText, vhostOf } from './listing.ts';

interface Of<Thing> {
  readonly connection: ConnectionInfo;
  readonly thing: Thing;
}

async function listChannels(request: ApiRequest): Promise<JsonList<Of<ChannelInfo>>> {
  return channelList(request, visibleConnections(request));
}

async function listOfConnection(request: ApiRequest): Promise<JsonList<Of<ChannelInfo>>> {
  return channelList(request, [connectionOf(request)]);
}

async function listOfVhost(request: ApiRequest): Promise<JsonList<Of<ChannelInfo>>> {
  const name = vhostOf(request);
  return channelList(
    request,
    visibleConnections(request).filter(({ vhost }) => vhost === name),
  );
}

async function getChannel(request: ApiRequest): Promise<object> {
  const { broker, parameters } = request;
  const channels = await channelsOf(broker, visibleConnections(request));
  const found = channels.find((channel) => nameOf(channel) === parameters['channel']);
  if (found === undefined) throw notFound();
  const consumers = await consumersOf(broker, [found.connection]);
  const own = consumers.filter(({ thing }) => thing.channel === found.thing.number);
  return {
    ...channelJson(found, broker),
    consumer_details: own.map((consumer) => consumerJson(consumer, broker)),
  };
}

async function listConsumers(request: ApiRequest): Promise<JsonList<Of<ConsumerInfo>>> {
  const { broker, user, parameters } = request;
  const { topology, connections } = broker.source;
  const vhosts = new Set(
    parameters['vhost'] === undefined ? accessibleVhosts(user, topology) : [vhostOf(request)],
  );
  const inside = [...connections.values()].filter(({ vhost }) => vhosts.has(vhost));
  const consumers = await consumersOf(broker, inside);
  return new JsonList(consumers, (consumer) => consumerJson(consumer, broker));
}

async function channelList(
  { broker }: ApiRequest,
  connections: readonly ConnectionInfo[],
): Promise<JsonList<Of<ChannelInfo>>> {
  const channels = await channelsOf(broker, connections);
  return new JsonList(channels, (channel) => channelJson(channel, broker));
}

async function channelsOf(
  { source }: BrokerView,
  connections: readonly ConnectionInfo[],
): Promise<Of<ChannelInfo>[]> {
  const { channels } = await source.control.listClients();
  return joined(channels, connections).sort((one, other) =>
    compareText(nameOf(one), nameOf(other)),
  );
}

/** By virtual host, queue and tag. */
async function consumersOf(
  { source }: BrokerView,
  connections: readonly ConnectionInfo[],
): Promise<Of<ConsumerInfo>[]> {
  const { consumers } = await source.control.listClients();
  return joined(consumers, connections).sort(
    (one, other) =>
      compareText(one.connection.vhost, other.connection.vhost) ||
      compareText(one.thing.queue, other.thing.queue) ||
      compareText(one.thing.tag, other.thing.tag),
  );
}

function joined<Thing extends { readonly connectionId: number }>(
  things: readonly Thing[],
  connections: readonly ConnectionInfo[],
): Of<Thing>[] {
  const byId = new Map(connections.map((connection) => [connection.id, connection]));
  return things.flatMap((thing) => {
    const connection = byId.get(thing.connectionId);
    return connection === undefined ? [] : [{ connection, thing }];
  });
}

function nameOf({ connection, thing }: Of<ChannelInfo>): string {
  return `${connection.name} (${thing.number})`;
}

function connectionDetails({ name, peer }: ConnectionInfo): object {
  return { name, peer_host: peer?.host, peer_port: peer?.port };
}

function channelJson(channel: Of<ChannelInfo>, { node }: BrokerView): object {
  const { connection, thing } = channel;
  return {
    name: nameOf(channel),
    number: thing.number,
    pid: pidOf(connection.id, node),
    connection_details: connectionDetails(connection),
    user: connection.user,
    user_who_performed_action: connection.user,
    vhost: connection.vhost,
    node,
    state: 'running',
    transactional: thing.isTransactional,
    confirm: thing.isConfirming,
    consumer_count: thing.consumers,
    messages_unacknowledged: thing.unacked,
    messages_unconfirmed: thing.unconfirmed,
    messages_uncommitted: thing.uncommittedPublishes,
    acks_uncommitted: thing.uncommittedAcks,
    prefetch_count: thing.consumerPrefetch,
    global_prefetch_count: thing.channelPrefetch,
  };
}

function consumerJson({ connection, thing }: Of<ConsumerInfo>, { node }: BrokerView): object {
  return {
    queue: { name: thing.queue, vhost: connection.vhost },
    consumer_tag: thing.tag,
    channel_details: {
      name: `${connection.name} (${thing.channel})`,
      number: thing.channel,
      node,
      connection_name: connection.name,
      peer_host: connection.peer?.host,
      peer_port: connection.peer?.port,
      user: connection.user,
    },
    ack_required: !thing.noAck,
    exclusive: thing.isExclusive,
    prefetch_count: thing.prefetch,
    arguments: tableJson(thing.arguments),
    active: thing.activity !== 'waiting',
    activity_status: thing.activity ?? 'up',
  };
}

export const channelRoutes = [
  readOnly('/api/channels', 'management', listChannels),
  readOnly('/api/channels/:channel', 'management', getChannel),
  readOnly('/api/connections/:connection/channels', 'management', listOfConnection),
  readOnly('/api/vhosts/:vhost/channels', 'vhost', listOfVhost),
  readOnly('/api/consumers', 'vhost', listConsumers),
  readOnly('/api/consumers/:vhost', 'vhost', listConsumers),
];
