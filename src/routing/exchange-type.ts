// What an exchange type is to the broker: how its exchanges are checked (main thread), and how they
// route (each thread that keeps a replica). Built-in types and those of plugins alike; the registry
// is exchange-types.ts. A check answers the text of a 406 PRECONDITION_FAILED, or undefined.
import type { BindingSpec, ExchangeSpec, QueueSpec } from './change.ts';
import type { CompanionRequest } from './companion.ts';
import type { ExchangeMatcher } from './exchange-matcher.ts';
import type { QueueNode } from './topology-node.ts';

/** The queues of the virtual host by name, always up to date. */
export type QueueTable = ReadonlyMap<string, QueueNode>;

export interface ExchangeType {
  readonly name: string;
  /** For listings. */
  readonly description: string;
  /** The matcher of a new exchange, whose declaration `validate` has let pass. */
  create(spec: ExchangeSpec, queues: QueueTable): ExchangeMatcher;
  /** Of a new exchange. */
  validate?(spec: ExchangeSpec): string | undefined;
  /** Of a new binding; `queue` is its destination, undefined when that is an exchange. */
  validateBinding?(
    binding: BindingSpec,
    exchange: ExchangeSpec,
    queue: QueueSpec | undefined,
  ): string | undefined;
  /** The queues it keeps messages in. */
  companions?(spec: ExchangeSpec): readonly CompanionRequest[];
}
