// Test thread. Opening and closing channels and connections (specification 1.4, 1.5, 2.2.7): what
// is still answered while one side has said close, and what is thrown away.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { uniqueName } from '../support/unique-name.ts';
import { bodyFrame, headerFrame } from '../support/wire/content.ts';
import { frame, HEARTBEAT, methodFrame } from '../support/wire/frames.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();

describe('a connection', () => {
  test('is closed by connection.close, close-ok and the end of the socket', async () => {
    const client = await broker.open();
    await client.channel();
    await client.close();
    expect(client.socket.destroyed).toBe(true);
  });

  test('carries out what was sent before connection.close, though nothing was awaited', async () => {
    const client = await broker.open();
    const queue = uniqueName('pipelined');
    const publishes = Array.from({ length: 100 }, () => [
      methodFrame(1, 'basic.publish', { exchange: 'amq.direct', routingKey: queue }),
      headerFrame(1, 1),
      bodyFrame(1, Buffer.from('x')),
    ]);
    client.write(
      Buffer.concat([
        methodFrame(1, 'channel.open', {}),
        methodFrame(1, 'queue.declare', { queue, durable: true }),
        methodFrame(1, 'queue.bind', { queue, exchange: 'amq.direct', routingKey: queue }),
        ...publishes.flat(),
        methodFrame(0, 'connection.close', { code: 200, text: 'bye' }),
      ]),
    );
    await client.expect(0, 'connection.close-ok');
    const channel = await broker.channel();
    await channel.awaitReady(queue, 100);
    await channel.call('queue.delete', { queue });
  });

  test('carries out what was sent before channel.close, though nothing was awaited', async () => {
    const channel = await broker.channel();
    const queue = uniqueName('pipelined');
    channel.send('queue.declare', { queue, exclusive: true });
    for (let index = 0; index < 100; index += 1) channel.publish({ routingKey: queue }, 'x');
    channel.send('channel.close');
    await channel.expect('queue.declare-ok');
    await channel.expect('channel.close-ok');
    const other = await channel.client.channel();
    await other.awaitReady(queue, 100);
  });

  test('ignores frames behind the connection.close of the client', async () => {
    const client = await broker.open();
    const queue = uniqueName('ignored');
    client.write(
      Buffer.concat([
        methodFrame(0, 'connection.close', { code: 200, text: 'bye' }),
        methodFrame(1, 'channel.open', {}),
        methodFrame(1, 'queue.declare', { queue, durable: true }),
      ]),
    );
    await client.expect(0, 'connection.close-ok');
    const channel = await broker.channel();
    const refusal = await channel.refused('queue.declare', { queue, passive: true });
    expect(refusal).toEqual(channelRefusal(404));
  });

  test('ignores frames between its own connection.close and close-ok', async () => {
    const client = await broker.open();
    const channel = await client.channel();
    const queue = uniqueName('ignored');
    client.send(7, 'queue.declare', { queue });
    await client.expect(0, 'connection.close');
    channel.send('queue.declare', { queue, durable: true });
    client.write(HEARTBEAT);
    client.send(0, 'connection.close-ok');
    await client.ended;
    const other = await broker.channel();
    expect(await other.refused('queue.declare', { queue, passive: true })).toEqual(
      channelRefusal(404),
    );
  });

  test('answers connection.close while it waits for close-ok', async () => {
    const client = await broker.open();
    client.send(7, 'channel.close');
    await client.expect(0, 'connection.close');
    client.send(0, 'connection.close', { code: 200, text: 'bye' });
    await client.expect(0, 'connection.close-ok');
  });

  test('that ends without connection.close leaves the broker serving', async () => {
    const client = await broker.open();
    await client.channel();
    await client.drop();
    const other = await broker.open();
    await other.close();
  });

  test('with more channels than negotiated is refused with 530', async () => {
    const client = await broker.open({ channelMax: 2 });
    await client.channel();
    await client.channel();
    client.send(3, 'channel.open');
    expect(await client.refusal()).toEqual(connectionRefusal(530));
  });

  test('may open the highest channel number that was negotiated', async () => {
    const client = await broker.open();
    client.send(2047, 'channel.open');
    await client.expect(2047, 'channel.open-ok');
    client.send(2047, 'queue.declare', { exclusive: true });
    await client.expect(2047, 'queue.declare-ok');
  });
});

