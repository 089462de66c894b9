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
import { BindingIndex } from './binding-index.ts';

export class VhostTopology {
  readonly name: string;
  readonly exchanges = new Map<string, ExchangeSpec>();
  readonly queues = new Map<string, QueueSpec>();
  readonly bindings = new BindingIndex();

  constructor(name: string) {
    this.name = name;
  }

  addExchange(exchange: ExchangeSpec, changes: Change[]): void {
    this.exchanges.set(exchange.name, exchange);
    changes.push({ kind: 'exchange-declared', vhost: this.name, exchange });
  }

  removeExchange(name: string, changes: Change[]): void {
    this.exchanges.delete(name);
    changes.push({ kind: 'exchange-deleted', vhost: this.name, name });
    this.bindings.removeFrom(name);
    this.sweepAutoDelete(this.bindings.removeTo('exchange', name), changes);
  }

  addQueue(queue: QueueSpec, changes: Change[]): void {
    this.queues.set(queue.name, queue);
    changes.push({ kind: 'queue-declared', vhost: this.name, queue });
  }

  removeQueue(queue: QueueSpec, changes: Change[]): void {
    this.queues.delete(queue.name);
    changes.push({ kind: 'queue-deleted', vhost: this.name, queue });
    this.sweepAutoDelete(this.bindings.removeTo('queue', queue.name), changes);
  }

  addBinding(binding: BindingSpec, changes: Change[]): void {
    this.bindings.add(binding);
    changes.push({ kind: 'bound', vhost: this.name, binding });
  }

  removeBinding(binding: BindingSpec, changes: Change[]): void {
    this.bindings.remove(binding);
    changes.push({ kind: 'unbound', vhost: this.name, binding });
    this.sweepAutoDelete([binding.source], changes);
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
    for (const binding of this.bindings.all()) yield { kind: 'bound', vhost, binding };
  }

  /** Deletes those of `losers`, which have just lost bindings, that are auto-delete and unbound. */
  private sweepAutoDelete(losers: Iterable<string>, changes: Change[]): void {
    // A list to work off, not recursion: chains of exchanges are as long as clients make them.
    const pending = [...losers];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const exchange = this.exchanges.get(name);
      if (exchange === undefined || !exchange.autoDelete || this.bindings.isSource(name)) continue;
      this.exchanges.delete(name);
      changes.push({ kind: 'exchange-deleted', vhost: this.name, name });
      for (const source of this.bindings.removeTo('exchange', name)) pending.push(source);
    }
  }
}
