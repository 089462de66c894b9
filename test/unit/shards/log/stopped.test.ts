// A shard that has stopped: nothing of it happens by itself any more, so that nothing of the process
// holds it. Of what a process starts and stops thousands of times (test/crash/store-bits) nothing
// may be left.
import { queryObjects } from 'node:v8';
import { expect, test } from 'vitest';
import { ShardState } from '../../../../shards/shard-state.ts';
import { implementations } from '../../log/test-log.ts';
import { CHANNEL, DurableShard, freshDirectory } from './durable-shard.ts';

const FAR_MILLIS = 3_600_000;
const SMALL = { ringBytes: 64 * 1024, slabBytes: 64 * 1024, shardSlabBytes: 64 * 1024 };

/** With every kind of thing that a shard waits for: expiry, acks to be written, checkpoints. */
async function startAndStop(directory: string, backend: 'native' | 'portable'): Promise<void> {
  const queues = { 1: { arguments: { 'x-message-ttl': FAR_MILLIS, 'x-expires': FAR_MILLIS } } };
  const shard = await DurableShard.open(directory, { ...SMALL, backend, queues });
  shard.publish([1], 'one');
  shard.publish([1], 'two', { ttlMillis: FAR_MILLIS });
  await shard.synced();
  shard.acceptor.consume(1, CHANNEL, 1, { noAck: true, prefetch: 1 });
  await shard.delivered(1);
  await shard.stop();
}

test.each(implementations)('a stopped shard is garbage: %s', async (backend) => {
  const directory = freshDirectory();
  for (let round = 0; round < 3; round += 1) await startAndStop(directory, backend);
  // Timers of up to 50 ms end by themselves, and the last promise goes with its turn.
  await expect.poll(() => queryObjects(ShardState, { format: 'count' })).toBe(0);
});
