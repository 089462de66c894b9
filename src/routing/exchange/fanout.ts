// Fanout exchange (specification 3.1.3.2): every bound destination, whatever the routing key.
// Runs in each thread that keeps a replica, on a route-cache miss.
import type { FieldTable } from '../../protocol/field-table.ts';
import { DestinationCounts } from '../destination-counts.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { Binding } from '../topology-node.ts';

export class FanoutMatcher implements ExchangeMatcher {
  readonly readsHeaders = false;
  private readonly destinations = new DestinationCounts();

  bind(binding: Binding): void {
    this.destinations.add(binding.destination);
  }

  unbind(binding: Binding): void {
    this.destinations.remove(binding.destination);
  }

  match(_routingKey: string, _headers: FieldTable | undefined, sink: MatchSink): void {
    this.destinations.reportTo(sink);
  }
}
