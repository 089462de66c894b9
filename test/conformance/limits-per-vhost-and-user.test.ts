// Test thread. Limits of a virtual host and of a user (RabbitMQ: docs/vhosts#limits,
// docs/user-limits): connections, queues, channels; set and lifted while the broker runs. RabbitMQ
// counts connections some time after it has opened them, so the tests try again until refused.
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { ManagementApi, type TestUser } from '../support/management-api.ts';
import { tryOpen } from '../support/opening.ts';
import type { OpenOptions, RawClient, Refused } from '../support/raw-client.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal, connectionRefusal } from './refusal-shapes.ts';

const POLLS_MAX = 200;
const POLL_MILLIS = 20;

const broker = useBroker();
const api = new ManagementApi(broker);
const ALL = { configure: '.*', write: '.*', read: '.*' };
let vhost: string;
let user: TestUser;
let login: OpenOptions;

afterAll(() => api.removeAll());

beforeEach(async () => {
  vhost = await api.vhost();
  user = await api.user(vhost, ALL);
  login = { ...user, virtualHost: vhost };
});

function limitVhost(name: string, value: number): Promise<void> {
  return api.put(['vhost-limits', vhost, name], { value });
}

function limitUser(name: string, value: number): Promise<void> {
  return api.put(['user-limits', user.user, name], { value });
}

async function repeat<Value>(
  what: string,
  attempt: () => Promise<Value | undefined>,
): Promise<Value> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const value = await attempt();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
  throw new Error(`never happened: ${what}`);
}

function refusedInTheEnd(): Promise<Refused> {
  return repeat('a connection is refused', async () => {
    const { client, refused } = await tryOpen(broker, login);
    await client?.close();
    return refused;
  });
}

function openInTheEnd(): Promise<RawClient> {
  return repeat('a connection is opened', async () => (await tryOpen(broker, login)).client);
}

describe('max-queues of a virtual host', () => {
  test('refuses a queue too many with 406, until another is deleted or the limit lifted', async () => {
    await limitVhost('max-queues', 2);
    const channel = await broker.channel(login);
    const queues = [await channel.exclusiveQueue(), await channel.exclusiveQueue()];
    const queue = uniqueName('third');
    const refusal = await channel.refused('queue.declare', { queue, exclusive: true });
    const text =
      `cannot declare queue '${queue}': ` + `queue limit in vhost '${vhost}' (2) is reached`;
    expect(refusal).toEqual(channelRefusal(406, text));
    const again = await channel.client.channel();
    await again.call('queue.delete', { queue: queues[0] });
    await again.exclusiveQueue();
    await api.delete('vhost-limits', vhost, 'max-queues');
    await again.exclusiveQueue();
  });

  test('lets a queue that is there be declared again', async () => {
    const channel = await broker.channel(login);
    const queue = uniqueName('there');
    await channel.call('queue.declare', { queue, exclusive: true });
    await limitVhost('max-queues', 0);
    await channel.call('queue.declare', { queue, exclusive: true });
    await api.delete('vhost-limits', vhost, 'max-queues');
  });

  test('of 0 allows none, of -1 any number', async () => {
    await limitVhost('max-queues', 0);
    const channel = await broker.channel(login);
    expect(await channel.refused('queue.declare', { exclusive: true })).toMatchObject({
      code: 406,
    });
    await limitVhost('max-queues', -1);
    await (await channel.client.channel()).exclusiveQueue();
  });
});

describe('max-connections of a virtual host', () => {
  test('refuses a connection too many with 530, until another is closed', async () => {
    const first = await openInTheEnd();
    await limitVhost('max-connections', 1);
    const text = `access to vhost '${vhost}' refused for user '${user.user}': connection limit (1) is reached`;
    expect(await refusedInTheEnd()).toEqual(connectionRefusal(530, text));
    await first.close();
    await (await openInTheEnd()).close();
    await api.delete('vhost-limits', vhost, 'max-connections');
  });

  test('of 0 allows none, of -1 any number', async () => {
    await limitVhost('max-connections', 0);
    const { refused } = await tryOpen(broker, login);
    expect(refused).toMatchObject({ code: 530 });
    await limitVhost('max-connections', -1);
    await (await openInTheEnd()).close();
    await api.delete('vhost-limits', vhost, 'max-connections');
  });

  test('leaves open what is open', async () => {
    const client = await openInTheEnd();
    await limitVhost('max-connections', 0);
    await client.channel();
    await api.delete('vhost-limits', vhost, 'max-connections');
  });
});

describe('max-connections of a user', () => {
  test('refuses a connection too many with 530, until another is closed', async () => {
    await limitUser('max-connections', 1);
    const first = await openInTheEnd();
    const text = `connection refused for user '${user.user}': user connection limit (1) is reached`;
    expect(await refusedInTheEnd()).toEqual(connectionRefusal(530, text));
    await first.close();
    await (await openInTheEnd()).close();
  });

  test('holds for that user only', async () => {
    await limitUser('max-connections', 0);
    expect((await tryOpen(broker, login)).refused).toMatchObject({ code: 530 });
    await broker.channel({ virtualHost: vhost });
    await api.delete('user-limits', user.user, 'max-connections');
    await (await openInTheEnd()).close();
  });
});

describe('max-channels of a user', () => {
  test('closes the connection that opens a channel too many with 530', async () => {
    await limitUser('max-channels', 2);
    const client = await openInTheEnd();
    let number = 0;
    const refused = await repeat('a channel is refused', async () => {
      number += 1;
      client.send(number, 'channel.open');
      const answer = await client
        .inbox(number)
        .next('channel.open-ok')
        .catch(() => undefined);
      return answer === undefined ? client.refusal() : undefined;
    });
    const text =
      `number of channels opened for user '${user.user}' has reached the maximum allowed ` +
      'user limit of';
    expect(refused).toEqual(connectionRefusal(530, text));
  });
});
