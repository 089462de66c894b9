// Placement of new queues on shards: by a hash of virtual host and name, so that a name declared
// again after a delete lands where it was. Main thread, pure. It decides once, at declaration;
// where a queue lives is then a fact in its QueueSpec, never computed again (shard counts may
// change). FNV-1a over the UTF-16 code units, then the finalizer of MurmurHash3 (fmix32): FNV alone
// leaves the low bits of names that differ only in their last digits too regular for a modulus.

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The thread that hosts a shard. There are fewer threads than shards after `shards` was lowered:
 * then a thread hosts several.
 */
export function hostOf(shard: number, shardCount: number): number {
  return shard % shardCount;
}

export function placeQueue(vhost: string, name: string, shardCount: number): number {
  return hash32(`${vhost}\0${name}`) % shardCount;
}

function hash32(text: string): number {
  let hash = FNV_OFFSET_BASIS;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
