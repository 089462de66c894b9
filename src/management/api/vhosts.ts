// GET /api/vhosts and /api/vhosts/:vhost. Main thread. The bytes (memory.vhost_budget) and
// `publishers_blocked` are ours.
import { visibleVhosts } from '../access.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import type { BrokerView } from '../broker-view.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { isVhostBlocked } from '../source.ts';
import { vhostOf } from './listing.ts';
import { messageStats, queueBytes, queueTotals } from './message-counts.ts';

async function listVhosts({ user, broker }: ApiRequest): Promise<JsonList<string>> {
  const snapshot = await broker.snapshot();
  const vhosts = visibleVhosts(user, broker.source.topology);
  return new JsonList(vhosts, (vhost) => vhostJson(vhost, broker, snapshot));
}

async function getVhost(request: ApiRequest): Promise<object> {
  const { broker } = request;
  const snapshot = await broker.snapshot();
  return vhostJson(vhostOf(request), broker, snapshot);
}

function vhostJson(name: string, broker: BrokerView, snapshot: BrokerSnapshot): object {
  const { config, topology } = broker.source;
  const counts = snapshot.countsOf(topology.queues(name));
  const description = name === config.defaultVhost ? 'Default virtual host' : '';
  return {
    name,
    description,
    tags: [],
    metadata: { description, tags: [] },
    default_queue_type: topology.defaultQueueType(name),
    tracing: false,
    cluster_state: { [broker.node]: 'running' },
    ...queueTotals(counts),
    ...queueBytes(counts),
    publishers_blocked: isVhostBlocked(broker.source, name),
    message_stats: messageStats(counts),
  };
}

export const vhostRoutes = [
  readOnly('/api/vhosts', 'management', listVhosts),
  readOnly('/api/vhosts/:vhost', 'visible-vhost', getVhost),
];
