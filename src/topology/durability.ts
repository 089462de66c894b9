// Which changes have to survive a restart, and how large the arguments of one may be, so that a
// record of the log holds it. Main thread, pure.
import { argumentsTooLarge } from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { tableBytes } from '../protocol/field-table-encode.ts';
import type { Change } from '../routing/change.ts';
import { isPredeclared } from './predeclared-exchanges.ts';

/** In a record (1 MiB) they take a third more, and names and JSON are beside them. */
const ARGUMENT_BYTES_MAX = 512 * 1024;

/** A change that the log may hold: policies are logged themselves, not what they come to. */
export type RestorableChange = Exclude<
  Change,
  { readonly kind: 'queue-updated' | 'exchange-updated' }
>;

export function isDurable(change: Change): change is RestorableChange {
  switch (change.kind) {
    case 'vhost-created':
    case 'vhost-deleted':
      return true;
    case 'exchange-declared':
      // Those that every virtual host has come back with it.
      return change.exchange.durable && !isPredeclared(change.exchange.name);
    case 'queue-declared':
    case 'queue-deleted':
      return change.queue.durable;
    case 'queue-updated':
    case 'exchange-updated':
      return false;
    case 'exchange-deleted':
    case 'bound':
    case 'unbound':
      return change.durable;
  }
}

/** Only a frame_max far above RabbitMQ's lets a client send this much. */
export function assertStorable(subject: string, args: FieldTable): void {
  const bytes = tableBytes(args);
  if (bytes <= ARGUMENT_BYTES_MAX) return;
  throw new AmqpError(argumentsTooLarge(subject, bytes, ARGUMENT_BYTES_MAX));
}
