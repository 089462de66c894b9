// What an exchange type is: something that holds bindings and says which of their destinations a
// message goes to. Any thread that keeps a replica of the topology (acceptors, shards) runs it; it
// is the slow path behind the route cache, so it may allocate but must not be quadratic.
// Invariants: `unbind` gets the very object that `bind` got, and leaves nothing of it behind; a
// destination may be reported more than once, the sink counts it once.
import type { FieldTable } from '../protocol/field-table.ts';
import type { Binding, Destination } from './topology-node.ts';

/** Takes what a matcher found for one message. */
export interface MatchSink {
  found(destination: Destination): void;
}

export interface ExchangeMatcher {
  /** True when equal routing keys can lead to different destinations: do not cache by key. */
  readonly readsHeaders: boolean;
  bind(binding: Binding): void;
  unbind(binding: Binding): void;
  match(routingKey: string, headers: FieldTable | undefined, sink: MatchSink): void;
}
