// What acceptors do with the dead letters of shards when they know nothing yet, and when they are about
// to stop: neither may cost a message, nor bring one to two places.
import { afterEach, describe, expect, it } from 'vitest';
import { IncomingMessage } from '../../../shards/store/message-store.ts';
import { placeQueue } from '../../../src/topology/placement.ts';
import { SimBroker } from './sim/sim-broker.ts';

const NO_PROPERTIES = '\0\0';
let broker: SimBroker;

afterEach(async () => {
  await broker.stop();
});

/** A queue name that lies on `shard` of two. */
function nameOn(shard: number): string {
  let name = `queue-${shard}`;
  while (placeQueue('/', name, 2) !== shard) name += 'x';
  return name;
}

describe('forwarding', () => {
  it('takes nothing before the topology is known: every queue would be missing', async () => {
    broker = new SimBroker();
    const [state] = broker.shards;
    const queue = {
      id: 1,
      shard: 0,
      name: 'early',
      durable: true,
      autoDelete: false,
      exclusiveOwner: 0,
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'target' },
    };
    state.apply([{ kind: 'queue-declared', vhost: '/', queue }]);
    const message = new IncomingMessage();
    message.source = Buffer.from(`\0\u0005early${NO_PROPERTIES}body`);
    message.exrkBytes = 7;
    message.propsBytes = 2;
    message.bodyBytes = 4;
    state.queues.get(1)!.rules.forwardRefused(state.store.add(message, 1));
    await broker.settle();
    const [{ forwarding }] = broker.acceptors;
    expect([...state.forwards.all()]).toHaveLength(1);
    expect([state.store.messageCount, forwarding.droppedCount]).toEqual([1, 0]);
  });

  it('ends when what was published has arrived, and takes no more', async () => {
    broker = await SimBroker.start({ shards: 2 });
    const client = await broker.open(1);
    const [source, target] = [nameOn(0), nameOn(1)];
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target };
    client.method(1, 'queue.declare', { queue: source, arguments: { ...args, 'x-max-length': 1 } });
    client.method(1, 'queue.declare', { queue: target });
    await broker.settle();
    broker.shardThreads[1].isFrozen = true;
    for (const body of ['a', 'b', 'c']) client.publish(1, source, body);
    await broker.settle();
    const [{ forwarding }] = broker.acceptors;
    let hasEnded = false;
    const finished = forwarding.finish(60_000).then(() => (hasEnded = true));
    client.publish(1, source, 'd');
    await broker.settle();
    expect(hasEnded).toBe(false);
    broker.shardThreads[1].isFrozen = false;
    await broker.settle();
    await finished;
    await broker.settle();
    // 'a' and 'b' are there and there only; 'c' waits to be offered again, 'd' was never dead.
    const [from, to] = broker.shards;
    expect([...from.forwards.all()]).toHaveLength(1);
    expect([from.store.messageCount, to.store.messageCount]).toEqual([2, 2]);
  });

  it('leaves nothing of a virtual host that is deleted with dead letters underway', async () => {
    broker = await SimBroker.start({ shards: 2, acceptors: 2, inlineBodyBytesMax: 512 });
    const client = await broker.open(1);
    const [source, target] = [nameOn(0), nameOn(1)];
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target };
    client.method(1, 'queue.declare', { queue: source, arguments: { ...args, 'x-max-length': 1 } });
    client.method(1, 'queue.declare', { queue: target });
    await broker.settle();
    broker.shardThreads[1].isFrozen = true;
    for (let i = 0; i < 20; i += 1) client.publish(1, source, 'x'.repeat(i % 2 === 0 ? 10 : 9000));
    await broker.settle();
    expect([...broker.shards[0].forwards.all()].length).toBeGreaterThan(0);
    const deleting = broker.control.execute({ kind: 'delete-vhost', vhost: '/' });
    await broker.settle();
    broker.shardThreads[1].isFrozen = false;
    await broker.settle();
    await deleting;
    await broker.settle();
    for (const { forwards, store, memories } of broker.shards) {
      expect([...forwards.all()]).toEqual([]);
      expect([store.messageCount, store.liveBytes, memories.of('/').bytes]).toEqual([0, 0, 0]);
    }
    for (const { slab } of broker.acceptors) expect(slab.freePages).toBe(slab.pageCount);
  });

  it('has shards offer what no queue took when the topology changes', async () => {
    broker = await SimBroker.start();
    const client = await broker.open(1);
    const args = {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-strategy': 'at-least-once',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'target',
      'x-message-ttl': 0,
    };
    client.method(1, 'queue.declare', { queue: 'source', durable: true, arguments: args });
    await broker.settle();
    for (const body of ['a', 'b']) client.publish(1, 'source', body);
    await broker.settle();
    const [{ forwarding }] = broker.acceptors;
    const [{ forwards, queues }] = broker.shards;
    expect([[...forwards.all()].length, forwarding.droppedCount]).toEqual([2, 2]);
    client.method(1, 'queue.declare', { queue: 'target' });
    await broker.settle();
    expect([...forwards.all()]).toEqual([]);
    expect([...queues.values()].map(({ ready }) => ready.length)).toEqual([0, 2]);
  });
});
