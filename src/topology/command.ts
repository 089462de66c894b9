// Topology commands and their outcomes: what acceptors, shards and the management API ask of the
// control plane (main thread). Plain data, so that it crosses threads and can be logged and
// replayed.
import type { Refusal } from '../errors/refusal.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import type { Change, DestinationKind, QueueSpec } from '../routing/change.ts';

export type Command =
  | { readonly kind: 'create-vhost'; readonly vhost: string }
  | { readonly kind: 'delete-vhost'; readonly vhost: string }
  | {
      readonly kind: 'declare-exchange';
      readonly vhost: string;
      readonly name: string;
      readonly type: string;
      readonly durable: boolean;
      readonly autoDelete: boolean;
      readonly internal: boolean;
      readonly arguments: FieldTable;
    }
  | {
      readonly kind: 'delete-exchange';
      readonly vhost: string;
      readonly name: string;
      readonly ifUnused: boolean;
    }
  | {
      readonly kind: 'declare-queue';
      readonly vhost: string;
      /** Empty: the broker names the queue `amq.gen-...`. */
      readonly name: string;
      readonly durable: boolean;
      readonly exclusive: boolean;
      readonly autoDelete: boolean;
      readonly arguments: FieldTable;
      /** Who asks; owns the queue when it is exclusive. */
      readonly connectionId: number;
    }
  /** A hidden queue for the replies to one channel of the connection (hidden-queues.ts). */
  | {
      readonly kind: 'declare-reply-queue';
      readonly vhost: string;
      readonly connectionId: number;
    }
  | {
      readonly kind: 'bind' | 'unbind';
      readonly vhost: string;
      readonly source: string;
      readonly destination: string;
      readonly destinationKind: DestinationKind;
      readonly routingKey: string;
      readonly arguments: FieldTable;
      readonly connectionId: number;
    }
  /** A shard has deleted the queue (client's delete, auto-delete): forget it. Idempotent. */
  | { readonly kind: 'queue-gone'; readonly queueId: number }
  /** The connection ended: its exclusive queues go. Idempotent. */
  | { readonly kind: 'connection-closed'; readonly connectionId: number };

/**
 * What a command came to. `changes` (possibly empty) are to be applied by every replica, in order,
 * before the asker hears of it. With a `refusal` there are no changes.
 */
export interface Outcome {
  readonly changes: readonly Change[];
  readonly refusal: Refusal | undefined;
  /** The queue that was made or found. */
  readonly queue: QueueSpec | undefined;
}
