// How connections end: the last words reach the client, also when much is still on its way to it; and
// whatever a client held is put back.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { headerFrame } from '../../support/wire/content.ts';
import { methodFrame } from '../../support/wire/frames.ts';
import { SimBroker } from './sim/sim-broker.ts';
import type { SimClient } from './sim/sim-client.ts';

let broker: SimBroker;
let client: SimClient;

beforeEach(async () => {
  broker = await SimBroker.start({ inlineBodyBytesMax: 2048 });
  client = await broker.open(1);
  client.method(1, 'queue.declare', { queue: 'q' });
  await broker.settle();
  client.take();
});

afterEach(() => broker.stop());

/** Deliveries are handed to the socket and stay there: the client reads slowly. */
async function deliverToSlowReader(): Promise<void> {
  client.method(1, 'basic.consume', { queue: 'q' });
  await broker.settle();
  client.socket.takesWrites = false;
  client.publish(1, 'q', 'one');
  client.publish(1, 'q', Buffer.alloc(3000));
  await broker.settle();
  client.take();
}

describe('the end of a connection', () => {
  it('by the client is answered', async () => {
    client.method(0, 'connection.close');
    expect(await client.exchange()).toMatchObject([{ name: 'connection.close-ok' }]);
    expect(client.socket.isClosed).toBe(true);
  });

  it('by the client is answered although deliveries are still on their way out', async () => {
    await deliverToSlowReader();
    client.method(0, 'connection.close');
    await broker.settle();
    client.socket.takesWrites = true;
    expect((await client.exchange()).map(({ name }) => name)).toEqual(['connection.close-ok']);
  });

  it('by the broker is announced although deliveries are still on their way out', async () => {
    await deliverToSlowReader();
    client.method(9, 'basic.get');
    await broker.settle();
    client.socket.takesWrites = true;
    expect(await client.exchange()).toMatchObject([
      { name: 'connection.close', fields: { code: 504 } },
    ]);
    client.method(0, 'connection.close-ok');
    await broker.settle();
    expect(client.socket.isClosed).toBe(true);
  });

  it('by the client is answered when what it sent before had to wait for room', async () => {
    const hog = await broker.open(1);
    // Announced and never sent: the slab is full.
    const { slab } = broker.acceptors[0];
    hog.send(
      methodFrame(1, 'basic.publish', { routingKey: 'q' }),
      headerFrame(1, slab.pageCount * 4096 - 100),
    );
    await broker.run();
    client.method(1, 'queue.declare', { queue: 'other' });
    client.publish(1, 'q', Buffer.alloc(5000));
    client.method(0, 'connection.close');
    await broker.run();
    client.take();
    hog.socket.close();
    expect((await client.exchange()).map(({ name }) => name)).toEqual(['connection.close-ok']);
  });

  it.each(['politely', 'rudely'])('%s puts back what was unacked', async (how) => {
    await deliverToSlowReader();
    if (how === 'politely') client.method(0, 'connection.close');
    else client.socket.close();
    client.socket.takesWrites = true;
    await broker.settle();
    const other = await broker.open(1);
    other.method(1, 'queue.declare', { queue: 'q', passive: true });
    expect(await other.exchange()).toMatchObject([
      { name: 'queue.declare-ok', fields: { messageCount: 2, consumerCount: 0 } },
    ]);
  });
});
