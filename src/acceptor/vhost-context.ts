// What the connections of one acceptor share about a virtual host: the routing replica and the
// cache in front of it. Acceptor thread.
import { RouteCache } from '../routing/route-cache.ts';
import type { VhostRoutes } from '../routing/vhost-routes.ts';
import type { AlarmBlock } from './publish-block.ts';
import type { Route } from './route.ts';
import type { Tracer } from './tracer.ts';

export class VhostContext {
  readonly name: string;
  readonly routes: VhostRoutes;
  readonly routeCache: RouteCache<Route>;
  /** Nobody publishes here while there is one: the broker's, or this virtual host's. */
  alarm: AlarmBlock | undefined;
  /** There while the virtual host is traced. */
  tracer: Tracer | undefined;

  constructor(routes: VhostRoutes) {
    this.name = routes.name;
    this.routes = routes;
    this.routeCache = new RouteCache<Route>();
    this.alarm = undefined;
    this.tracer = undefined;
  }
}
