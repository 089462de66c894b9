// GET /api/nodes and /api/nodes/:name: this one node. Main thread. Where the system does not tell a
// figure, it is left out. `mem_used` and `mem_limit` are what the memory alarm compares: what
// messages take (docs/flow-control.md). What the whole process takes is our own `mem_resident`.
// There is no disk limit yet, so there is no alarm for it.
import { availableParallelism } from 'node:os';
import { MECHANISMS } from '../../auth/sasl.ts';

import type { BrokerView } from '../broker-view.ts';
import { notFound } from '../http-refusal.ts';
import { processFacts } from '../process-facts.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { hasMemoryAlarm } from '../source.ts';
import { exchangeTypeList } from './exchange-type-list.ts';

async function listNodes({ broker }: ApiRequest): Promise<object> {
  return [await nodeJson(broker)];
}

async function getNode({ parameters, broker }: ApiRequest): Promise<object> {
  if (parameters['name'] !== broker.node) throw notFound();
  return nodeJson(broker);
}

async function nodeJson(broker: BrokerView): Promise<object> {
  const { config, connections, memory, startedAtMillis } = broker.source;
  const facts = await processFacts(config.dataDir);
  return {
    name: broker.node,
    type: 'disc',
    running: true,
    os_pid: String(process.pid),
    uptime: Date.now() - startedAtMillis,
    processors: availableParallelism(),
    mem_used: memory.usedBytes,
    mem_limit: memory.limitBytes,
    mem_alarm: hasMemoryAlarm(memory),
    mem_resident: facts.residentBytes,
    fd_used: facts.openFiles,
    fd_total: facts.openFilesMax,
    sockets_used: connections.size,
    disk_free: facts.diskFreeBytes,
    disk_free_alarm: false,
    partitions: [],
    cluster_links: [],
    rates_mode: 'none',
    db_dir: config.dataDir,
    exchange_types: exchangeTypeList(),
    auth_mechanisms: MECHANISMS.split(' ').map((name) => ({ name, enabled: true })),
  };
}

export const nodeRoutes = [
  readOnly('/api/nodes', 'monitor', listNodes),
  readOnly('/api/nodes/:name', 'monitor', getNode),
];
