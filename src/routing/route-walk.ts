// One message's walk through a virtual host's routing graph: from an exchange along its matching
// bindings and, where nothing matched, to the alternate exchange. Runs in each thread that routes,
// on a route-cache miss. Each node is entered at most once per walk (it is marked with the walk's
// number), so cycles end and a queue found over several paths counts once.
//
// The rule is that of RabbitMQ (rabbit_exchange:route1, process_alternate): each exchange visited
// decides for itself, and its alternate is used only when none of its own bindings match, be it
// that what they lead to has been visited already. All routing keys of a message (CC, BCC) are
// asked together, so one key that matches keeps the others from the alternate exchange.
import type { MatchSink } from './exchange-matcher.ts';
import type { Resolution } from './resolution.ts';
import type { RoutedMessage } from './routed-message.ts';
import { ExchangeNode } from './topology-node.ts';
import type { Destination, QueueNode } from './topology-node.ts';

export class RouteWalk implements MatchSink {
  private readonly exchanges: ReadonlyMap<string, ExchangeNode>;
  private readonly pending: ExchangeNode[] = [];
  private into: Resolution;
  private walk = 0;
  private matchCount = 0;

  constructor(exchanges: ReadonlyMap<string, ExchangeNode>, into: Resolution) {
    this.exchanges = exchanges;
    this.into = into;
  }

  run(
    start: ExchangeNode,
    routingKeys: readonly string[],
    message: RoutedMessage,
    into: Resolution,
  ): void {
    this.walk += 1;
    this.into = into;
    this.enter(start);
    let exchange = this.pending.pop();
    while (exchange !== undefined) {
      this.visit(exchange, routingKeys, message);
      exchange = this.pending.pop();
    }
  }

  found(destination: Destination): void {
    this.matchCount += 1;
    if (destination instanceof ExchangeNode) {
      this.enter(destination);
    } else {
      this.kept(destination);
    }
  }

  kept(queue: QueueNode): void {
    if (queue.walk === this.walk) return;
    queue.walk = this.walk;
    this.into.queues.push(queue.spec);
  }

  private visit(
    exchange: ExchangeNode,
    routingKeys: readonly string[],
    message: RoutedMessage,
  ): void {
    this.matchCount = 0;
    const { matcher } = exchange;
    if (matcher.isAskedOnce) matcher.match(routingKeys[0], message, this);
    else for (const key of routingKeys) matcher.match(key, message, this);
    if (!matcher.isCacheable) this.into.isCacheable = false;
    if (this.matchCount > 0 || exchange.alternateExchange === undefined) return;
    const alternate = this.exchanges.get(exchange.alternateExchange);
    if (alternate !== undefined) this.enter(alternate);
  }

  private enter(exchange: ExchangeNode): void {
    if (exchange.walk === this.walk) return;
    exchange.walk = this.walk;
    this.pending.push(exchange);
  }
}
