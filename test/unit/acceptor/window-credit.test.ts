// The byte window of a connection, end to end: whatever happens to a delivery on its way, its bytes come
// back to the shard's window. A leak here starves the connection's consumers sooner or later.
import { afterEach, describe, expect, it } from 'vitest';
import { SimBroker } from './sim/sim-broker.ts';
import type { SimClient } from './sim/sim-client.ts';

const WINDOW_BYTES = 16 * 1024;
const BODY = Buffer.alloc(1000, 1);
const LARGE = Buffer.alloc(3000, 2);

let broker: SimBroker;
let client: SimClient;

async function start(): Promise<void> {
  broker = await SimBroker.start({ consumerWindowBytes: WINDOW_BYTES, inlineBodyBytesMax: 2048 });
  client = await broker.open(1);
  client.method(1, 'queue.declare', { queue: 'q' });
  await broker.settle();
}

/** What the client sends reaches the shard, and the shard's answer lies in the ring, unread. */
async function shardAnswersUnread(): Promise<void> {
  const [shard] = broker.shardThreads;
  const [acceptor] = broker.acceptorThreads;
  shard.isFrozen = true;
  await broker.run();
  shard.isFrozen = false;
  acceptor.isFrozen = true;
  await broker.run();
}

function outstandingBytes(): number {
  const windows = [...broker.shards[0].ports[0].windows.values()];
  return windows.reduce((sum, window) => sum + window.outstandingBytes, 0);
}

afterEach(() => broker.stop());

describe.each([
  ['inline', BODY],
  ['slab', LARGE],
])('the window, with %s bodies,', (_kind, body) => {
  it('gets its bytes back when deliveries are written', async () => {
    await start();
    client.method(1, 'basic.consume', { queue: 'q', noAck: true });
    for (let i = 0; i < 60; i += 1) client.publish(1, 'q', body);
    const received = await client.exchange();
    expect(received.filter(({ name }) => name === 'basic.deliver')).toHaveLength(60);
    expect(outstandingBytes()).toBeLessThan(WINDOW_BYTES / 4);
  });

  it('gets its bytes back when the channel of a delivery closes before it arrives', async () => {
    await start();
    for (let channel = 2; channel < 32; channel += 1) {
      client.method(channel, 'channel.open');
      client.method(channel, 'basic.consume', { queue: 'q' });
      await broker.run();
      client.publish(1, 'q', body);
      await shardAnswersUnread();
      client.method(channel, 'channel.close');
      await broker.run();
      broker.acceptorThreads[0].isFrozen = false;
      await broker.run();
      client.method(1, 'queue.purge', { queue: 'q' });
      await broker.run();
    }
    client.take();
    client.method(1, 'basic.consume', { queue: 'q' });
    client.publish(1, 'q', body);
    const received = await client.exchange();
    expect(received.map(({ name }) => name)).toEqual(['basic.consume-ok', 'basic.deliver']);
    expect(outstandingBytes()).toBeLessThan(WINDOW_BYTES / 2);
    const { slab } = broker.acceptors[0];
    client.method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    await broker.settle();
    expect(slab.freePages).toBe(slab.pageCount);
  });
});
