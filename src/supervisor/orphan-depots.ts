// The directories of delayed messages whose exchange is no more: it was deleted, and a crash came
// before they were. Main thread, at start, before shards look into theirs.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Topology } from '../topology/topology.ts';

const QUEUE_ID = /^\d{1,10}$/u;

/** In it there is a directory per queue that holds back what its exchange delays (shards/depot). */
export function depotDirectory(dataDir: string): string {
  return path.join(dataDir, 'delayed');
}

/** Removes those of queues that the topology does not know. */
export function removeOrphanDepots(
  dataDir: string,
  topology: Pick<Topology, 'vhosts' | 'allQueues'>,
): void {
  const directory = depotDirectory(dataDir);
  if (!existsSync(directory)) return;
  const known = new Set<number>();
  for (const vhost of topology.vhosts()) {
    for (const { id } of topology.allQueues(vhost)) known.add(id);
  }
  for (const name of readdirSync(directory)) {
    if (!QUEUE_ID.test(name) || known.has(Number(name))) continue;
    rmSync(path.join(directory, name), { recursive: true });
  }
}
