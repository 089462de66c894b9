// Test thread. Permissions (RabbitMQ: docs/access-control; rabbit_channel): which of configure, write
// and read each method needs, and on what. The user of these tests may do to a queue or an exchange
// what the letters before the hyphen of its name say: 'cw-' configure and write, 'r-' read.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { ManagementApi, type TestUser } from '../support/management-api.ts';
import { tryOpen } from '../support/opening.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const broker = useBroker();
const api = new ManagementApi(broker);
const BY_LETTER = { configure: '^[^-]*c[^-]*-', write: '^[^-]*w[^-]*-', read: '^[^-]*r[^-]*-' };
let vhost: string;
let user: TestUser;
/** Of guest, who may do everything. */
let admin: RawChannel;
let channel: RawChannel;

beforeAll(async () => {
  vhost = await api.vhost();
  user = await api.user(vhost, BY_LETTER);
});
afterAll(() => api.removeAll());

beforeEach(async () => {
  admin = await broker.channel({ virtualHost: vhost });
  channel = await broker.channel({ virtualHost: vhost, ...user });
});

/** A queue that the user may use as its first letters say. */
async function queueOf(letters: string): Promise<string> {
  const queue = uniqueName(`${letters}-queue`);
  await admin.call('queue.declare', { queue, durable: true });
  return queue;
}

async function exchangeOf(letters: string, type = 'direct'): Promise<string> {
  const exchange = uniqueName(`${letters}-exchange`);
  await admin.call('exchange.declare', { exchange, type });
  return exchange;
}

function refusedAccess(permission: string, kind: string, name: string): unknown {
  const isNamed = expectedOn(broker, differences.refusedAccessNamesThePermission);
  const text = `access to ${kind} '${name}' in vhost '${vhost}' refused for user '${user.user}'`;
  return channelRefusal(403, isNamed ? `${permission} ${text}` : text);
}

describe('queue.declare', () => {
  test('needs configure on the queue', async () => {
    await channel.call('queue.declare', { queue: uniqueName('c-new') });
    const queue = uniqueName('wr-new');
    const refusal = await channel.refused('queue.declare', { queue });
    expect(refusal).toEqual(refusedAccess('configure', 'queue', queue));
  });

  test('of a queue that is there needs it too', async () => {
    const queue = await queueOf('wr');
    const refusal = await channel.refused('queue.declare', { queue, durable: true });
    expect(refusal).toEqual(refusedAccess('configure', 'queue', queue));
  });

  test('without a name needs it on the name that the broker gives', async () => {
    const refusal = await channel.refused('queue.declare', { exclusive: true });
    expect(refusal).toEqual(
      expect.objectContaining({ code: 403, text: expect.stringContaining("queue 'amq.gen-") }),
    );
  });

  test('passive needs any permission on the queue', async () => {
    for (const letters of ['c', 'w', 'r']) {
      const queue = await queueOf(letters);
      await channel.call('queue.declare', { queue, passive: true });
    }
    const queue = await queueOf('x');
    channel.send('queue.declare', { queue, passive: true });
    const isRefused = expectedOn(broker, differences.passiveDeclareNeedsPermission);
    const answer = await channel.next();
    expect(answer.name).toBe(isRefused ? 'channel.close' : 'queue.declare-ok');
    if (isRefused) expect(answer.fields).toMatchObject({ code: 403 });
  });

  test('with a dead-letter exchange needs read on the queue', async () => {
    const args = { 'x-dead-letter-exchange': 'w-exchange' };
    const queue = uniqueName('cr-new');
    await channel.call('queue.declare', { queue, arguments: args });
    const other = uniqueName('cw-new');
    const refusal = await channel.refused('queue.declare', { queue: other, arguments: args });
    expect(refusal).toEqual(refusedAccess('read', 'queue', other));
  });

  test('with a dead-letter exchange needs write on that exchange', async () => {
    const args = { 'x-dead-letter-exchange': 'cr-exchange' };
    const queue = uniqueName('cr-new');
    const refusal = await channel.refused('queue.declare', { queue, arguments: args });
    expect(refusal).toEqual(refusedAccess('write', 'exchange', 'cr-exchange'));
  });
});

