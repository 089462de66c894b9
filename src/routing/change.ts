// Topology changes: what the control plane (main thread) decided, as plain data that is sent to
// every acceptor and to the shards concerned. Each thread applies them in revision order to its own
// replica. A change is a fact: it has been validated and is never refused. `durable` tells main
// that the log has to know of it too; replicas do not look at it.
import type { FieldTable } from '../protocol/field-table.ts';
import type { Companion } from './companion.ts';

/**
 * What policies and operator policies say about a queue or exchange, merged. It follows from them
 * and is no fact of its own: main works it out again at each start.
 */
export interface AppliedPolicy {
  readonly name: string | undefined;
  readonly operatorName: string | undefined;
  /** By policy key, such as `message-ttl`. */
  readonly definition: Readonly<Record<string, string | number | boolean>>;
}

/** An exchange as declared (specification 1.7.2.1 plus RabbitMQ's arguments). */
export interface ExchangeSpec {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: FieldTable;
  readonly policy?: AppliedPolicy | undefined;
}

/** A queue as declared (1.7.2.1). `id` is never reused; `shard` is where it lives. */
export interface QueueSpec {
  readonly id: number;
  readonly shard: number;
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The id of the connection that owns this exclusive queue; 0 when it is not exclusive. */
  readonly exclusiveOwner: number;
  readonly arguments: FieldTable;
  /** Set when an exchange keeps messages of its own in it: no client sees it (companion.ts). */
  readonly companion?: Companion | undefined;
  readonly policy?: AppliedPolicy | undefined;
}

export type DestinationKind = 'queue' | 'exchange';

/** A binding; its identity is all of its fields (arguments compared by value). */
export interface BindingSpec {
  readonly source: string;
  readonly destination: string;
  readonly destinationKind: DestinationKind;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

export type Change =
  | { readonly kind: 'vhost-created'; readonly vhost: string }
  | { readonly kind: 'vhost-deleted'; readonly vhost: string }
  | { readonly kind: 'exchange-declared'; readonly vhost: string; readonly exchange: ExchangeSpec }
  | {
      readonly kind: 'exchange-deleted';
      readonly vhost: string;
      readonly name: string;
      readonly durable: boolean;
    }
  | { readonly kind: 'queue-declared'; readonly vhost: string; readonly queue: QueueSpec }
  | { readonly kind: 'queue-deleted'; readonly vhost: string; readonly queue: QueueSpec }
  /** Another policy applies to it now; all else is as it was. Not logged. */
  | { readonly kind: 'queue-updated'; readonly vhost: string; readonly queue: QueueSpec }
  | { readonly kind: 'exchange-updated'; readonly vhost: string; readonly exchange: ExchangeSpec }
  | {
      readonly kind: 'bound' | 'unbound';
      readonly vhost: string;
      readonly binding: BindingSpec;
      /** Both ends are durable. */
      readonly durable: boolean;
    };
