// The topology as a start of the broker would bring it back, from the facts in its log. Main
// thread. Of users only the names leave this file: a report may be sent to anybody.
import { type FactSource, type FoundFacts, scanFacts } from '../../supervisor/facts/fact-scan.ts';
import { BrokerState } from '../../supervisor/facts/broker-state.ts';
import { historyOf } from '../../supervisor/facts/fact-history.ts';
import { isPredeclared } from '../../topology/predeclared-exchanges.ts';
import { Topology } from '../../topology/topology.ts';
import type { QueueSpec } from '../../routing/change.ts';
import type { TopologyReport, VhostListing } from './report.ts';

export interface KnownQueue {
  readonly vhost: string;
  readonly spec: QueueSpec;
}

export class KnownTopology {
  readonly queues: ReadonlyMap<number, KnownQueue>;
  private readonly state: BrokerState;
  private readonly problems: readonly string[];

  constructor(found: FoundFacts) {
    // Where new queues would go does not matter: none is made.
    this.state = new BrokerState(new Topology({ shardCount: 1 }));
    const problems: string[] = [];
    const { facts, missing } = historyOf(found.facts);
    if (missing > 0) problems.push(`records of its snapshot are missing: ${missing}`);
    for (const { fact, place } of facts) {
      const problem = this.state.restore(fact);
      if (problem !== undefined) problems.push(`${place.file} at ${place.offset}: ${problem}`);
    }
    // Not the reason: it may quote what stands there.
    for (const { file, offset } of found.unreadable) {
      problems.push(`${file} at ${offset}: no fact that this version can read`);
    }
    this.problems = problems;
    const queues = new Map<number, KnownQueue>();
    for (const vhost of this.state.topology.vhosts()) {
      for (const spec of this.state.topology.allQueues(vhost)) queues.set(spec.id, { vhost, spec });
    }
    this.queues = queues;
  }

  report(isListed: boolean): TopologyReport {
    const { topology, users, parameters } = this.state;
    const vhosts = [...topology.vhosts()];
    const listing = vhosts.map((vhost) => this.vhost(vhost));
    const sum = (count: (one: VhostListing) => number): number =>
      listing.reduce((total, one) => total + count(one), 0);
    return {
      vhosts: vhosts.length,
      queues: this.queues.size,
      exchanges: sum(({ exchanges }) => exchanges.length),
      bindings: sum(({ bindings }) => bindings.length),
      parameters: [...parameters.all()].length,
      users: [...users.all()].map(({ name }) => name),
      problems: this.problems,
      ...(isListed ? { listing } : {}),
    };
  }

  private vhost(name: string): VhostListing {
    const { topology, users } = this.state;
    const declared = [...topology.exchanges(name)].filter((one) => !isPredeclared(one.name));
    return {
      name,
      queues: [...topology.allQueues(name)].map(({ name: queue, id, shard }) => ({
        name: queue,
        id,
        shard,
      })),
      exchanges: declared.map(({ name: exchange, type }) => ({ name: exchange, type })),
      bindings: [...topology.bindings(name)].map(
        ({ source, destination, destinationKind, routingKey }) => ({
          source,
          destination,
          destinationKind,
          routingKey,
        }),
      ),
      users: [...users.all()]
        .filter(({ permissions }) => permissions.has(name))
        .map(({ name: user }) => user),
    };
  }
}

export async function readTopology(source: FactSource): Promise<KnownTopology> {
  return new KnownTopology(await scanFacts(source));
}
