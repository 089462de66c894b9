// Exclusive queues live as long as their connection, however it ends: also when it ends while the
// queue is being declared, at any moment of that.
import { describe, expect, it } from 'vitest';
import { Random } from '../../fuzz/session-bytes.ts';
import { SimBroker } from './sim/sim-broker.ts';

describe('an exclusive queue', () => {
  it.each([0, 1, 2])('does not outlive a connection that is cut off (order %i)', async (seed) => {
    const broker = await SimBroker.start({ shards: 2 });
    const random = new Random(seed);
    broker.choose = (limit) => random.below(limit);
    for (let stepsMax = 0; stepsMax < 30; stepsMax += 1) {
      const client = await broker.open(1);
      client.method(1, 'queue.declare', { queue: 'mine', exclusive: true });
      for (let steps = 0; steps < stepsMax; steps += 1) {
        broker.step();
        await broker.breathe();
      }
      client.socket.close();
      await broker.run();
      broker.forgetClosedClients();
      const queues = broker.shards.flatMap((shard) => [...shard.queues.values()]);
      expect({ stepsMax, left: queues.map(({ spec }) => spec.name) }).toEqual({
        stepsMax,
        left: [],
      });
    }
    await broker.stop();
  });
});
