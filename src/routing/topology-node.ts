// The nodes and edges of one virtual host's routing graph: queues and exchanges, joined by
// bindings.
//
//     ExchangeNode --outbound--> Binding --destination--> QueueNode | ExchangeNode
//                                   \-------- is in the destination's `inbound`
//
// Runs in each thread that keeps a replica. Invariant: a binding is in its source's `outbound` and
// matcher, in its destination's `inbound`, and in the virtual host's table, or in none of them, so
// that either end can be deleted in time proportional to its own bindings.
import type { BindingSpec, ExchangeSpec, QueueSpec } from './change.ts';
import type { ExchangeMatcher } from './exchange-matcher.ts';

export class QueueNode {
  spec: QueueSpec;
  readonly inbound = new Set<Binding>();
  /** The last walk that found this node (see route-walk.ts). */
  walk = 0;

  constructor(spec: QueueSpec) {
    this.spec = spec;
  }
}

export class ExchangeNode {
  spec: ExchangeSpec;
  /** That of its type. */
  readonly ownMatcher: ExchangeMatcher;
  /** What is asked: `ownMatcher`, or what a policy has put in front of it. */
  matcher: ExchangeMatcher;
  /** Where messages go that match no binding here; the exchange of that name need not exist. */
  alternateExchange: string | undefined;
  readonly inbound = new Set<Binding>();
  readonly outbound = new Set<Binding>();
  /** The last walk that found this node (see route-walk.ts). */
  walk = 0;

  constructor(spec: ExchangeSpec, matcher: ExchangeMatcher) {
    this.spec = spec;
    this.ownMatcher = matcher;
    this.matcher = matcher;
    this.alternateExchange = alternateExchangeOf(spec);
  }

  update(spec: ExchangeSpec): void {
    this.spec = spec;
    this.alternateExchange = alternateExchangeOf(spec);
  }
}

/** By argument, or else by policy (https://www.rabbitmq.com/docs/ae). */
function alternateExchangeOf(spec: ExchangeSpec): string | undefined {
  const name =
    spec.arguments['alternate-exchange'] ?? spec.policy?.definition['alternate-exchange'];
  return typeof name === 'string' ? name : undefined;
}

export type Destination = QueueNode | ExchangeNode;

export class Binding {
  readonly spec: BindingSpec;
  readonly source: ExchangeNode;
  readonly destination: Destination;

  constructor(spec: BindingSpec, source: ExchangeNode, destination: Destination) {
    this.spec = spec;
    this.source = source;
    this.destination = destination;
  }
}
