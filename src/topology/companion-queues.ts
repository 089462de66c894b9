// Companion queues in the control plane's truth: made with their exchange, or when a policy first
// wants one, and as durable as the exchange; deleted with it. Main thread. A policy that no longer
// applies takes no companion away: there may be messages in it.
import type { Change, ExchangeSpec, QueueSpec } from '../routing/change.ts';
import { companionName, type CompanionRole } from '../routing/companion.ts';
import { companionsOf } from '../routing/exchange-types.ts';
import type { QueueDeclaration } from './queue-declaration.ts';
import type { VhostTopology } from './vhost-topology.ts';

const ROLES: readonly CompanionRole[] = ['history', 'delay'];

/** What of the topology this needs. */
interface CompanionHost {
  readonly vhosts: ReadonlyMap<string, VhostTopology>;
  makeQueue(vhost: VhostTopology, declaration: QueueDeclaration, changes: Change[]): QueueSpec;
  removeQueue(id: number, changes: Change[]): void;
}

export class CompanionQueues {
  private readonly host: CompanionHost;

  constructor(host: CompanionHost) {
    this.host = host;
  }

  /** Appends what follows from these changes for companion queues. */
  follow(changes: Change[]): void {
    const { vhosts } = this.host;
    for (const change of changes.filter(concernsExchange)) {
      const vhost = vhosts.get(change.vhost);
      if (vhost === undefined) continue;
      if (change.kind === 'exchange-deleted') {
        for (const { id } of companionsThere(vhost, change.name))
          this.host.removeQueue(id, changes);
      } else {
        this.addMissing(vhost, change.exchange, changes);
      }
    }
  }

  /**
   * After recovery: makes those whose facts are lost, and drops those whose exchange is. True if
   * there was anything to do, which the log then has to hear of.
   */
  complete(): boolean {
    const changes: Change[] = [];
    for (const vhost of this.host.vhosts.values()) {
      for (const { id } of lonelyCompanions(vhost)) this.host.removeQueue(id, changes);
      for (const exchange of vhost.exchanges.values()) this.addMissing(vhost, exchange, changes);
    }
    return changes.length > 0;
  }

  private addMissing(vhost: VhostTopology, exchange: ExchangeSpec, changes: Change[]): void {
    for (const request of companionsOf(exchange)) {
      const name = companionName(request.role, exchange.name);
      if (vhost.queues.has(name)) continue;
      const declaration = {
        name,
        durable: exchange.durable,
        autoDelete: false,
        exclusiveOwner: 0,
        arguments: request.arguments,
        companion: { exchange: exchange.name, role: request.role },
      };
      this.host.makeQueue(vhost, declaration, changes);
    }
  }
}

type ExchangeChange = Extract<
  Change,
  { readonly kind: 'exchange-declared' | 'exchange-updated' | 'exchange-deleted' }
>;

function concernsExchange(change: Change): change is ExchangeChange {
  return (
    change.kind === 'exchange-declared' ||
    change.kind === 'exchange-updated' ||
    change.kind === 'exchange-deleted'
  );
}

function companionsThere(vhost: VhostTopology, exchange: string): QueueSpec[] {
  const named = ROLES.map((role) => vhost.queues.get(companionName(role, exchange)));
  return named.filter((queue) => queue !== undefined);
}

function lonelyCompanions(vhost: VhostTopology): QueueSpec[] {
  return [...vhost.queues.values()].filter(
    ({ companion }) => companion !== undefined && !vhost.exchanges.has(companion.exchange),
  );
}
