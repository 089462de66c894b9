// The numbers of connections: each acceptor has its own, which name them in ring records, and the
// whole broker knows them by one made of both. Main and acceptor threads. Pure.

/** More than an acceptor ever numbers. */
const CONNECTIONS_PER_ACCEPTOR = 2 ** 40;

/** What the broker calls the connection that the acceptor calls `id`. */
export function globalConnectionId(acceptor: number, id: number): number {
  return acceptor * CONNECTIONS_PER_ACCEPTOR + id;
}
