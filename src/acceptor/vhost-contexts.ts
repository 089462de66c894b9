// The virtual hosts of one acceptor: its replica of their topology, and what else main says about
// them, alarms and tracing. Acceptor thread.
import { BrokerRoutes } from '../routing/broker-routes.ts';
import type { Change } from '../routing/change.ts';
import type { ResourceAlarm } from './control-messages.ts';
import { ResourceAlarms } from './resource-alarms.ts';
import type { Tracer } from './tracer.ts';
import { VhostContext } from './vhost-context.ts';

export class VhostContexts {
  private readonly byName: Map<string, VhostContext>;
  private readonly routes: BrokerRoutes;
  private readonly alarms: ResourceAlarms;
  private readonly tracer: Tracer;
  private traced: ReadonlySet<string>;

  constructor(tracer: Tracer) {
    this.byName = new Map();
    this.routes = new BrokerRoutes();
    this.alarms = new ResourceAlarms();
    this.tracer = tracer;
    this.traced = new Set();
  }

  get(name: string): VhostContext | undefined {
    return this.byName.get(name);
  }

  apply(change: Change): void {
    this.routes.apply(change);
    if (change.kind === 'vhost-created') {
      const vhost = new VhostContext(this.routes.vhost(change.vhost)!);
      this.byName.set(change.vhost, vhost);
      this.tell(vhost);
    } else if (change.kind === 'vhost-deleted') {
      this.byName.delete(change.vhost);
    } else {
      this.byName.get(change.vhost)?.routeCache.clear();
    }
  }

  /** Which alarms are in force now. */
  setAlarms(alarms: readonly ResourceAlarm[]): void {
    this.alarms.set(alarms);
    for (const vhost of this.byName.values()) this.tell(vhost);
  }

  /** Which virtual hosts are traced now. */
  setTraced(names: readonly string[]): void {
    this.traced = new Set(names);
    for (const vhost of this.byName.values()) this.tell(vhost);
  }

  private tell(vhost: VhostContext): void {
    this.alarms.applyTo(vhost);
    vhost.tracer = this.traced.has(vhost.name) ? this.tracer : undefined;
  }
}
