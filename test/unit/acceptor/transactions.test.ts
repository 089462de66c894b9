// Class tx in the one-thread broker: what waits for the commit, when commit-ok comes, what a
// rollback undoes, and that neither full rings nor large transactions stop anybody.
import { afterEach, describe, expect, it } from 'vitest';
import type { SimOptions } from './sim/sim-broker.ts';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

let broker: SimBroker;
let client: SimClient;

afterEach(() => broker.stop());

/** A broker with queues q0 and q1; channel 1 is transactional, channel 2 is not. */
async function start(options: SimOptions = {}): Promise<void> {
  broker = await SimBroker.start({ shards: 2, ...options });
  client = await broker.open(2);
  for (const queue of ['q0', 'q1']) {
    client.method(2, 'queue.declare', { queue });
    await broker.settle();
  }
  client.method(1, 'tx.select');
  expect(names(await client.exchange())).toContain('tx.select-ok');
}

const names = (received: readonly Received[]): string[] => received.map(({ name }) => name);

async function messages(queue: string): Promise<unknown> {
  client.method(2, 'queue.declare', { queue, passive: true });
  const [ok] = await client.exchange();
  return ok.fields['messageCount'];
}

async function commit(): Promise<Received[]> {
  client.method(1, 'tx.commit');
  return client.exchange();
}

/** Puts `count` messages into q0 and consumes them, with acks, on the transactional channel. */
async function consumed(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) client.publish(2, 'q0', `m${i}`);
  client.method(1, 'basic.consume', { queue: 'q0', consumerTag: 'c' });
  const received = await client.exchange();
  expect(received.filter(({ name }) => name === 'basic.deliver')).toHaveLength(count);
}

