// Obeys what operators' commands make main say. Acceptor thread; cold.
// A direct client is a connection without a socket and without a login: main vouches for the user.
// What it may do is decided as for any other connection of that user. Nobody counts or lists it.
import type { Socket } from 'node:net';
import { connectionForced } from '../errors/connection-refusals.ts';
import { isHiddenQueue } from '../routing/hidden-queues.ts';
import type { Acceptor } from './acceptor.ts';
import type { Channel } from './channel.ts';
import type { ClientConsumer } from './client-consumer.ts';
import { ConnectionAccess } from './connection-access.ts';
import { ConnectionReader } from './connection-reader.ts';
import { DirectSocket } from './direct-socket.ts';
import type { ClientListing, ManagementControl } from './management-messages.ts';
import { endWith, ReadBuffer, readByData } from './socket-reader.ts';

const SUSPEND_MILLIS = 2000;
const FRAME_MAX = 128 * 1024;
const DIRECT_READ_BYTES = 64 * 1024;
const DIRECT_CAPABILITIES = { publisher_confirms: true, 'basic.nack': true };

export function obeyManagement(acceptor: Acceptor, message: ManagementControl): void {
  switch (message.kind) {
    case 'close-connections':
      closeConnections(acceptor, message.connectionIds, message.reason);
      break;
    case 'list-clients':
      acceptor.control.notify({
        kind: 'clients',
        request: message.request,
        clients: listClients(acceptor),
      });
      break;
    case 'suspend':
      void acceptor.suspend(message.reason, SUSPEND_MILLIS).then(() => {
        acceptor.control.notify({ kind: 'suspended', request: message.request });
      });
      break;
    case 'open-direct':
      openDirect(acceptor, message);
      break;
    case 'tracing':
      acceptor.vhosts.setTraced(message.vhosts);
      break;
  }
}

function closeConnections(acceptor: Acceptor, ids: readonly number[], reason: string): void {
  const wanted = new Set(ids);
  for (const connection of acceptor.connections) {
    if (!wanted.has(connection.globalId) || connection.state !== 'running') continue;
    connection.refuse(connectionForced(reason), undefined, 0);
  }
}

function openDirect(
  acceptor: Acceptor,
  { port, user, vhost: name, access }: Extract<ManagementControl, { kind: 'open-direct' }>,
): void {
  const vhost = acceptor.vhost(name);
  if (vhost === undefined) return port.close();
  const socket = new DirectSocket(port);
  const connection = acceptor.connect(socket as unknown as Socket, `<direct ${user}>`);
  connection.user = user;
  connection.vhost = vhost;
  connection.access = new ConnectionAccess(user, name, access, acceptor.accessCounts);
  connection.clientProperties = { capabilities: DIRECT_CAPABILITIES };
  connection.setFrameMax(FRAME_MAX);
  connection.channelMax = 1;
  connection.state = 'running';
  connection.heartbeat.opened();
  const reader = new ConnectionReader(connection);
  readByData(socket, reader, new ReadBuffer(DIRECT_READ_BYTES));
  socket.on('end', () => socket.end());
  endWith(socket, reader);
}

/** As in RabbitMQ, a consumer of replies is in no listing. */
function listedConsumers(channel: Channel): ClientConsumer[] {
  return [...channel.consumers.values()].filter(({ queue }) => !isHiddenQueue(queue));
}

function listClients(acceptor: Acceptor): ClientListing {
  const opened = [...acceptor.connections].filter(({ state }) => state === 'running');
  const channels = opened.flatMap((connection) => connection.channels.open());
  return {
    channels: channels.map((channel) => ({
      connectionId: channel.connection.globalId,
      number: channel.number,
      consumerPrefetch: channel.consumerPrefetch,
      channelPrefetch: channel.prefetch.limit,
      unacked: channel.unacked.size,
      unconfirmed: channel.confirms?.waitingCount ?? 0,
      consumers: listedConsumers(channel).length,
      isConfirming: channel.confirms !== undefined && channel.transaction === undefined,
      isTransactional: channel.transaction !== undefined,
      uncommittedPublishes: channel.transaction?.publishCount ?? 0,
      uncommittedAcks: channel.transaction?.ackCount ?? 0,
    })),
    consumers: channels.flatMap((channel) =>
      listedConsumers(channel).map(({ tag, queue, request }) => ({
        connectionId: channel.connection.globalId,
        channel: channel.number,
        tag,
        queue: queue.name,
        noAck: request.noAck,
        isExclusive: request.isExclusive,
        prefetch: request.prefetch,
        arguments: request.arguments,
      })),
    ),
  };
}
