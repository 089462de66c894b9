// Test thread. Definitions (RabbitMQ: docs/definitions): what is exported and imported again works as
// before, for a virtual host and for all of the broker.
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import { deathSummary } from '../support/dead-letters.ts';
import { ManagementApi } from '../support/management-api.ts';
import { uniqueName } from '../support/unique-name.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
const api = new ManagementApi(broker);
let vhost: string;
afterAll(() => api.removeAll());

/** Two queues: what `work` is rid of goes through a topic exchange to `grave`, by a policy. */
beforeEach(async () => {
  vhost = await api.vhost();
  const channel = await broker.channel({ virtualHost: vhost });
  const args = { 'x-max-length': 1, 'x-max-priority': 3 };
  await channel.call('queue.declare', { queue: 'work', durable: true, arguments: args });
  await channel.call('queue.declare', { queue: 'grave', durable: true });
  await channel.call('exchange.declare', { exchange: 'dlx', type: 'topic', durable: true });
  await channel.call('queue.bind', { queue: 'grave', exchange: 'dlx', routingKey: 'work.#' });
  await api.put(['policies', vhost, 'dead'], {
    pattern: '^work$',
    definition: { 'dead-letter-exchange': 'dlx' },
    priority: 0,
    'apply-to': 'queues',
  });
  await channel.client.close();
});

interface Definitions {
  readonly queues: readonly { name: string; arguments: object }[];
  readonly exchanges: readonly { name: string }[];
  readonly bindings: readonly { source: string; destination: string; routing_key: string }[];
  readonly policies: readonly { name: string; definition: object }[];
}

async function post(path: readonly string[], body: unknown): Promise<number> {
  return (await api.request('POST', path, body)).status;
}

describe('definitions of a virtual host', () => {
  test('tell its queues, exchanges, bindings and policies, and nothing predeclared', async () => {
    const found = await api.get<Definitions>('definitions', vhost);
    expect(found.queues.map(({ name }) => name).sort()).toEqual(['grave', 'work']);
    expect(found.queues.find(({ name }) => name === 'work')?.arguments).toMatchObject({
      'x-max-length': 1,
      'x-max-priority': 3,
    });
    expect(found.exchanges.map(({ name }) => name)).toEqual(['dlx']);
    const binding = { source: 'dlx', destination: 'grave', routing_key: 'work.#' };
    expect(found.bindings).toEqual([expect.objectContaining(binding)]);
    const definition = { 'dead-letter-exchange': 'dlx' };
    expect(found.policies).toEqual([expect.objectContaining({ name: 'dead', definition })]);
  });

  test('imported into another one work there as they did', async () => {
    const found = await api.get<Definitions>('definitions', vhost);
    const copy = await api.vhost();
    expect(await post(['definitions', copy], found)).toBeLessThan(300);
    const channel = await broker.channel({ virtualHost: copy });
    await publishAll(channel, 'work', ['a', 'b']);
    await channel.consume('grave', { noAck: true });
    const dead = await channel.delivery();
    expect([dead.body.toString(), deathSummary(dead)]).toEqual(['a', [['maxlen', 'work', 1]]]);
    const changed = { queue: 'work', durable: true };
    expect(await channel.refused('queue.declare', changed)).toEqual(channelRefusal(406));
  });

  test('imported where they are already change nothing', async () => {
    const found = await api.get<Definitions>('definitions', vhost);
    const channel = await broker.channel({ virtualHost: vhost });
    await publishAll(channel, 'work', ['kept']);
    expect(await post(['definitions', vhost], found)).toBeLessThan(300);
    expect(await channel.drain('work')).toEqual(['kept']);
  });
});

describe('definitions of the broker', () => {
  test('bring a user with his password, tags and permissions', async () => {
    const user = uniqueName('user');
    const all = { configure: '.*', write: '.*', read: '.*' };
    // Salt 90 8d c6 0a and SHA-256 of it and "test12": the example of RabbitMQ's documentation.
    const users = [
      {
        name: user,
        password_hash: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: ['monitoring'],
      },
    ];
    const body = { users, vhosts: [{ name: vhost }], permissions: [{ user, vhost, ...all }] };
    expect(await post(['definitions'], body)).toBeLessThan(300);
    const channel = await broker.channel({ user, password: 'test12', virtualHost: vhost });
    await channel.exclusiveQueue();
    await api.delete('users', user);
  });

  test('that make no sense are refused with 400', async () => {
    const policies = [{ vhost, name: 'p', pattern: '.*', definition: { unheard: 1 }, priority: 0 }];
    expect(await post(['definitions'], { policies })).toBe(400);
  });
});