describe('queue.delete and queue.purge', () => {
  test('queue.delete needs configure on the queue', async () => {
    await channel.call('queue.delete', { queue: await queueOf('c') });
    const queue = await queueOf('wr');
    const refusal = await channel.refused('queue.delete', { queue });
    expect(refusal).toEqual(refusedAccess('configure', 'queue', queue));
  });

  test('queue.purge needs read on the queue', async () => {
    await channel.call('queue.purge', { queue: await queueOf('r') });
    const queue = await queueOf('cw');
    const refusal = await channel.refused('queue.purge', { queue });
    expect(refusal).toEqual(refusedAccess('read', 'queue', queue));
  });
});

describe.each(['queue.bind', 'queue.unbind'] as const)('%s', (method) => {
  test('needs write on the queue', async () => {
    const exchange = await exchangeOf('r');
    await channel.call(method, { queue: await queueOf('w'), exchange, routingKey: 'k' });
    const queue = await queueOf('cr');
    const refusal = await channel.refused(method, { queue, exchange, routingKey: 'k' });
    expect(refusal).toEqual(refusedAccess('write', 'queue', queue));
  });

  test('needs read on the exchange', async () => {
    const exchange = await exchangeOf('cw');
    const queue = await queueOf('w');
    const refusal = await channel.refused(method, { queue, exchange, routingKey: 'k' });
    expect(refusal).toEqual(refusedAccess('read', 'exchange', exchange));
  });
});

describe('exchange.declare', () => {
  test('needs configure on the exchange', async () => {
    await channel.call('exchange.declare', { exchange: uniqueName('c-new'), type: 'direct' });
    const exchange = uniqueName('wr-new');
    const refusal = await channel.refused('exchange.declare', { exchange, type: 'direct' });
    expect(refusal).toEqual(refusedAccess('configure', 'exchange', exchange));
  });

  test('passive needs any permission on the exchange', async () => {
    for (const letters of ['c', 'w', 'r']) {
      const exchange = await exchangeOf(letters);
      await channel.call('exchange.declare', { exchange, type: 'direct', passive: true });
    }
    const exchange = await exchangeOf('x');
    channel.send('exchange.declare', { exchange, type: 'direct', passive: true });
    const isRefused = expectedOn(broker, differences.passiveDeclareNeedsPermission);
    const answer = await channel.next();
    expect(answer.name).toBe(isRefused ? 'channel.close' : 'exchange.declare-ok');
    if (isRefused) expect(answer.fields).toMatchObject({ code: 403 });
  });

  test('with an alternate exchange needs read on it and write on the alternate', async () => {
    const declare = { type: 'direct', arguments: { 'alternate-exchange': 'w-exchange' } };
    await channel.call('exchange.declare', { exchange: uniqueName('cr-new'), ...declare });
    const exchange = uniqueName('cw-new');
    const refusal = await channel.refused('exchange.declare', { exchange, ...declare });
    expect(refusal).toEqual(refusedAccess('read', 'exchange', exchange));
    const other = await channel.client.channel();
    const unwritable = { type: 'direct', arguments: { 'alternate-exchange': 'cr-exchange' } };
    expect(
      await other.refused('exchange.declare', { exchange: uniqueName('cr-new'), ...unwritable }),
    ).toEqual(refusedAccess('write', 'exchange', 'cr-exchange'));
  });
});

test('exchange.delete needs configure on the exchange', async () => {
  await channel.call('exchange.delete', { exchange: await exchangeOf('c') });
  const exchange = await exchangeOf('wr');
  const refusal = await channel.refused('exchange.delete', { exchange });
  expect(refusal).toEqual(refusedAccess('configure', 'exchange', exchange));
});