describe('publishes of a transaction', () => {
  it('reach their queues with the commit, in their order, large ones too', async () => {
    await start({ inlineBodyBytesMax: 512 });
    const bodies = ['one', 'L'.repeat(3000), '', 'four', 'H'.repeat(20_000)];
    for (const body of bodies) client.publish(1, 'q0', body);
    client.publish(1, 'q1', 'other');
    expect(await client.exchange()).toEqual([]);
    expect([await messages('q0'), await messages('q1')]).toEqual([0, 0]);
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    client.method(2, 'basic.consume', { queue: 'q0', noAck: true });
    const [, ...delivered] = await client.exchange();
    expect(delivered.map(({ body }) => body.toString())).toEqual(bodies);
    expect(await messages('q1')).toBe(1);
  });

  it('are dropped by a rollback, and their slab pages given back', async () => {
    await start({ inlineBodyBytesMax: 512 });
    const [{ slab, publisher }] = broker.acceptors;
    const freePages = slab.freePages;
    for (const body of ['one', 'L'.repeat(9000)]) client.publish(1, 'q0', body);
    await broker.settle();
    expect(slab.freePages).toBeLessThan(freePages);
    expect(publisher.transactions.usedBytes).toBeGreaterThan(9000);
    client.method(1, 'tx.rollback');
    client.method(1, 'tx.commit');
    expect(names(await client.exchange())).toEqual(['tx.rollback-ok', 'tx.commit-ok']);
    expect(await messages('q0')).toBe(0);
    expect(slab.freePages).toBe(freePages);
    expect(publisher.transactions.usedBytes).toBe(0);
  });

  it.each(['channel', 'socket'])('are dropped with their %s', async (what) => {
    await start({ inlineBodyBytesMax: 512 });
    const other = await broker.open(1);
    const [{ slab, publisher }] = broker.acceptors;
    const freePages = slab.freePages;
    for (const body of ['one', 'L'.repeat(9000)]) client.publish(1, 'q0', body);
    await broker.settle();
    if (what === 'channel') client.method(1, 'channel.close');
    else client.socket.close();
    await broker.settle();
    other.method(1, 'queue.declare', { queue: 'q0', passive: true });
    const [ok] = await other.exchange();
    expect(ok.fields['messageCount']).toBe(0);
    expect(slab.freePages).toBe(freePages);
    expect(publisher.transactions).toMatchObject({ usedBytes: 0, heapBytes: 0 });
  });

  it('are returned at the commit, before commit-ok, when mandatory and unroutable', async () => {
    await start();
    client.send(...publishFrames(1, { routingKey: 'nowhere', mandatory: true }, 'body'));
    expect(await client.exchange()).toEqual([]);
    const received = await commit();
    expect(names(received)).toEqual(['basic.return', 'tx.commit-ok']);
    expect(received[0].body.toString()).toBe('body');
  });

  it('that a full queue refuses fail the commit; the others are taken', async () => {
    await start();
    const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    client.method(2, 'queue.declare', { queue: 'full', arguments: full });
    await client.exchange();
    for (const queue of ['full', 'q0', 'full', 'full', 'q1']) client.publish(1, queue, 'body');
    const [close, ...more] = await commit();
    expect(more).toEqual([]);
    expect(close).toMatchObject({
      name: 'channel.close',
      fields: { code: 406, text: 'PRECONDITION_FAILED - partial tx completion', classId: 90 },
    });
    expect([await messages('full'), await messages('q0'), await messages('q1')]).toEqual([1, 1, 1]);
  });

  it('are refused at once when there is no such exchange', async () => {
    await start();
    client.publish(1, 'q0', 'kept');
    client.publish(1, 'q0', 'body', 'missing');
    const [close] = await client.exchange();
    expect(close).toMatchObject({ name: 'channel.close', fields: { code: 404 } });
    expect(await messages('q0')).toBe(0);
  });

  it('go where the bindings were when they came', async () => {
    await start();
    client.method(2, 'queue.bind', { queue: 'q0', exchange: 'amq.direct', routingKey: 'k' });
    await client.exchange();
    client.publish(1, 'k', 'body', 'amq.direct');
    await broker.settle();
    client.method(2, 'queue.unbind', { queue: 'q0', exchange: 'amq.direct', routingKey: 'k' });
    await client.exchange();
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    expect(await messages('q0')).toBe(1);
  });

  it('may be sent behind a commit without waiting for it', async () => {
    await start();
    client.publish(1, 'q0', 'one');
    client.method(1, 'tx.commit');
    client.publish(1, 'q0', 'two');
    expect(names(await client.exchange())).toEqual(['tx.commit-ok']);
    expect(await messages('q0')).toBe(1);
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    expect(await messages('q0')).toBe(2);
  });

  it('wait for room in the rings, and all get there', async () => {
    await start({ ringBytes: 64 * 1024, inlineBodyBytesMax: 1024 });
    for (let i = 0; i < 500; i += 1) client.publish(1, `q${i % 2}`, 'x'.repeat(900));
    await broker.settle();
    const [acceptor] = broker.acceptors;
    client.method(1, 'tx.commit');
    let stalls = 0;
    while (broker.step()) stalls = Math.max(stalls, acceptor.stalled.size);
    expect(stalls).toBe(1);
    expect(names(await client.exchange())).toEqual(['tx.commit-ok']);
    expect([await messages('q0'), await messages('q1')]).toEqual([250, 250]);
  });

  it('are dropped as far as they are not sent when the client goes amid the commit', async () => {
    await start({ ringBytes: 64 * 1024, inlineBodyBytesMax: 1024 });
    const [acceptor] = broker.acceptors;
    for (let i = 0; i < 500; i += 1) client.publish(1, 'q0', 'x'.repeat(900));
    await broker.settle();
    client.method(1, 'tx.commit');
    while (acceptor.stalled.size === 0) broker.step();
    client.socket.close();
    await broker.settle();
    expect(acceptor.publisher.transactions).toMatchObject({ usedBytes: 0, heapBytes: 0 });
    client = await broker.open(2);
    expect(await messages('q0')).toBeLessThan(500);
  });
});

describe('the size of a transaction', () => {
  it('is limited: the channel is closed and its memory is free again', async () => {
    await start({ transactionBytesMax: 16 * 1024, inlineBodyBytesMax: 512 });
    const [{ slab, publisher }] = broker.acceptors;
    const freePages = slab.freePages;
    client.publish(1, 'q0', 'x'.repeat(400));
    client.publish(1, 'q0', 'x'.repeat(8000));
    expect(await client.exchange()).toEqual([]);
    client.publish(1, 'q0', 'x'.repeat(8000));
    const [close] = await client.exchange();
    expect(close).toMatchObject({ name: 'channel.close', fields: { code: 406 } });
    expect(close.fields['text']).toContain('PRECONDITION_FAILED - transaction too large');
    expect(slab.freePages).toBe(freePages);
    expect(publisher.transactions).toMatchObject({ usedBytes: 0, heapBytes: 0 });
  });

  it('is limited for all together, so that others can still publish large bodies', async () => {
    await start({ slabBytes: 1024 * 1024 });
    for (let i = 0; i < 3; i += 1) client.publish(1, 'q0', Buffer.alloc(150_000));
    expect(await client.exchange()).toEqual([]);
    const other = await broker.open(1);
    other.method(1, 'tx.select');
    other.publish(1, 'q0', Buffer.alloc(150_000));
    expect(names(await other.exchange())).toEqual(['tx.select-ok', 'channel.close']);
    client.publish(2, 'q1', Buffer.alloc(400_000));
    expect(await messages('q1')).toBe(1);
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    expect(await messages('q0')).toBe(3);
  });
});

