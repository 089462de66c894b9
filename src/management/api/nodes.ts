// GET /api/nodes and /api/nodes/:name: this one node. Main thread. Where the system does not tell a
// figure, it is left out. `mem_used` and `mem_limit` are what the memory alarm compares: what
// messages take (docs/flow-control.md). What the whole process takes is our own `mem_resident`.
// `disk_free_alarm` is also set when a log has no room to grow, whatever `disk_free` says: then
// our own `disk_full_logs` names it.
import { availableParallelism } from 'node:os';

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
  const { config, connections, memory, disk, startedAtMillis } = broker.source;
  const facts = await processFacts();
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
    disk_free: disk.freeBytes,
    disk_free_limit: disk.limitBytes,
    disk_free_alarm: disk.alarm !== undefined,
    disk_full_logs: disk.alarm?.shortLogs ?? [],
    partitions: [],
    cluster_links: [],
    rates_mode: 'none',
    db_dir: config.dataDir,
    exchange_types: exchangeTypeList(),
    auth_mechanisms: config.authMechanisms.map((name) => ({ name, enabled: true })),
  };
}

export const nodeRoutes = [
  readOnly('/api/nodes', 'monitor', listNodes),
  readOnly('/api/nodes/:name', 'monitor', getNode),
];
