// Test support: what a shard counts, against what it holds. Bytes of a virtual host and dead letters
// underway are counted one by one and must be what the counters say, at any moment between two turns.
import { expect } from 'vitest';
import type { ShardState } from '../../../../shards/shard-state.ts';

export function checkCounts(state: ShardState): void {
  const { queues, forwards, memories } = state;
  let bytes = bytesOfDeleted(state);
  const underway = new Map<unknown, number>();
  for (const { queue, handle } of forwards.all()) {
    if (queue.isDeleted) bytes += queue.dataBytes(handle);
    underway.set(queue, (underway.get(queue) ?? 0) + 1);
  }
  for (const queue of queues.values()) {
    bytes += queue.heldBytes;
    expect([queue.id, queue.forwardingCount]).toEqual([queue.id, underway.get(queue) ?? 0]);
  }
  expect(memories.of('/').bytes).toBe(bytes);
}

/** Unacked messages of deleted queues count until their acks come. */
function bytesOfDeleted({ ports, consumers, store }: ShardState): number {
  let bytes = 0;
  for (const { unacked } of ports[0].channels.values()) {
    for (const number of unacked.keys()) {
      unacked.find(number);
      if (consumers.at(unacked.c).queue.isDeleted) bytes += store.dataBytes(unacked.a);
    }
  }
  return bytes;
}
