// The default exchange "" (specification 3.1.3.1): every queue is reachable by its name, without a
// binding entry; RabbitMQ refuses explicit bindings to or from it, so there is nothing to bind.
// Runs in each thread that keeps a replica, on a route-cache miss.
import type { FieldTable } from '../../protocol/field-table.ts';
import type { ExchangeSpec } from '../change.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { Binding, QueueNode } from '../topology-node.ts';

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
  readonly readsHeaders = false;
  private readonly queues: ReadonlyMap<string, QueueNode>;

  /** `queues` is the virtual host's own live table of queues by name. */
  constructor(queues: ReadonlyMap<string, QueueNode>) {
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

  match(routingKey: string, _headers: FieldTable | undefined, sink: MatchSink): void {
    const queue = this.queues.get(routingKey);
    if (queue !== undefined) sink.found(queue);
  }
}
