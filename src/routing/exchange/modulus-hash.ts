// x-modulus-hash: the hash of the routing key, modulo the number of bindings, chooses one of them;
// one routing key always goes to the same place while the bindings are the same, after restarts too
// (https://www.rabbitmq.com/docs/modulus-hash-exchange). A destination bound several times gets
// that much more. Runs in each thread that keeps a replica, on a route-cache miss.
// The order of the bindings is that of their destinations' names, so it is the same in every thread
// and after every restart. The hash is ours: which queue a key meets differs from RabbitMQ's.
import { hashText } from '../../base/hash-text.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { ExchangeType } from '../exchange-type.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

export class ModulusHashMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = true;
  private readonly bindings = new Set<Binding>();
  /** The bindings in order; undefined until it is needed after a change. */
  private sorted: readonly Binding[] | undefined = undefined;

  bind(binding: Binding): void {
    this.bindings.add(binding);
    this.sorted = undefined;
  }

  unbind(binding: Binding): void {
    if (this.bindings.delete(binding)) this.sorted = undefined;
  }

  match(routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    if (this.bindings.size === 0) return;
    this.sorted ??= [...this.bindings].sort(byDestination);
    const { sorted } = this;
    sink.found(sorted[hashText(routingKey) % sorted.length].destination);
  }
}

/** By name and then by kind; bindings of one destination are as good as each other. */
function byDestination({ spec: one }: Binding, { spec: other }: Binding): number {
  if (one.destination !== other.destination) return one.destination < other.destination ? -1 : 1;
  if (one.destinationKind === other.destinationKind) return 0;
  return one.destinationKind < other.destinationKind ? -1 : 1;
}

export const modulusHashType: ExchangeType = {
  name: 'x-modulus-hash',
  description: 'Sends each message to one binding, chosen by the hash of its routing key',
  create: () => new ModulusHashMatcher(),
};
