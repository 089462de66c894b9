// The replica of one virtual host's topology, and routing in it without the cache. Each acceptor
// and shard keeps its own and applies the control plane's changes in revision order, so equal
// revisions route alike in every thread.
// Changes are facts: one that adds something which does not fit throws, because this replica has
// gone astray; one that removes what is already gone does nothing. A queue or exchange takes its
// bindings with it, no 'unbound' comes for them. `revision` moves with each change: a cache of
// resolutions is valid for one revision.
import { bindingKey } from './binding-key.ts';
import type { BindingSpec, Change, ExchangeSpec, QueueSpec } from './change.ts';
import { DEFAULT_EXCHANGE, DefaultMatcher } from './exchange/default.ts';
import { DelayingMatcher } from './exchange/delayed-message.ts';
import { UnknownTypeMatcher } from './exchange/unknown-type.ts';
import { createMatcher, isDelayedByPolicy } from './exchange-types.ts';
import { Resolution } from './resolution.ts';
import type { RoutedMessage } from './routed-message.ts';
import { RouteWalk } from './route-walk.ts';
import { Binding, ExchangeNode, QueueNode } from './topology-node.ts';
import type { Destination } from './topology-node.ts';

export class VhostRoutes {
  readonly name: string;
  private appliedCount = 0;
  private readonly exchanges = new Map<string, ExchangeNode>();
  private readonly queues = new Map<string, QueueNode>();
  private readonly queuesById = new Map<number, QueueNode>();
  private readonly bindings = new Map<string, Binding>();
  private readonly walk: RouteWalk;

  constructor(name: string) {
    this.name = name;
    this.exchanges.set('', new ExchangeNode(DEFAULT_EXCHANGE, new DefaultMatcher(this.queues)));
    this.walk = new RouteWalk(this.exchanges, new Resolution());
  }

  /** One more with each change applied. */
  get revision(): number {
    return this.appliedCount;
  }

  queue(name: string): QueueSpec | undefined {
    return this.queues.get(name)?.spec;
  }

  queueById(id: number): QueueSpec | undefined {
    return this.queuesById.get(id)?.spec;
  }

  exchange(name: string): ExchangeSpec | undefined {
    return this.exchanges.get(name)?.spec;
  }

  isBound(binding: BindingSpec): boolean {
    return this.bindings.has(bindingKey(binding));
  }

  /** Routes a message with one routing key: overwrites `into` with where it goes. */
  resolve(
    exchangeName: string,
    routingKey: string,
    message: RoutedMessage,
    into: Resolution,
  ): void {
    this.resolveKeys(exchangeName, [routingKey], message, into);
  }

  /**
   * Routes a message with several routing keys (its own, CC, BCC): overwrites `into`.
   * Past an internal exchange the queues are resolved too: the status is there for client
   * publishes, while dead-lettering and the broker's own publishes may go through.
   */
  resolveKeys(
    exchangeName: string,
    routingKeys: readonly string[],
    message: RoutedMessage,
    into: Resolution,
  ): void {
    into.reset();
    const exchange = this.exchanges.get(exchangeName);
    if (exchange === undefined) {
      into.status = 'no-exchange';
      return;
    }
    if (exchange.spec.internal) into.status = 'internal';
    else if (exchange.ownMatcher instanceof UnknownTypeMatcher) into.status = 'no-type';
    this.walk.run(exchange, routingKeys, message, into);
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'exchange-declared':
        this.addExchange(change.exchange);
        break;
      case 'exchange-deleted':
        this.removeExchange(change.name);
        break;
      case 'queue-declared':
        this.addQueue(change.queue);
        break;
      case 'queue-deleted':
        this.removeQueue(change.queue.id);
        break;
      case 'queue-updated': {
        const node = this.queuesById.get(change.queue.id);
        if (node !== undefined) node.spec = change.queue;
        break;
      }
      case 'exchange-updated':
        this.updateExchange(change.exchange);
        break;
      case 'bound':
        this.addBinding(change.binding);
        break;
      case 'unbound':
        this.removeBinding(this.bindings.get(bindingKey(change.binding)));
        break;
      case 'vhost-created':
      case 'vhost-deleted':
        throw new Error(`'${change.kind}' is for BrokerRoutes, not for the vhost itself`);
    }
    this.appliedCount += 1;
  }

  private addExchange(spec: ExchangeSpec): void {
    // The default exchange is there from the start; the control plane may list it with the others.
    if (spec.name === '') return;
    if (this.exchanges.has(spec.name)) throw this.astray(`exchange '${spec.name}' exists already`);
    const node = new ExchangeNode(spec, createMatcher(spec, this.queues));
    this.applyPolicy(node);
    this.exchanges.set(spec.name, node);
  }

  private updateExchange(spec: ExchangeSpec): void {
    const node = this.exchanges.get(spec.name);
    if (node === undefined) return;
    node.update(spec);
    this.applyPolicy(node);
  }

  private applyPolicy(node: ExchangeNode): void {
    const { spec, ownMatcher } = node;
    node.matcher = isDelayedByPolicy(spec)
      ? new DelayingMatcher(spec.name, ownMatcher, this.queues)
      : ownMatcher;
  }

  private removeExchange(name: string): void {
    const node = this.exchanges.get(name);
    if (node === undefined) return;
    this.exchanges.delete(name);
    for (const binding of node.inbound) this.removeBinding(binding);
    for (const binding of node.outbound) this.removeBinding(binding);
  }

  private addQueue(spec: QueueSpec): void {
    if (this.queues.has(spec.name)) throw this.astray(`queue '${spec.name}' exists already`);
    if (this.queuesById.has(spec.id)) throw this.astray(`queue id ${spec.id} exists already`);
    const node = new QueueNode(spec);
    this.queues.set(spec.name, node);
    this.queuesById.set(spec.id, node);
  }

  private removeQueue(id: number): void {
    const node = this.queuesById.get(id);
    if (node === undefined) return;
    this.queuesById.delete(id);
    this.queues.delete(node.spec.name);
    for (const binding of node.inbound) this.removeBinding(binding);
  }

  private addBinding(spec: BindingSpec): void {
    const key = bindingKey(spec);
    if (this.bindings.has(key)) throw this.astray(`binding ${key} exists already`);
    const source = this.exchanges.get(spec.source);
    const destination = this.destination(spec);
    if (source === undefined || destination === undefined) {
      throw this.astray(
        `binding ${key} lacks its ${source === undefined ? 'source' : 'destination'}`,
      );
    }
    const binding = new Binding(spec, source, destination);
    source.matcher.bind(binding);
    source.outbound.add(binding);
    destination.inbound.add(binding);
    this.bindings.set(key, binding);
  }

  private removeBinding(binding: Binding | undefined): void {
    if (binding === undefined) return;
    binding.source.matcher.unbind(binding);
    binding.source.outbound.delete(binding);
    binding.destination.inbound.delete(binding);
    this.bindings.delete(bindingKey(binding.spec));
  }

  private destination(spec: BindingSpec): Destination | undefined {
    const { destination, destinationKind } = spec;
    return destinationKind === 'queue'
      ? this.queues.get(destination)
      : this.exchanges.get(destination);
  }

  private astray(what: string): Error {
    return new Error(`topology replica of vhost '${this.name}': ${what}`);
  }
}
