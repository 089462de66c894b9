// The logs of shards that are no more, because `shards` was lowered since they were written. Main
// thread, at start. The shard that hosts such a shard's queues takes its log over; then the
// topology says so, and then, not before, its directory goes.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { OrphanLog } from '../../shards/mailbox/control-messages.ts';

const DIRECTORY_NAME = /^\d{3,5}$/u;

/** DATA/shards/000, 001, ... */
export function logDirectory(dataDir: string, shard: number): string {
  return path.join(dataDir, 'shards', String(shard).padStart(3, '0'));
}

export function orphanLogs(dataDir: string, shardCount: number): OrphanLog[] {
  const shards = path.join(dataDir, 'shards');
  if (!existsSync(shards)) return [];
  return readdirSync(shards)
    .filter((name) => DIRECTORY_NAME.test(name) && Number(name) >= shardCount)
    .map((name) => ({ shard: Number(name), directory: path.join(shards, name) }));
}

/** Everything in it is in another shard's log, and the topology knows. */
export function removeLogs(logs: readonly OrphanLog[]): void {
  for (const { directory } of logs) rmSync(directory, { recursive: true });
}
