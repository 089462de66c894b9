// One virtual host's queues, exchanges and bindings, and the cascades between them. Main thread.
// The methods here do what has been decided: they validate nothing, and append to `changes` what
// replicas must do. Bindings that vanish with an end of theirs get no 'unbound' of their own.
// Auto-delete exchanges go when their last binding as a SOURCE goes, which can take further ones
// with them (RabbitMQ: rabbit_binding:process_deletions, docs/e2e); being a destination keeps none.
import type {
  BindingSpec,
  Change,
  DestinationKind,
  ExchangeSpec,
  QueueSpec,
} from '../routing/change.ts';
import { isHiddenQueue } from '../routing/hidden-queues.ts';
import { BindingIndex } from './binding-index.ts';
import { VhostPolicies } from './policy/vhost-policies.ts';
import type { QueueType } from './queue-arguments.ts';

export class VhostTopology {
  readonly name: string;
  readonly exchanges = new Map<string, ExchangeSpec>();
  readonly queues = new Map<string, QueueSpec>();
  readonly bindings = new BindingIndex();
  readonly policies = new VhostPolicies();
  /** Of queues that are declared without a type; undefined: as the configuration says. */
  defaultQueueType: QueueType | undefined;
  private hiddenCount = 0;

  constructor(name: string) {
    this.name = name;
    this.defaultQueueType = undefined;
  }

  addExchange(declared: ExchangeSpec, changes: Change[]): void {
    const exchange = this.policies.ruleExchange(declared);
    this.exchanges.set(exchange.name, exchange);
    changes.push({ kind: 'exchange-declared', vhost: this.name, exchange });
  }

  removeExchange(name: string, changes: Change[]): void {
    const durable = this.exchanges.get(name)!.durable;
    changes.push({ kind: 'exchange-deleted', vhost: this.name, name, durable });
    this.sweepAutoDelete(this.forgetExchange(name), changes);
  }

  /** Queues that count for limits. */
  get queueCount(): number {
    return this.queues.size - this.hiddenCount;
  }

  /** Queues that are listed. */
  *visibleQueues(): Iterable<QueueSpec> {
    for (const queue of this.queues.values()) if (!isHiddenQueue(queue)) yield queue;
  }

  /** `queue` has its policies already: see `VhostPolicies.ruleNewQueue`. */
  addQueue(queue: QueueSpec, changes: Change[]): void {
    this.queues.set(queue.name, queue);
    if (isHiddenQueue(queue)) this.hiddenCount += 1;
    changes.push({ kind: 'queue-declared', vhost: this.name, queue });
  }

  removeQueue(queue: QueueSpec, changes: Change[]): void {
    changes.push({ kind: 'queue-deleted', vhost: this.name, queue });
    this.sweepAutoDelete(this.forgetQueue(queue), changes);
  }

  /** Without what follows from it; returns the exchanges that have lost bindings. */
  forgetExchange(name: string): Iterable<string> {
    this.exchanges.delete(name);
    this.bindings.removeFrom(name);
    return this.bindings.removeTo('exchange', name);
  }

  /** Without what follows from it; returns the exchanges that have lost bindings. */
  forgetQueue(queue: QueueSpec): Iterable<string> {
    if (this.queues.delete(queue.name) && isHiddenQueue(queue)) this.hiddenCount -= 1;
    return this.bindings.removeTo('queue', queue.name);
  }

  addBinding(binding: BindingSpec, changes: Change[]): void {
    this.bindings.add(binding);
    changes.push(this.bound(binding));
  }

  removeBinding(binding: BindingSpec, changes: Change[]): void {
    changes.push({ ...this.bound(binding), kind: 'unbound' });
    this.bindings.remove(binding);
    this.sweepAutoDelete([binding.source], changes);
  }

  /** Gives each queue and exchange the policies that rule it now. */
  applyPolicies(changes: Change[]): void {
    const vhost = this.name;
    for (const current of this.exchanges.values()) {
      const exchange = this.policies.ruleExchange(current);
      if (exchange === current) continue;
      this.exchanges.set(exchange.name, exchange);
      changes.push({ kind: 'exchange-updated', vhost, exchange });
    }
    for (const current of this.queues.values()) {
      const queue = this.policies.ruleQueue(current);
      if (queue === current) continue;
      this.queues.set(queue.name, queue);
      changes.push({ kind: 'queue-updated', vhost, queue });
    }
  }

  hasDestination(kind: DestinationKind, name: string): boolean {
    return kind === 'queue' ? this.queues.has(name) : this.exchanges.has(name);
  }

  /** All changes that rebuild this virtual host from nothing. */
  *snapshot(): Iterable<Change> {
    const vhost = this.name;
    yield { kind: 'vhost-created', vhost };
    for (const exchange of this.exchanges.values()) {
      yield { kind: 'exchange-declared', vhost, exchange };
    }
    for (const queue of this.queues.values()) yield { kind: 'queue-declared', vhost, queue };
    for (const binding of this.bindings.all()) yield this.bound(binding);
  }

  /** A binding is durable when both its ends are (RabbitMQ: rabbit_binding). */
  private bound(binding: BindingSpec): Change & { readonly kind: 'bound' | 'unbound' } {
    const { source, destination, destinationKind } = binding;
    const to = destinationKind === 'queue' ? this.queues : this.exchanges;
    const durable =
      this.exchanges.get(source)?.durable === true && to.get(destination)?.durable === true;
    return { kind: 'bound', vhost: this.name, binding, durable };
  }

  /** Deletes those of `losers`, which have just lost bindings, that are auto-delete and unbound. */
  private sweepAutoDelete(losers: Iterable<string>, changes: Change[]): void {
    // A list to work off, not recursion: chains of exchanges are as long as clients make them.
    const pending = [...losers];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const exchange = this.exchanges.get(name);
      if (exchange === undefined || !exchange.autoDelete || this.bindings.isSource(name)) continue;
      const { durable } = exchange;
      changes.push({ kind: 'exchange-deleted', vhost: this.name, name, durable });
      for (const source of this.forgetExchange(name)) pending.push(source);
    }
  }
}
