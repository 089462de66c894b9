// Property: whatever the commands, the changes tell the whole truth. A second bookkeeping, as naive
// as possible (lists, scans), is fed the changes and must list the same as the topology itself; so
// must one fed the snapshot, and a replica of the kind the acceptors keep must accept both.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingKey } from '../../../src/routing/binding-key.ts';
import { BrokerRoutes } from '../../../src/routing/broker-routes.ts';
import type { BindingSpec, Change, ExchangeSpec, QueueSpec } from '../../../src/routing/change.ts';
import { Topology } from '../../../src/topology/topology.ts';
import { command, PRELUDE } from './random-commands.ts';

class NaiveVhost {
  exchanges: ExchangeSpec[] = [];
  queues: QueueSpec[] = [];
  bindings: BindingSpec[] = [];

  apply(change: Change): void {
    switch (change.kind) {
      case 'exchange-declared':
        this.exchanges.push(change.exchange);
        break;
      case 'exchange-deleted':
        this.exchanges = this.exchanges.filter(({ name }) => name !== change.name);
        this.dropBindings((b) => b.source === change.name);
        this.dropBindings((b) => b.destinationKind === 'exchange' && b.destination === change.name);
        break;
      case 'queue-declared':
        this.queues.push(change.queue);
        break;
      case 'queue-deleted':
        this.queues = this.queues.filter(({ id }) => id !== change.queue.id);
        this.dropBindings(
          (b) => b.destinationKind === 'queue' && b.destination === change.queue.name,
        );
        break;
      case 'exchange-updated':
        this.exchanges = this.exchanges.map((x) =>
          x.name === change.exchange.name ? change.exchange : x,
        );
        break;
      case 'queue-updated':
        this.queues = this.queues.map((q) => (q.id === change.queue.id ? change.queue : q));
        break;
      case 'bound':
        this.bindings.push(change.binding);
        break;
      case 'unbound':
        this.dropBindings((b) => bindingKey(b) === bindingKey(change.binding));
        break;
      case 'vhost-created':
      case 'vhost-deleted':
        throw new Error(`${change.kind} is not about the inside of a vhost`);
    }
  }

  dropBindings(dropped: (binding: BindingSpec) => boolean): void {
    this.bindings = this.bindings.filter((b) => !dropped(b));
  }
}

class NaiveBroker {
  readonly vhosts = new Map<string, NaiveVhost>();

  apply(changes: readonly Change[]): this {
    for (const change of changes) {
      if (change.kind === 'vhost-created') this.vhosts.set(change.vhost, new NaiveVhost());
      else if (change.kind === 'vhost-deleted') this.vhosts.delete(change.vhost);
      else this.vhosts.get(change.vhost)!.apply(change);
    }
    return this;
  }

  listing(): unknown {
    return [...this.vhosts].map(([name, v]) => listed(name, v.exchanges, v.queues, v.bindings));
  }
}

function listed(
  vhost: string,
  exchanges: Iterable<ExchangeSpec>,
  queues: Iterable<QueueSpec>,
  bindings: Iterable<BindingSpec>,
): unknown {
  return {
    vhost,
    exchanges: [...exchanges].map((x) => JSON.stringify(x)).toSorted(),
    queues: [...queues].map((q) => JSON.stringify(q)).toSorted(),
    bindings: [...bindings].map(bindingKey).toSorted(),
  };
}

function listingOf(topology: Topology): unknown {
  return [...topology.vhosts()].map((vhost) =>
    listed(vhost, topology.exchanges(vhost), topology.allQueues(vhost), topology.bindings(vhost)),
  );
}

/** The bindings as the two indexes see them, one end after the other. */
function bindingsByEnd(topology: Topology, vhost: string): string[][] {
  const bySource: string[] = [];
  const byDestination: string[] = [];
  for (const { name } of topology.exchanges(vhost)) {
    bySource.push(...[...topology.bindingsFrom(vhost, name)].map(bindingKey));
    byDestination.push(...[...topology.bindingsTo(vhost, 'exchange', name)].map(bindingKey));
  }
  for (const { name } of topology.queues(vhost)) {
    byDestination.push(...[...topology.bindingsTo(vhost, 'queue', name)].map(bindingKey));
  }
  return [bySource.toSorted(), byDestination.toSorted()];
}

describe('changes and snapshot', () => {
  it('say all there is to say', () => {
    const seen = new Map<Change['kind'], number>();
    fc.assert(
      fc.property(fc.array(command, { minLength: 20, maxLength: 120, size: 'max' }), (commands) => {
        const topology = new Topology({ shardCount: 3 });
        const fed = new NaiveBroker();
        const replica = new BrokerRoutes();
        const ids: number[] = [];
        for (const next of [...PRELUDE, ...commands]) {
          const { changes, refusal } = topology.execute(next);
          if (refusal !== undefined) expect(changes).toEqual([]);
          fed.apply(changes);
          for (const change of changes) {
            replica.apply(change);
            if (change.kind === 'queue-declared') ids.push(change.queue.id);
            seen.set(change.kind, (seen.get(change.kind) ?? 0) + 1);
          }
        }
        expect(fed.listing()).toEqual(listingOf(topology));
        expect(new NaiveBroker().apply(topology.snapshot()).listing()).toEqual(listingOf(topology));
        const rebuilt = new BrokerRoutes();
        for (const change of topology.snapshot()) rebuilt.apply(change);
        expect(ids).toEqual(ids.map((_, index) => index + 1));
        for (const name of topology.vhosts()) {
          const all = [...topology.bindings(name)].map(bindingKey).toSorted();
          expect(bindingsByEnd(topology, name)).toEqual([all, all]);
          for (const q of topology.queues(name)) expect(rebuilt.vhost(name)?.queue(q.name)).toBe(q);
        }
      }),
      { numRuns: 200 },
    );
    // The commands must reach what is being tested.
    expect([...seen.keys()]).toHaveLength(8);
    expect(Math.min(...seen.values())).toBeGreaterThan(20);
  });

  it('are the same for the same commands', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
        const [first, second] = [1, 2].map(() => {
          let fill = 0;
          const topology = new Topology({
            shardCount: 3,
            randomBytes: (bytes) => new Uint8Array(bytes).fill((fill += 1)),
          });
          return [...PRELUDE, ...commands].map((next) => topology.execute(next));
        });
        expect(second).toEqual(first);
      }),
      { numRuns: 30 },
    );
  });
});
