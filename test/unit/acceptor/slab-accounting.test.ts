// Whatever happens to large bodies on their way, every page of the slab comes back: sessions with
// interleaved channels, fan-out over shards, requeues and refusals are cut off at (nearly) every byte, by
// the socket's end or by the channel's, on the publisher's and on the consumer's side.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFrames, headerFrame } from '../../support/wire/content.ts';
import { methodFrame } from '../../support/wire/frames.ts';
import { Random } from '../../fuzz/session-bytes.ts';
import { publishFrames, type SimClient } from './sim/sim-client.ts';
import { SimBroker } from './sim/sim-broker.ts';

const QUEUES = ['a', 'b', 'c', 'd'];
const LARGE = Buffer.alloc(2500, 1);
const LARGER = Buffer.alloc(9000, 2);

/** Two channels whose large publishes interleave; one goes to all queues, one nowhere, one to 404. */
const SESSION = Buffer.concat([
  methodFrame(1, 'confirm.select', {}),
  methodFrame(1, 'basic.publish', { exchange: 'all' }),
  headerFrame(1, LARGER.length, {}),
  ...bodyFrames(1, LARGER, 4096).slice(0, 1),
  methodFrame(2, 'basic.publish', { routingKey: 'a' }),
  headerFrame(2, LARGE.length, {}),
  ...bodyFrames(1, LARGER, 4096).slice(1),
  ...bodyFrames(2, LARGE, 4096),
  ...publishFrames(2, { routingKey: 'nowhere', mandatory: true }, LARGE),
  ...publishFrames(1, { routingKey: 'b' }, LARGE),
  ...publishFrames(2, { exchange: 'missing', routingKey: 'b' }, LARGE),
]);
/** Every 37th byte, and everything near the frames' beginnings. */
const CUTS = Array.from({ length: SESSION.length + 1 }, (_, at) => at).filter((at) => {
  return at % 37 === 0 || at < 120 || at === SESSION.length;
});

let broker: SimBroker;

/** As `broker.open`, without waiting for clocks. */
async function open(channels: number, acceptor = 0): Promise<SimClient> {
  const client = broker.connect(acceptor);
  client.login();
  for (let channel = 1; channel <= channels; channel += 1) client.method(channel, 'channel.open');
  await broker.run();
  return client;
}

async function expectNothingHeld(): Promise<void> {
  const client = await open(1);
  for (const queue of QUEUES) client.method(1, 'queue.purge', { queue });
  await broker.run();
  client.socket.destroy();
  await broker.run();
  for (const { slab } of broker.acceptors) expect(slab.freePages).toBe(slab.pageCount);
  for (const { store } of broker.shards) {
    expect(store.slabMessageCount).toBe(0);
    expect(store.messageCount).toBe(0);
  }
}

beforeAll(async () => {
  broker = await SimBroker.start({ shards: 3, acceptors: 2, inlineBodyBytesMax: 1024 });
  const client = await open(1);
  client.method(1, 'exchange.declare', { exchange: 'all', type: 'fanout' });
  for (const queue of QUEUES) {
    client.method(1, 'queue.declare', { queue });
    client.method(1, 'queue.bind', { queue, exchange: 'all' });
  }
  await broker.settle();
});

afterAll(() => broker.stop());

describe('slab pages come back', () => {
  it.each(['socket', 'channels'] as const)(
    'when the publisher ends at any byte, by its %s',
    async (ending) => {
      for (const cut of CUTS) {
        const client = await open(2, cut % 2);
        client.send(SESSION.subarray(0, cut));
        await broker.run();
        if (ending === 'channels') {
          client.method(1, 'channel.close');
          client.method(2, 'channel.close');
          await broker.run();
        }
        client.socket.destroy();
        await broker.run();
      }
      await expectNothingHeld();
    },
  );

  it.each([1, 2, 3, 4, 5, 6])(
    'when consumers take, requeue and die at any step (seed %i)',
    async (seed) => {
      const random = new Random(seed);
      broker.choose = (limit) => random.below(limit);
      const publisher = await open(1);
      for (let round = 0; round < 12; round += 1) {
        const consumer = await open(2, round % 2);
        const queue = random.pick(QUEUES);
        const noAck = random.chance(40);
        consumer.method(1, 'basic.consume', { queue, noAck });
        consumer.method(2, 'basic.get', { queue, noAck });
        for (let i = 0; i < 6; i += 1) publisher.publish(1, queue, LARGER);
        publisher.publish(1, '', LARGE, 'all');
        for (let step = random.below(60); step > 0; step -= 1) broker.step();
        const multiple = random.chance(50);
        if (!noAck) consumer.method(1, 'basic.nack', { deliveryTag: 1, multiple, requeue: true });
        for (let step = random.below(60); step > 0; step -= 1) broker.step();
        if (random.chance(30)) consumer.method(1, 'channel.close');
        consumer.socket.destroy();
        await broker.run();
      }
      broker.choose = () => 0;
      await broker.settle();
      await expectNothingHeld();
    },
  );
});