describe('a channel', () => {
  test('is closed by channel.close and may be opened again', async () => {
    const channel = await broker.channel();
    for (let round = 0; round < 3; round += 1) {
      await channel.call('channel.close', { code: 200, text: 'bye' });
      await channel.call('channel.open');
    }
    await channel.exclusiveQueue();
  });

  test('refused by the broker may be opened again after close-ok', async () => {
    const channel = await broker.channel();
    const missing = { queue: uniqueName('missing'), passive: true };
    expect(await channel.refused('queue.declare', missing)).toEqual(channelRefusal(404));
    await channel.call('channel.open');
    await channel.exclusiveQueue();
  });

  test('refused by the broker throws away what comes before close-ok, content too', async () => {
    const client = await broker.open();
    const [channel, other] = [await client.channel(), await client.channel()];
    const queue = await other.exclusiveQueue();
    channel.send('queue.declare', { queue: uniqueName('missing'), passive: true });
    await channel.expect('channel.close');
    channel.publish({ routingKey: queue }, 'thrown away');
    channel.send('queue.purge', { queue });
    channel.send('channel.close-ok');
    await channel.call('channel.open');
    other.publish({ routingKey: queue }, 'marker');
    expect(await other.drain(queue)).toEqual(['marker']);
  });

  test('refused in the middle of content throws the rest of it away', async () => {
    const client = await broker.open();
    const [channel, other] = [await client.channel(), await client.channel()];
    const queue = await other.exclusiveQueue();
    client.write(
      Buffer.concat([
        methodFrame(1, 'queue.declare', { queue: uniqueName('missing'), passive: true }),
        methodFrame(1, 'basic.publish', { routingKey: queue }),
        headerFrame(1, 6),
        bodyFrame(1, Buffer.from('abc')),
      ]),
    );
    await channel.expect('channel.close');
    client.write(bodyFrame(1, Buffer.from('def')));
    channel.send('channel.close-ok');
    await channel.call('channel.open');
    other.publish({ routingKey: queue }, 'marker');
    expect(await other.drain(queue)).toEqual(['marker']);
  });

  test('answers channel.close while it waits for close-ok', async () => {
    const channel = await broker.channel();
    channel.send('queue.declare', { queue: uniqueName('missing'), passive: true });
    await channel.expect('channel.close');
    channel.send('channel.close', { code: 200, text: 'bye' });
    await channel.expect('channel.close-ok');
  });

  test('refused by the broker leaves the other channels alone', async () => {
    const client = await broker.open();
    const [channel, other] = [await client.channel(), await client.channel()];
    const queue = await other.exclusiveQueue();
    await other.consume(queue, { noAck: true });
    await channel.refused('queue.declare', { queue: uniqueName('missing'), passive: true });
    other.publish({ routingKey: queue }, 'still here');
    expect((await other.delivery()).body.toString()).toBe('still here');
  });

  test('names the method that was refused in channel.close', async () => {
    const channel = await broker.channel();
    const refusal = await channel.refused('basic.consume', { queue: uniqueName('missing') });
    expect(refusal).toMatchObject({ scope: 'channel', code: 404, classId: 60, methodId: 20 });
  });

  test('keeps requests in order though some wait for an answer', async () => {
    const channel = await broker.channel();
    const queue = uniqueName('pipelined');
    channel.send('queue.declare', { queue, exclusive: true });
    channel.send('queue.bind', { queue, exchange: 'amq.topic', routingKey: queue });
    channel.publish({ exchange: 'amq.topic', routingKey: queue }, 'pipelined');
    channel.send('basic.get', { queue, noAck: true });
    channel.send('queue.delete', { queue });
    await channel.expect('queue.declare-ok');
    await channel.expect('queue.bind-ok');
    expect((await channel.expect('basic.get-ok')).body.toString()).toBe('pipelined');
    await channel.expect('queue.delete-ok');
  });
});

describe('channel.flow and access.request', () => {
  test('channel.flow(active=true) is answered with active=true', async () => {
    const channel = await broker.channel();
    expect(await channel.call('channel.flow', { active: true })).toEqual({ active: true });
  });

  test('channel.flow(active=false) is refused with 540', async () => {
    const channel = await broker.channel();
    expect(await channel.refused('channel.flow', { active: false })).toEqual(
      connectionRefusal(540, 'active=false'),
    );
  });

  test('access.request is answered with ticket 1', async () => {
    const channel = await broker.channel();
    expect(await channel.call('access.request', { realm: '/data' })).toEqual({ ticket: 1 });
  });

  test('a method payload for another class on a closed channel number is refused', async () => {
    const channel = await broker.channel();
    await channel.call('channel.close');
    channel.client.write(frame(1, channel.number, Buffer.from([0, 60, 0, 110, 1])));
    expect(await channel.client.refusal()).toEqual(connectionRefusal(504));
  });
});
