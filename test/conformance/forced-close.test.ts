// Test thread. What the operator does to those who are connected (RabbitMQ: docs/connections,
// rabbit_connection_tracking, rabbit_mgmt_wm_connection): 320 and a reason, and what is left behind.
import { afterAll, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { ManagementApi } from '../support/management-api.ts';
import { tryOpen } from '../support/opening.ts';
import type { RawClient } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';
import { differences, expectedOn } from './differences.ts';

const POLLS_MAX = 400;
const POLL_MILLIS = 50;

const broker = useBroker();
const api = new ManagementApi(broker);
const ALL = { configure: '.*', write: '.*', read: '.*' };
afterAll(() => api.removeAll());

interface ListedConnection {
  readonly name: string;
  readonly user: string;
}

/** The API's name of the only connection of a user; RabbitMQ lists it some time after it is open. */
async function connectionName(user: string): Promise<string> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const all = await api.get<ListedConnection[]>('connections');
    const found = all.find((connection) => connection.user === user);
    if (found !== undefined) return found.name;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
  throw new Error(`no connection of ${user} is listed`);
}

async function expectForced(client: RawClient, reason: string): Promise<void> {
  const refusal = await client.refusal();
  expect(refusal).toMatchObject({ scope: 'connection', code: 320, classId: 0, methodId: 0 });
  expect(refusal.text).toMatch(new RegExp(`^CONNECTION_FORCED - ${reason}`, 'u'));
}

describe('a connection is closed with 320', () => {
  test('when its user is deleted, and he cannot come back', async () => {
    const user = await api.user('/', ALL);
    const client = await broker.open(user);
    await client.channel();
    await api.delete('users', user.user);
    await expectForced(client, `user '${user.user}' is deleted`);
    const again = await broker.connect();
    await again.login(user);
    expect((await again.next(0)).name).toBe('connection.close');
  });

  test('when its virtual host is deleted, which is then missing', async () => {
    const vhost = await api.vhost();
    const client = await broker.open({ virtualHost: vhost });
    await client.channel();
    await api.delete('vhosts', vhost);
    await expectForced(client, `vhost '${vhost}' is deleted`);
    const { refused } = await tryOpen(broker, { virtualHost: vhost });
    expect(refused).toMatchObject({ code: 530 });
    expect(refused?.text).toContain(`vhost ${vhost} not found`);
  });

  test('when the API deletes it; its messages go back', async () => {
    const user = await api.user('/', ALL);
    const owner = await broker.channel();
    const queue = uniqueName('q');
    await owner.call('queue.declare', { queue, durable: true, autoDelete: true });
    const channel = await broker.channel(user);
    await channel.consume(queue);
    await owner.consume(queue, { consumerTag: 'keeps the queue', arguments: { 'x-priority': -1 } });
    await publishAll(owner, queue, ['x']);
    await channel.delivery();
    await api.delete('connections', await connectionName(user.user));
    await expectForced(channel.client, 'Closed via management plugin');
    expect((await owner.delivery()).fields.redelivered).toBe(true);
  });
});

describe('a connection goes on', () => {
  test("when its user's password is changed; the new one counts from then on", async () => {
    const user = await api.user('/', ALL);
    const client = await broker.open(user);
    await api.put(['users', user.user], { password: 'changed', tags: '' });
    await client.channel();
    const again = await broker.connect();
    await again.login(user);
    expect((await again.next(0)).name).toBe('connection.close');
    await broker.open({ user: user.user, password: 'changed' });
  });

  test("when its user's permissions are made less", async () => {
    const user = await api.user('/', ALL);
    const client = await broker.open(user);
    await api.permit('/', user.user, { read: '.*' });
    const channel = await client.channel();
    expect(await channel.refused('queue.declare', { exclusive: true })).toMatchObject({
      scope: 'channel',
      code: 403,
    });
  });
});

test('when all permissions of a user in the virtual host are cleared', async () => {
  const user = await api.user('/', ALL);
  const client = await broker.open(user);
  await api.delete('permissions', '/', user.user);
  if (expectedOn(broker, differences.clearedPermissionsCloseConnections)) {
    await expectForced(client, `user '${user.user}' has lost access to vhost '/'`);
    return;
  }
  const channel = await client.channel();
  expect(await channel.refused('queue.declare', { exclusive: true })).toMatchObject({ code: 403 });
});

test('a user without password cannot log in', async () => {
  const user = uniqueName('user');
  await api.put(['users', user], { password_hash: '', tags: '' });
  await api.permit('/', user, ALL);
  for (const password of ['', 'guess']) {
    const client = await broker.connect();
    await client.login({ user, password });
    expect((await client.next(0)).name).toBe('connection.close');
  }
  await api.delete('users', user);
});
