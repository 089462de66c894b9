// What a connection is called in logs and listings: `127.0.0.1:50304 -> 127.0.0.1:5672`, RabbitMQ's
// form, which operators and the management API know it by. Acceptor thread.
import type { Socket } from 'node:net';

export function connectionName(socket: Socket): string {
  return (
    `${plainAddress(socket.remoteAddress)}:${socket.remotePort ?? 0} -> ` +
    `${plainAddress(socket.localAddress)}:${socket.localPort ?? 0}`
  );
}

/** IPv4 addresses without the IPv6 prefix that dual-stack sockets give them. */
function plainAddress(address: string | undefined): string {
  return (address ?? '?').replace(/^::ffff:/, '');
}
