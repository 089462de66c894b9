// Every resource of the management API. Main thread. One file per resource; this is the table of
// contents. The first pattern that matches a path wins.
import { metricsRoutes } from '../metrics/metrics.ts';
import type { Route } from '../route.ts';
import { bindingRoutes } from './bindings.ts';
import { connectionRoutes } from './connections.ts';
import { exchangeRoutes } from './exchanges.ts';
import { healthCheckRoutes } from './health-checks.ts';
import { nodeRoutes } from './nodes.ts';
import { overviewRoutes } from './overview.ts';
import { queueRoutes } from './queues.ts';
import { vhostLimitRoutes } from './vhost-limits.ts';
import { vhostRoutes } from './vhosts.ts';
import { whoamiRoutes } from './whoami.ts';

export const routes: readonly Route[] = [
  ...overviewRoutes,
  ...whoamiRoutes,
  ...nodeRoutes,
  ...vhostRoutes,
  ...vhostLimitRoutes,
  ...exchangeRoutes,
  ...queueRoutes,
  ...bindingRoutes,
  ...connectionRoutes,
  ...healthCheckRoutes,
  ...metricsRoutes,
];
