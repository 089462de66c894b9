// Starts a TCP server. Acceptor thread, cold.
import type net from 'node:net';

const BACKLOG = 1024;

export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  /** Other acceptors listen on the same port, and the kernel spreads the connections. */
  readonly shared: boolean;
}

/** Resolves with the port that was bound. */
export function listenAt(server: net.Server, place: ListenPlace): Promise<number> {
  const { host, port, shared } = place;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG, reusePort: shared }, () => {
      server.off('error', reject);
      resolve((server.address() as net.AddressInfo).port);
    });
  });
}
