// What an exchange does: it holds bindings and says which of their destinations a message goes to.
// Any thread that keeps a replica of the topology (acceptors, shards) runs it; it is the slow path
// behind the route cache, so it may allocate but must not be quadratic.
// Invariants: `unbind` gets the very object that `bind` got, and leaves nothing of it behind; a
// destination may be reported more than once, the sink counts it once.
import type { RoutedMessage } from './routed-message.ts';
import type { Binding, Destination, QueueNode } from './topology-node.ts';

/** Takes what a matcher found for one message. */
export interface MatchSink {
  found(destination: Destination): void;
  /** The exchange keeps a copy: no match, so an alternate exchange is asked as if it were not. */
  kept(queue: QueueNode): void;
}

export interface ExchangeMatcher {
  /** What `match` has just found follows from bindings and routing key alone: it may be kept. */
  readonly isCacheable: boolean;
  /** Asked once per message, with its own routing key, and not for those in CC and BCC too. */
  readonly isAskedOnce: boolean;
  bind(binding: Binding): void;
  unbind(binding: Binding): void;
  match(routingKey: string, message: RoutedMessage, sink: MatchSink): void;
}
