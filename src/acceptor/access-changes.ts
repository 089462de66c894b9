// What may change about the user or the virtual host of an open connection, and what becomes of the
// connection then. Acceptor thread, cold: main tells each acceptor, which looks at all its
// connections. Texts of the closes: rabbit_connection_tracking; that a user who has lost access to
// the virtual host is cut off at once is stricter than RabbitMQ, where the connection lives on.
import type { Access } from '../auth/users.ts';
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import { connectionForced } from '../errors/connection-refusals.ts';
import { isHiddenQueue } from '../routing/hidden-queues.ts';
import { ConnectionAccess } from './connection-access.ts';
import type { Connection } from './connection.ts';
import type { ChangedUser, Opening } from './control-messages.ts';

/** The connection opens a virtual host: these are the rights of its user there. */
export function takeAccess(connection: Connection, vhost: string, opening: Opening): void {
  const { user, acceptor } = connection;
  connection.access = new ConnectionAccess(user, vhost, opening.access, acceptor.accessCounts);
  connection.followsUser = opening.followsUser;
  const { channelCounter, channelsMax } = opening;
  connection.channels.countIn(acceptor.userChannelPlaces.of(channelCounter, channelsMax));
}

/** From the next method and message on its user may do this. */
export function changeAccess(connection: Connection, access: Access): void {
  const { user, vhost, acceptor } = connection;
  connection.access = new ConnectionAccess(user, vhost.name, access, acceptor.accessCounts);
}

/** RabbitMQ 4.3, after a new secret: who may no longer read a queue no longer consumes from it. */
export function cancelUnreadable(connection: Connection): void {
  const { acceptor, access } = connection;
  for (const consumer of connection.channels.consumers()) {
    const { queue } = consumer;
    // Nobody needs a right to get replies (hidden-queues.ts).
    if (consumer.isGone || isHiddenQueue(queue) || access.mayRead(queue.name)) continue;
    const { channel, link, noAck, tag } = consumer;
    // As with basic.cancel: what is on its way goes back to its place, if it can.
    consumer.isGone = !noAck;
    const request = acceptor.requests.add(() => {
      channel.consumers.delete(tag);
      acceptor.forgetConsumer(consumer);
      if (channel.isOpen) connection.notifyCancelled(consumer);
    });
    link.operate(layout.CANCEL, layout.CANCEL_BYTES, [request, channel.id, consumer.id]);
  }
  acceptor.scheduleTurn();
}

export function usersChanged(
  connections: Iterable<Connection>,
  users: readonly ChangedUser[],
): void {
  const byName = new Map(users.map((user) => [user.name, user]));
  for (const connection of connections) {
    if (!connection.followsUser) continue;
    const changed = byName.get(connection.user);
    if (changed !== undefined) userChanged(connection, changed);
  }
}

function userChanged(connection: Connection, changed: ChangedUser): void {
  const { user, vhost } = connection;
  if (changed.isDeleted) {
    connection.close(connectionForced(`user '${user}' is deleted`), 0);
    return;
  }
  const access = changed.access.get(vhost.name);
  if (access === undefined) {
    const reason = `user '${user}' has lost access to vhost '${vhost.name}'`;
    connection.close(connectionForced(reason), 0);
    return;
  }
  changeAccess(connection, access);
  connection.channels.limitUser(changed.channelsMax);
}

export function vhostDeleted(connections: Iterable<Connection>, vhost: string): void {
  const reason = connectionForced(`vhost '${vhost}' is deleted`);
  for (const connection of connections) {
    if (connection.vhost.name === vhost && connection.state === 'running') {
      connection.close(reason, 0);
    }
  }
}
