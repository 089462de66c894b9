// The default exchange "" (specification 3.1.3.1): every queue is reachable by its name, without a
// binding entry; RabbitMQ refuses explicit bindings to or from it, so there is nothing to bind.
// Runs in each thread that keeps a replica, on a route-cache miss.
import type { ExchangeSpec } from '../change.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { QueueTable } from '../exchange-type.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

/** As RabbitMQ lists it. */
export const DEFAULT_EXCHANGE: ExchangeSpec = {
  name: '',
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: {},
};

export class DefaultMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = false;
  private readonly queues: QueueTable;

  constructor(queues: QueueTable) {
    this.queues = queues;
  }

  bind(binding: Binding): void {
    throw new Error(
      `a binding to the default exchange must be refused: ${binding.spec.routingKey}`,
    );
  }

  unbind(_binding: Binding): void {
    // `bind` never succeeds, so there is never one to remove.
  }

  match(routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    const queue = this.queues.get(routingKey);
    // What an exchange keeps for itself is nobody's to publish to.
    if (queue !== undefined && queue.spec.companion === undefined) sink.found(queue);
  }
}
