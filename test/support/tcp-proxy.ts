// Test thread. A TCP proxy between a client and the broker, so that a test can cut connections the
// way networks do, at the moment it chooses.
import { once } from 'node:events';
import net from 'node:net';

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** How many connections were accepted so far. */
  readonly accepted: () => number;
  /** Cuts every connection that is open now. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  const server = net.createServer((client) => {
    accepted += 1;
    const upstream = net.connect(target.port, target.host);
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(peer);
      // The error is what a cut connection looks like; its 'close' takes the other half along.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async (): Promise<void> => {
    cut();
    server.close();
    await once(server, 'close');
  };
  return { host: '127.0.0.1', port, accepted: () => accepted, cut, stop };
}
