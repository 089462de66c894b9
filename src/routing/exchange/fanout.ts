// Fanout exchange (specification 3.1.3.2): every bound destination, whatever the routing key.
// Runs in each thread that keeps a replica, on a route-cache miss.
import { DestinationCounts } from '../destination-counts.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

export class FanoutMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = true;
  private readonly destinations = new DestinationCounts();

  bind(binding: Binding): void {
    this.destinations.add(binding.destination);
  }

  unbind(binding: Binding): void {
    this.destinations.remove(binding.destination);
  }

  match(_routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    this.destinations.reportTo(sink);
  }
}
