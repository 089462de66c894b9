// A publish that announces a large body and then falls silent must not keep the slab from others: once
// somebody waits for memory, it has ten seconds. Nobody waiting, or bytes still coming: it is left alone.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bodyFrames, headerFrame } from '../../support/wire/content.ts';
import { SimBroker } from './sim/sim-broker.ts';
import type { SimClient } from './sim/sim-client.ts';

const MIB = 1024 * 1024;
const ANNOUNCED = 3 * MIB;

/** One more body frame. */
const piece = (): Buffer => Buffer.concat(bodyFrames(1, Buffer.alloc(1000, 1), 4096));

let broker: SimBroker;
let client: SimClient;

/** A client whose publish of 3 MiB has sent one frame, in a slab of 4 MiB. */
async function startSilent(): Promise<void> {
  broker = await SimBroker.start({ slabBytes: 4 * MIB });
  client = await broker.open(1);
  client.method(1, 'queue.declare', { queue: 'q' });
  client.method(1, 'basic.publish', { routingKey: 'q' });
  client.send(headerFrame(1, ANNOUNCED, {}), piece());
  await broker.run();
}

async function publishOther(): Promise<SimClient> {
  const other = await broker.open(1);
  other.publish(1, 'q', Buffer.alloc(2 * MIB, 2));
  await broker.run();
  return other;
}

/** Lets `millis` pass on the acceptor's clock, a sweep at its end. */
async function pass(millis: number): Promise<void> {
  const [acceptor] = broker.acceptors;
  const now = performance.now() + millis;
  vi.spyOn(performance, 'now').mockReturnValue(now);
  (acceptor as unknown as { sweep(): void }).sweep();
  vi.restoreAllMocks();
  await broker.run();
}

afterEach(() => broker.stop());

describe('a large body that stops coming', () => {
  it('loses its memory when another publish waits for it', async () => {
    await startSilent();
    await publishOther();
    await pass(0);
    await pass(9_000);
    expect(client.take()).not.toContainEqual(expect.objectContaining({ name: 'connection.close' }));
    await broker.run();
    await pass(20_000);
    expect(client.take()).toContainEqual(
      expect.objectContaining({
        name: 'connection.close',
        fields: expect.objectContaining({
          code: 506,
          text: expect.stringContaining(`1000 of ${ANNOUNCED} announced bytes`) as string,
        }) as object,
      }),
    );
    await broker.settle();
    expect(broker.shards[0].store.slabMessageCount).toBe(1);
  });

  it('is left alone while nobody waits', async () => {
    await startSilent();
    await pass(0);
    await pass(60_000);
    await pass(120_000);
    expect(client.take()).not.toContainEqual(expect.objectContaining({ name: 'connection.close' }));
  });

  it('is left alone while bytes come', async () => {
    await startSilent();
    await publishOther();
    for (let at = 0; at < 60_000; at += 5_000) {
      client.send(piece());
      await broker.run();
      await pass(at);
    }
    expect(client.take()).not.toContainEqual(expect.objectContaining({ name: 'connection.close' }));
  });
});
