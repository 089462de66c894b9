// Names of virtual hosts, queues and exchanges (specification 1.7.2.1: names starting with "amq."
// are reserved; a short string has at most 255 bytes). Main thread.
// RabbitMQ strips line breaks from names (rabbit_channel:strip_cr_lf), and so do we.
import {
  defaultExchangeRefused,
  nameTooLong,
  reservedName,
  type ResourceKind,
} from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { REPLY_QUEUE_PREFIX } from '../routing/hidden-queues.ts';

const NAME_BYTES_MAX = 255;
const RESERVED_PREFIX = 'amq.';
const RANDOM_NAME_BYTES = 16;

/** Fills a name the broker makes up; injected, so that a replayed log can repeat it. */
export type RandomBytes = (bytes: number) => Uint8Array;

export function withoutLineBreaks(name: string): string {
  return name.replaceAll(/[\r\n]/g, '');
}

export function isReservedName(name: string): boolean {
  return name.startsWith(RESERVED_PREFIX);
}

/** "amq.gen-" and 22 characters: 128 random bits. */
export function serverNamed(random: RandomBytes): string {
  return `${RESERVED_PREFIX}gen-${unguessable(random)}`;
}

/** The queue behind a channel's direct reply-to. */
export function replyQueueNamed(random: RandomBytes): string {
  return REPLY_QUEUE_PREFIX + unguessable(random);
}

function unguessable(random: RandomBytes): string {
  return Buffer.from(random(RANDOM_NAME_BYTES)).toString('base64url');
}

/** Refuses names under which a client may not create a queue or an exchange. */
export function assertNewName(kind: ResourceKind, name: string): void {
  if (isReservedName(name)) throw new AmqpError(reservedName(kind, name));
  assertNameBytes(kind, name);
}

/** Names from the wire always fit; those from the management API may not. */
export function assertNameBytes(kind: ResourceKind | 'vhost', name: string): void {
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes === 0 || bytes > NAME_BYTES_MAX) throw new AmqpError(nameTooLong(kind, bytes));
}

export function assertNotDefaultExchange(name: string): void {
  if (name === '') throw new AmqpError(defaultExchangeRefused());
}
