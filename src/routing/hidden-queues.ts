// Queues that clients do not name: a feature of the broker keeps its messages there. They are
// queues like any other to routing and to their shard; listings and limits leave them out. Any
// thread. Their names begin with `amq.`, so no client can declare one (403). They are the queues of
// direct reply-to, and those in which exchanges keep messages of their own (companion.ts).
import type { QueueSpec } from './change.ts';

/** What a client consumes from to get replies (https://www.rabbitmq.com/docs/direct-reply-to). */
export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
/** The queue behind it: one per channel, with what nobody can guess at the end. */
export const REPLY_QUEUE_PREFIX = `${DIRECT_REPLY_TO}.`;

/** The pseudo-queue of direct reply-to, or a name that may have been made from it. */
export function isDirectReplyTo(queue: string): boolean {
  return queue.startsWith(DIRECT_REPLY_TO);
}

export function isHiddenQueue({ name, companion }: QueueSpec): boolean {
  return companion !== undefined || name.startsWith(REPLY_QUEUE_PREFIX);
}
