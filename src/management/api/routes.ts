// Every resource of the management API. Main thread. One file per resource; this is the table of
// contents. The first pattern that matches a path wins.
import { metricsRoutes } from '../metrics/metrics.ts';
import type { Route } from '../route.ts';
import { bindingRoutes } from './bindings.ts';
import { channelRoutes } from './channels.ts';
import { connectionRoutes } from './connections.ts';
import { definitionRoutes } from './definitions.ts';
import { delayedRoutes } from './delayed.ts';
import { exchangeRoutes } from './exchanges.ts';
import { featureRoutes } from './features.ts';
import { healthCheckRoutes } from './health-checks.ts';
import { nodeOperationRoutes } from './node-operations.ts';
import { nodeRoutes } from './nodes.ts';
import { overviewRoutes } from './overview.ts';
import { parameterRoutes } from './parameters.ts';
import { permissionRoutes } from './permissions.ts';
import { policyRoutes } from './policies.ts';
import { queueRoutes } from './queues.ts';
import { topicPermissionRoutes } from './topic-permissions.ts';
import { userLimitRoutes } from './user-limits.ts';
import { userRoutes } from './users.ts';
import { vhostLimitRoutes } from './vhost-limits.ts';
import { vhostRoutes } from './vhosts.ts';
import { whoamiRoutes } from './whoami.ts';

export const routes: readonly Route[] = [
  ...overviewRoutes,
  ...whoamiRoutes,
  ...nodeRoutes,
  ...vhostRoutes,
  ...vhostLimitRoutes,
  ...userRoutes,
  ...userLimitRoutes,
  ...permissionRoutes,
  ...topicPermissionRoutes,
  ...parameterRoutes,
  ...policyRoutes,
  ...definitionRoutes,
  ...exchangeRoutes,
  ...delayedRoutes,
  ...queueRoutes,
  ...bindingRoutes,
  ...connectionRoutes,
  ...channelRoutes,
  ...nodeOperationRoutes,
  ...featureRoutes,
  ...healthCheckRoutes,
  ...metricsRoutes,
];
