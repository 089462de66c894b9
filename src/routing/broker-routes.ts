// The replica of the whole topology that one thread keeps: a routing graph per virtual host, fed
// with the control plane's changes in revision order. Runs in acceptors and shards.
// A deleted virtual host's graph is dropped whole; one created later under the same name is a new
// object, so whoever holds on to a VhostRoutes must look again after a 'vhost-deleted'.
import type { Change } from './change.ts';
import { VhostRoutes } from './vhost-routes.ts';

export class BrokerRoutes {
  private readonly vhosts = new Map<string, VhostRoutes>();

  apply(change: Change): void {
    const routes = this.vhosts.get(change.vhost);
    switch (change.kind) {
      case 'vhost-created':
        if (routes !== undefined) throw new Error(`vhost '${change.vhost}' exists already`);
        this.vhosts.set(change.vhost, new VhostRoutes(change.vhost));
        return;
      case 'vhost-deleted':
        this.vhosts.delete(change.vhost);
        return;
      case 'exchange-deleted':
      case 'queue-deleted':
      case 'queue-updated':
      case 'exchange-updated':
      case 'unbound':
        // What went away with its virtual host is gone already.
        routes?.apply(change);
        return;
      case 'exchange-declared':
      case 'queue-declared':
      case 'bound':
        if (routes === undefined) throw new Error(`vhost '${change.vhost}' is not known here`);
        routes.apply(change);
    }
  }

  vhost(name: string): VhostRoutes | undefined {
    return this.vhosts.get(name);
  }
}
