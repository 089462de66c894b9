// Test thread. Topic permissions (RabbitMQ: docs/access-control#topic-authorisation): patterns of
// routing keys, per topic exchange, on top of the permissions on the exchange. Write counts for
// publishing, read for binding a queue.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes } from '../support/confirms.ts';
import { ManagementApi, type TestUser } from '../support/management-api.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
const api = new ManagementApi(broker);
const ALL = { configure: '.*', write: '.*', read: '.*' };
let vhost: string;
let user: TestUser;
let channel: RawChannel;

beforeAll(async () => {
  vhost = await api.vhost();
});
afterAll(() => api.removeAll());

beforeEach(async () => {
  user = await api.user(vhost, ALL);
});

async function connect(): Promise<void> {
  channel = await broker.channel({ virtualHost: vhost, ...user });
  await channel.call('confirm.select');
}

async function permitTopics(exchange: string, write: string, read: string): Promise<void> {
  await api.put(['topic-permissions', vhost, user.user], { exchange, write, read });
}

/** Whether the publish went through. */
async function expectPublished(exchange: string, routingKey: string): Promise<void> {
  channel.publish({ exchange, routingKey }, 'x');
  expect((await channel.next()).name).toBe('basic.ack');
}

function refusedTopic(permission: string, key: string, exchange: string): unknown {
  const isNamed = expectedOn(broker, differences.refusedAccessNamesThePermission);
  const text =
    `access to topic '${key}' in exchange '${exchange}' in vhost '${vhost}' ` +
    `refused for user '${user.user}'`;
  return channelRefusal(403, isNamed ? `${permission} ${text}` : text);
}

describe('a topic permission to write', () => {
  test('allows routing keys that match', async () => {
    await permitTopics('amq.topic', '^a\\.', '.*');
    await connect();
    await expectPublished('amq.topic', 'a.b');
  });

  test('refuses all others with 403', async () => {
    await permitTopics('amq.topic', '^a\\.', '.*');
    await connect();
    channel.publish({ exchange: 'amq.topic', routingKey: 'b.a.' }, 'x');
    expect(await channel.refusal()).toEqual(refusedTopic('write', 'b.a.', 'amq.topic'));
  });

  test('of one exchange says nothing about another', async () => {
    const exchange = uniqueName('topic');
    await permitTopics(exchange, '^$', '^$');
    await connect();
    await channel.call('exchange.declare', { exchange, type: 'topic' });
    await expectPublished('amq.topic', 'anything');
    channel.publish({ exchange, routingKey: 'anything' }, 'x');
    expect(await channel.refusal()).toMatchObject({ code: 403 });
  });

  test('is not asked by exchanges of other types', async () => {
    await permitTopics('amq.direct', '^$', '^$');
    await connect();
    await expectPublished('amq.direct', 'anything');
    await channel.call('queue.bind', {
      queue: await channel.exclusiveQueue(),
      exchange: 'amq.direct',
      routingKey: 'anything',
    });
  });

  test('knows the user and the virtual host', async () => {
    await permitTopics('amq.topic', '^{vhost}\\.{username}$', '.*');
    await connect();
    await expectPublished('amq.topic', `${vhost}.${user.user}`);
    channel.publish({ exchange: 'amq.topic', routingKey: `${vhost}.guest` }, 'x');
    expect(await channel.refusal()).toMatchObject({ code: 403 });
  });

  test.each(['CC', 'BCC'])('counts for the keys of %s as well', async (header) => {
    await permitTopics('amq.topic', '^a', '.*');
    await connect();
    const target = { exchange: 'amq.topic', routingKey: 'a' };
    channel.publish(target, 'x', { headers: { [header]: ['ab', 'ac'] } });
    expect(await outcomes(channel, 1)).toEqual(['ack']);
    if (!expectedOn(broker, differences.topicPermissionsHoldForCopies)) return;
    channel.publish(target, 'x', { headers: { [header]: ['ab', 'b'] } });
    expect(await channel.refusal()).toEqual(refusedTopic('write', 'b', 'amq.topic'));
  });
});

describe('a topic permission to read', () => {
  test('allows bindings of a queue whose key matches, and refuses others with 403', async () => {
    await permitTopics('amq.topic', '.*', '^a\\.');
    await connect();
    const queue = await channel.exclusiveQueue();
    const binding = { queue, exchange: 'amq.topic' };
    await channel.call('queue.bind', { ...binding, routingKey: 'a.#' });
    await channel.call('queue.unbind', { ...binding, routingKey: 'a.#' });
    const refusal = await channel.refused('queue.bind', { ...binding, routingKey: '#' });
    expect(refusal).toEqual(refusedTopic('read', '#', 'amq.topic'));
  });
});

describe('a topic permission to read, and other bindings', () => {
  test.each(['exchange.bind', 'exchange.unbind'] as const)(
    'counts for %s from a topic exchange',
    async (method) => {
      await permitTopics('amq.topic', '.*', '^a\\.');
      await connect();
      const binding = { source: 'amq.topic', destination: 'amq.fanout' };
      await channel.call(method, { ...binding, routingKey: 'a.#' });
      const refusal = await channel.refused(method, { ...binding, routingKey: 'b.#' });
      expect(refusal).toEqual(refusedTopic('read', 'b.#', 'amq.topic'));
    },
  );

  test('counts for queue.unbind', async () => {
    await permitTopics('amq.topic', '.*', '^a\\.');
    await connect();
    const binding = { queue: await channel.exclusiveQueue(), exchange: 'amq.topic' };
    const refusal = await channel.refused('queue.unbind', { ...binding, routingKey: 'b' });
    expect(refusal).toEqual(refusedTopic('read', 'b', 'amq.topic'));
  });
});

describe('without a topic permission', () => {
  test('every key is allowed', async () => {
    await connect();
    await expectPublished('amq.topic', 'anything');
    const queue = await channel.exclusiveQueue();
    await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: '#' });
  });

  test('that was taken away again every key is allowed, on a new connection', async () => {
    await permitTopics('amq.topic', '^$', '^$');
    await api.delete('topic-permissions', vhost, user.user);
    await connect();
    await expectPublished('amq.topic', 'anything');
  });

  test('the permission on the exchange is needed all the same', async () => {
    await api.permit(vhost, user.user, { configure: '.*', read: '.*' });
    await permitTopics('amq.topic', '.*', '.*');
    await connect();
    channel.publish({ exchange: 'amq.topic', routingKey: 'anything' }, 'x');
    const refusal = await channel.refusal();
    expect(refusal.text).toContain("access to exchange 'amq.topic' in vhost");
  });
});