describe('acks of a transaction', () => {
  it('settle with the commit', async () => {
    await start();
    await consumed(4);
    client.method(1, 'basic.ack', { deliveryTag: 2, multiple: true });
    client.method(1, 'basic.reject', { deliveryTag: 3, requeue: false });
    client.method(1, 'basic.cancel', { consumerTag: 'c' });
    await client.exchange();
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    client.method(1, 'channel.close');
    await client.exchange();
    expect(await messages('q0')).toBe(1);
  });

  it('are undone by a rollback, which redelivers nothing', async () => {
    await start();
    await consumed(3);
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    client.method(1, 'basic.nack', { deliveryTag: 3, requeue: true });
    client.method(1, 'tx.rollback');
    expect(names(await client.exchange())).toEqual(['tx.rollback-ok']);
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    client.method(1, 'basic.ack', { deliveryTag: 3, multiple: true });
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    client.method(1, 'channel.close');
    await client.exchange();
    expect(await messages('q0')).toBe(0);
  });

  it('not committed are as if never sent when the channel closes', async () => {
    await start();
    await consumed(3);
    client.method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    client.method(1, 'channel.close');
    await client.exchange();
    expect(await messages('q0')).toBe(3);
  });

  it('are refused at once when the tag is unknown or acked already', async () => {
    await start();
    await consumed(1);
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    expect(await client.exchange()).toEqual([]);
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    const [close] = await client.exchange();
    expect(close).toMatchObject({ name: 'channel.close', fields: { code: 406 } });
    expect(close.fields['text']).toBe('PRECONDITION_FAILED - unknown delivery tag 1');
    expect(await messages('q0')).toBe(1);
  });

  it('hold their place in the prefetch until the commit', async () => {
    await start();
    client.method(1, 'basic.qos', { prefetchCount: 1, global: true });
    for (let i = 0; i < 3; i += 1) client.publish(2, 'q0', `m${i}`);
    client.method(1, 'basic.consume', { queue: 'q0', consumerTag: 'c' });
    expect(names(await client.exchange())).toContain('basic.deliver');
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    client.method(1, 'basic.qos', { prefetchCount: 2, global: true });
    expect(names(await client.exchange())).toEqual(['basic.qos-ok', 'basic.deliver']);
    expect(names(await commit())).toEqual(['tx.commit-ok', 'basic.deliver']);
  });

  it('are left alone by basic.recover, which requeues the others at once', async () => {
    await start();
    await consumed(2);
    client.method(1, 'basic.ack', { deliveryTag: 1 });
    client.method(1, 'basic.recover', { requeue: true });
    const received = await client.exchange();
    expect(names(received)).toEqual(['basic.recover-ok', 'basic.deliver']);
    expect(received[1].body.toString()).toBe('m1');
    expect(names(await commit())).toEqual(['tx.commit-ok']);
  });
});

describe('the mode of a channel', () => {
  it.each([
    ['confirm.select', 'tx.select', 'cannot switch from confirm to tx mode'],
    ['tx.select', 'confirm.select', 'cannot switch from tx to confirm mode'],
    ['channel.flow', 'tx.commit', 'channel is not transactional'],
    ['channel.flow', 'tx.rollback', 'channel is not transactional'],
  ] as const)('after %s refuses %s', async (first, second, text) => {
    await start();
    client.method(2, first, { active: true });
    client.method(2, second);
    const [, close] = await client.exchange();
    expect(close).toMatchObject({ name: 'channel.close', fields: { code: 406 } });
    expect(close.fields['text']).toBe(`PRECONDITION_FAILED - ${text}`);
  });

  it('may be selected again, which changes nothing', async () => {
    await start();
    client.publish(1, 'q0', 'kept');
    client.method(1, 'tx.select');
    expect(names(await client.exchange())).toEqual(['tx.select-ok']);
    expect(names(await commit())).toEqual(['tx.commit-ok']);
    expect(await messages('q0')).toBe(1);
  });
});