test.each(['exchange.bind', 'exchange.unbind'] as const)(
  '%s needs write on the destination and read on the source',
  async (method) => {
    const [source, destination] = [await exchangeOf('r'), await exchangeOf('w')];
    await channel.call(method, { source, destination });
    const unreadable = await exchangeOf('cw');
    expect(await channel.refused(method, { source: unreadable, destination })).toEqual(
      refusedAccess('read', 'exchange', unreadable),
    );
    const other = await channel.client.channel();
    const unwritable = await exchangeOf('cr');
    expect(await other.refused(method, { source, destination: unwritable })).toEqual(
      refusedAccess('write', 'exchange', unwritable),
    );
  },
);

describe('basic.publish', () => {
  test('needs write on the exchange, and nothing on the queue', async () => {
    const exchange = await exchangeOf('w', 'fanout');
    const queue = await queueOf('x');
    await admin.call('queue.bind', { queue, exchange });
    channel.publish({ exchange, routingKey: '' }, 'x');
    await admin.awaitReady(queue, 1);
    const unwritable = await exchangeOf('cr');
    channel.publish({ exchange: unwritable, routingKey: '' }, 'x');
    const refusal = await channel.refusal();
    expect(refusal).toEqual(refusedAccess('write', 'exchange', unwritable));
    expect(refusal).toMatchObject({ classId: 60, methodId: 40 });
  });

  test('to the default exchange needs write on amq.default', async () => {
    channel.publish({ routingKey: 'w-queue' }, 'x');
    const refusal = await channel.refusal();
    expect(refusal).toEqual(refusedAccess('write', 'exchange', 'amq.default'));
  });

  test('to a missing exchange without permission is refused with 403, not 404', async () => {
    channel.publish({ exchange: 'r-missing', routingKey: '' }, 'x');
    const refusal = await channel.refusal();
    expect(refusal).toEqual(refusedAccess('write', 'exchange', 'r-missing'));
  });
});

test.each(['basic.consume', 'basic.get'] as const)('%s needs read on the queue', async (method) => {
  const queue = await queueOf('r');
  channel.send(method, { queue });
  expect((await channel.next()).name).toMatch(/^basic\.(?:consume-ok|get-empty)$/u);
  const unreadable = await queueOf('cw');
  const refusal = await channel.refused(method, { queue: unreadable });
  expect(refusal).toEqual(refusedAccess('read', 'queue', unreadable));
});

describe('permissions that change', () => {
  test('count for channels opened afterwards', async () => {
    const changing = await api.user(vhost, {});
    const client = await broker.open({ virtualHost: vhost, ...changing });
    const queue = await queueOf('x');
    const refused = await (await client.channel()).refused('basic.get', { queue });
    expect(refused).toMatchObject({ scope: 'channel', code: 403 });
    await api.permit(vhost, changing.user, { read: queue });
    const channelAfter = await client.channel();
    expect(await channelAfter.get(queue)).toBeUndefined();
  });

  test('a pattern that matches everything allows everything', async () => {
    const all = await api.user(vhost, { configure: '.*', write: '.*', read: '.*' });
    const free = await broker.channel({ virtualHost: vhost, ...all });
    const queue = await free.exclusiveQueue();
    free.publish({ routingKey: queue }, 'x');
    await free.awaitReady(queue, 1);
  });

  test('an empty pattern matches nothing but the empty name', async () => {
    const none = await api.user(vhost, { configure: '', write: '', read: '' });
    const bound = await broker.channel({ virtualHost: vhost, ...none });
    const queue = await queueOf('cwr');
    expect(await bound.refused('basic.get', { queue })).toMatchObject({ code: 403 });
  });

  test('a pattern without anchors matches anywhere in the name', async () => {
    const middle = await api.user(vhost, { read: 'queue' });
    const reader = await broker.channel({ virtualHost: vhost, ...middle });
    expect(await reader.get(await queueOf('x'))).toBeUndefined();
  });
});

describe('a virtual host', () => {
  test('is refused with 530 to a user without permissions in it', async () => {
    const stranger = await api.user();
    const { refused } = await tryOpen(broker, { ...stranger, virtualHost: vhost });
    const text = `access to vhost '${vhost}' refused for user '${stranger.user}'`;
    expect(refused).toEqual(connectionRefusal(530, text));
  });
});
