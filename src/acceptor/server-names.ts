// Names the broker makes for clients that leave them empty. Acceptor thread.
import { randomBytes } from 'node:crypto';

const RANDOM_BYTES = 16;

/** A consumer tag like RabbitMQ's: amq.ctag- and 22 characters that nobody can guess. */
export function serverTag(): string {
  return `amq.ctag-${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}
