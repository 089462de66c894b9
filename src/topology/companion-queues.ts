// Companion queues as the control plane's truth has them: which an exchange needs, has, or has left
// behind. Main thread, pure; topology.ts makes and removes them. They come and go with their
// exchange, and are as durable as it is. A policy that no longer applies takes no companion away:
// there may be messages in it.
import type { ExchangeSpec, QueueSpec } from '../routing/change.ts';
import { companionName, type CompanionRole } from '../routing/companion.ts';
import { companionsOf } from '../routing/exchange-types.ts';
import type { QueueDeclaration } from './queue-declaration.ts';
import type { VhostTopology } from './vhost-topology.ts';

const ROLES: readonly CompanionRole[] = ['history', 'delay'];

/** What is to be declared for an exchange. */
export function missingCompanions(
  vhost: VhostTopology,
  exchange: ExchangeSpec,
): QueueDeclaration[] {
  const wanted = companionsOf(exchange).map((request) => ({
    name: companionName(request.role, exchange.name),
    durable: exchange.durable,
    autoDelete: false,
    exclusiveOwner: 0,
    arguments: request.arguments,
    companion: { exchange: exchange.name, role: request.role },
  }));
  return wanted.filter(({ name }) => !vhost.queues.has(name));
}

/** Those of one exchange. */
export function companionsThere(vhost: VhostTopology, exchange: string): QueueSpec[] {
  const named = ROLES.map((role) => vhost.queues.get(companionName(role, exchange)));
  return named.filter((queue) => queue?.companion !== undefined) as QueueSpec[];
}

/** Those whose exchange is no more. */
export function lonelyCompanions(vhost: VhostTopology): QueueSpec[] {
  return [...vhost.queues.values()].filter(
    ({ companion }) => companion !== undefined && !vhost.exchanges.has(companion.exchange),
  );
}
