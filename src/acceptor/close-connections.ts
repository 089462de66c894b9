// Closes all connections of an acceptor, because the broker stops or an operator wants it so.
// Acceptor thread. Clients are told 320 and get a while to answer; then their sockets are cut.
import { connectionForced } from '../errors/connection-refusals.ts';
import type { Connection } from './connection.ts';

const LOOK_MILLIS = 10;

/** Resolves when all are gone, or time is up; `connections` loses those that are. */
export async function closeConnections(
  connections: ReadonlySet<Connection>,
  reason: string,
  millisMax: number,
): Promise<void> {
  for (const connection of connections) {
    if (connection.state === 'running') connection.close(connectionForced(reason), 0);
    else connection.socket.destroy();
  }
  const deadline = performance.now() + millisMax;
  while (connections.size > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS));
  }
  for (const connection of connections) connection.socket.destroy();
}
