// Placement of new queues on shards: by a hash of virtual host and name, so that a name declared
// again after a delete lands where it was. Main thread, pure. It decides once, at declaration;
// where a queue lives is then a fact in its QueueSpec, never computed again (shard counts may
// change).
import { hashText } from '../base/hash-text.ts';

/**
 * The thread that hosts a shard. There are fewer threads than shards after `shards` was lowered:
 * then a thread hosts several.
 */
export function hostOf(shard: number, shardCount: number): number {
  return shard % shardCount;
}

export function placeQueue(vhost: string, name: string, shardCount: number): number {
  return hashText(`${vhost}\0${name}`) % shardCount;
}
