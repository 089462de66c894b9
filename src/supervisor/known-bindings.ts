// The bindings there are, for the events of those that go with an end of theirs: no change names
// them (src/topology/vhost-topology.ts). Main thread; kept only when somebody listens to events.
// Invariant: after each change the bindings are those of the topology.
import type { BindingSpec, Change } from '../routing/change.ts';
import { BindingIndex } from '../topology/binding-index.ts';
import type { Topology } from '../topology/topology.ts';

export class KnownBindings {
  private readonly byVhost: Map<string, BindingIndex>;

  constructor() {
    this.byVhost = new Map();
  }

  /** Those there are at the start. */
  know(topology: Pick<Topology, 'vhosts' | 'bindings'>): void {
    for (const vhost of topology.vhosts()) {
      const index = this.of(vhost);
      for (const binding of topology.bindings(vhost)) index.add(binding);
    }
  }

  /** Takes note of the change; returns the bindings that went without being named. */
  changed(change: Change): readonly BindingSpec[] {
    const index = this.of(change.vhost);
    switch (change.kind) {
      case 'bound':
        index.add(change.binding);
        return [];
      case 'unbound':
        index.remove(change.binding);
        return [];
      case 'queue-deleted': {
        const gone = [...index.to('queue', change.queue.name)];
        index.removeTo('queue', change.queue.name);
        return gone;
      }
      case 'exchange-deleted': {
        const { name } = change;
        const gone = new Set([...index.from(name), ...index.to('exchange', name)]);
        index.removeFrom(name);
        index.removeTo('exchange', name);
        return [...gone];
      }
      case 'vhost-deleted':
        this.byVhost.delete(change.vhost);
        return [...index.all()];
      default:
        return [];
    }
  }

  private of(vhost: string): BindingIndex {
    let index = this.byVhost.get(vhost);
    if (index === undefined) {
      index = new BindingIndex();
      this.byVhost.set(vhost, index);
    }
    return index;
  }
}
