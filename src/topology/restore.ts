// Puts facts of the log back into a virtual host, as recovery does. Main thread. A fact was valid
// when it was written; here one before it may be lost, so each is checked against what is there,
// and the newer fact wins. Answers what is wrong, or undefined. Nothing follows from a fact:
// exchanges that went because they were auto-delete have facts of their own.
import type { BindingSpec, ExchangeSpec } from '../routing/change.ts';
import { isPredeclared } from './predeclared-exchanges.ts';
import type { VhostTopology } from './vhost-topology.ts';

export function restoreExchange(vhost: VhostTopology, exchange: ExchangeSpec): string | undefined {
  // Its type may have come with a plugin: without that it stays, and routes nothing.
  const { name } = exchange;
  if (isPredeclared(name)) return `exchange '${name}' cannot be declared`;
  const isThere = vhost.exchanges.has(name);
  if (isThere) vhost.forgetExchange(name);
  vhost.addExchange(exchange, []);
  return isThere ? `the deletion of exchange '${name}' is lost` : undefined;
}

export function restoreExchangeDeletion(vhost: VhostTopology, name: string): string | undefined {
  if (isPredeclared(name)) return `exchange '${name}' cannot be deleted`;
  if (!vhost.exchanges.has(name)) return `exchange '${name}' to delete does not exist`;
  vhost.forgetExchange(name);
  return undefined;
}

export function restoreBinding(vhost: VhostTopology, binding: BindingSpec): string | undefined {
  const { source, destination, destinationKind } = binding;
  if (!vhost.exchanges.has(source)) return `exchange '${source}' to bind from does not exist`;
  if (!vhost.hasDestination(destinationKind, destination)) {
    return `${destinationKind} '${destination}' to bind does not exist`;
  }
  if (vhost.bindings.find(binding) === undefined) vhost.addBinding(binding, []);
  return undefined;
}

export function restoreUnbinding(vhost: VhostTopology, binding: BindingSpec): string | undefined {
  const existing = vhost.bindings.find(binding);
  if (existing === undefined) {
    return `binding from '${binding.source}' to '${binding.destination}' does not exist`;
  }
  vhost.bindings.remove(existing);
  return undefined;
}
