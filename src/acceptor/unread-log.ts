// The log lines about a client that has stopped reading, and that reads again. Acceptor thread.
// They name what an operator needs to find it: who it is and which queues it consumes from.
import { readableSize } from '../base/readable-size.ts';
import type { Connection } from './connection.ts';
import type { UnreadNews } from './unread-watch.ts';

/** More queues than these are only counted. */
const QUEUES_NAMED_MAX = 3;

export function logUnread(connection: Connection, news: UnreadNews): void {
  const { acceptor, name, user } = connection;
  const fields = {
    connection: name,
    user,
    queues: queuesText(connection.channels.consumedQueues()),
    since: new Date(news.sinceMillis).toISOString(),
  };
  if (news.kind === 'read-again') {
    acceptor.log.info('client reads again', fields);
    return;
  }
  const waiting = readableSize(news.waitingBytes);
  acceptor.log.warn('client does not read: what is sent to it waits', { ...fields, waiting });
}

function queuesText(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const named = names.slice(0, QUEUES_NAMED_MAX).join(', ');
  const more = names.length - QUEUES_NAMED_MAX;
  return more > 0 ? `${named} and ${more} more` : named;
}
