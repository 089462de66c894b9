// What listings show of a connection. Acceptor thread; made once, when a connection has opened.
import type { Socket } from 'node:net';
import type { ListenerAddress } from '../config/broker-config.ts';
import type { Connection } from './connection.ts';
import type { ConnectionInfo } from './control-messages.ts';

/** RabbitMQ's name for a connection. */
export function socketName(socket: Socket): string {
  const [peer, local] = [peerOf(socket), localOf(socket)];
  return `${peer.host}:${peer.port} -> ${local.host}:${local.port}`;
}

export function connectionInfo(connection: Connection): ConnectionInfo {
  const { socket } = connection;
  return {
    id: connection.globalId,
    name: connection.name,
    user: connection.user,
    vhost: connection.vhost.name,
    connectedAtMillis: Date.now(),
    clientProperties: connection.clientProperties,
    peer: peerOf(socket),
    local: localOf(socket),
    tls: connection.tls?.facts,
    channelMax: connection.channelMax,
    frameMax: connection.frameMax,
    heartbeatSeconds: connection.heartbeat.intervalMillis / 1000,
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): ListenerAddress {
  return { host: plainAddress(remoteAddress), port: remotePort ?? 0 };
}

function localOf({ localAddress, localPort }: Socket): ListenerAddress {
  return { host: plainAddress(localAddress), port: localPort ?? 0 };
}

/** IPv4 addresses without the IPv6 prefix that dual-stack sockets give them. */
function plainAddress(address: string | undefined): string {
  return (address ?? '?').replace(/^::ffff:/, '');
}
