// Direct exchange (specification 3.1.3.1): the routing key equals the binding key, byte for byte.
// Runs in each thread that keeps a replica, on a route-cache miss.
import { DestinationCounts } from '../destination-counts.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

export class DirectMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = false;
  private readonly byKey = new Map<string, DestinationCounts>();

  bind(binding: Binding): void {
    const key = binding.spec.routingKey;
    let destinations = this.byKey.get(key);
    if (destinations === undefined) {
      destinations = new DestinationCounts();
      this.byKey.set(key, destinations);
    }
    destinations.add(binding.destination);
  }

  unbind(binding: Binding): void {
    const key = binding.spec.routingKey;
    const destinations = this.byKey.get(key);
    if (destinations === undefined) return;
    destinations.remove(binding.destination);
    if (destinations.isEmpty) this.byKey.delete(key);
  }

  match(routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    this.byKey.get(routingKey)?.reportTo(sink);
  }
}
