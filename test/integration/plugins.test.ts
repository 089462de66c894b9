// Test thread. The example plugins, loaded by path into a broker with two acceptors; a plugin that
// cannot be loaded; one that fails while it runs; and an exchange whose plugin has gone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { afterAll, describe, expect, test } from 'vitest';
import { TestBroker, useBroker } from '../support/broker.ts';
import { uniqueName } from '../support/unique-name.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLES = path.join(ROOT, 'examples/plugins');
const POLLS_MAX = 500;
const POLL_MILLIS = 10;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-plugins-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

function written(name: string, text: string): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

describe('the example plugins', () => {
  const log = path.join(directory, 'events.jsonl');
  const broker = useBroker({
    acceptors: 2,
    shards: 2,
    set: {
      'plugins.1': path.join(EXAMPLES, 'prefix-exchange.js'),
      'plugins.2': path.join(EXAMPLES, 'event-log.js'),
    },
    environment: { EVENT_LOG_FILE: log },
  });

  test('route by the longest prefix', async () => {
    const client = await connect(broker.url);
    const channel = await client.createConfirmChannel();
    const exchange = uniqueName('prefix');
    await channel.assertExchange(exchange, 'x-prefix', { durable: false });
    const queues = ['', 'a', 'ab'].map((key) => ({ key, name: uniqueName(`q${key}`) }));
    for (const { key, name } of queues) {
      await channel.assertQueue(name, { durable: false, autoDelete: true });
      await channel.bindQueue(name, exchange, key);
    }
    for (const key of ['abc', 'ab', 'ac', 'b', '', 'abc']) {
      channel.publish(exchange, key, Buffer.from(key));
    }
    await channel.waitForConfirms();
    const counts: number[] = [];
    for (const { name } of queues) counts.push((await channel.checkQueue(name)).messageCount);
    expect(counts).toEqual([2, 1, 3]);
    await channel.unbindQueue(queues[2].name, exchange, 'ab');
    channel.publish(exchange, 'abc', Buffer.from('abc'));
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queues[1].name)).messageCount).toBe(2);
    channel.on('error', () => {});
    await expect(channel.bindQueue(queues[0].name, exchange, 'a.*')).rejects.toThrow(
      "binding key 'a.*' of an x-prefix exchange has a wildcard",
    );
    await client.close();
  });

  test('write down what happens', async () => {
    const name = uniqueName('watched');
    const client = await connect(broker.url);
    const channel = await client.createChannel();
    await channel.assertQueue(name);
    await channel.deleteQueue(name);
    await client.close();
    const events = (): { key: string; name: string; vhost: string }[] =>
      fs.existsSync(log)
        ? fs
            .readFileSync(log, 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [];
    const isComplete = () => {
      const seen = events();
      const deleted = seen.findIndex((one) => one.key === 'queue.deleted' && one.name === name);
      return deleted >= 0 && seen.slice(deleted).some(({ key }) => key === 'connection.closed');
    };
    for (let poll = 0; poll < POLLS_MAX && !isComplete(); poll += 1) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
    const seen = events();
    const from = seen.findLastIndex(({ key }) => key === 'connection.created');
    expect(seen.slice(from).map(({ key }) => key)).toEqual([
      'connection.created',
      'queue.created',
      'queue.deleted',
      'connection.closed',
    ]);
    expect(seen[from + 1]).toMatchObject({ name, vhost: '/' });
    expect(seen.some(({ key }) => key.startsWith('exchange'))).toBe(false);
  });

  test('are listed by the management API', async () => {
    const login = Buffer.from('guest:guest').toString('base64');
    const headers = { authorization: `Basic ${login}` };
    const overview = await fetch(`${broker.managementUrl}/api/overview`, { headers });
    const { exchange_types: types } = (await overview.json()) as {
      readonly exchange_types: readonly { readonly name: string }[];
    };
    expect(types.map(({ name }) => name)).toContain('x-prefix');
  });
});

/** Starts a broker that is expected to end by itself: what it said, and its exit code. */
async function failedStart(...set: readonly string[]): Promise<[string, number]> {
  const args = ['src/cli/main.ts', 'server', '--port', '0', '--management-port', 'none'];
  args.push('--data-dir', path.join(directory, 'unused'));
  for (const one of set) args.push('--set', one);
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return [said, code];
}

test('a plugin that cannot be loaded stops the start, and is named with the reason', async () => {
  const bad = written('bad.mjs', "throw new Error('out of ideas');");
  const [said, code] = await failedStart(`plugins.7=${bad}`);
  expect(code).toBe(1);
  expect(said).toContain(`plugin '${bad}' (plugins.7) cannot be loaded: out of ideas`);
  expect(said).toContain('plugins.on_error = skip starts without it');
});

describe('an interceptor', () => {
  const stamp = written(
    'stamp.mjs',
    `export default {
      name: 'stamp',
      version: '1',
      messageInterceptors: [{
        onPublish({ vhost, user, exchange, routingKey, properties, bodyBytes }) {
          if (properties.type === 'leave') return undefined;
          if (properties.type === 'fail') throw new Error('no idea');
          if (properties.type === 'much') return { messageId: 'x'.repeat(255), appId: 'x'.repeat(255), replyTo: 'x'.repeat(255) };
          const seen = [vhost, user, exchange, routingKey, bodyBytes].join();
          return { ...properties, headers: { ...properties.headers, seen }, messageId: 'new' };
        },
      }],
    };`,
  );
  const broker = useBroker({ acceptors: 1, shards: 2, set: { 'plugins.1': stamp } });

  test.each([1, 2000, 5000, 200_000])('changes properties of %i bytes of body', async (size) => {
    const client = await connect(broker.url);
    const channel = await client.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const body = Buffer.alloc(size, 'b');
    const sent = { headers: { own: 1 }, correlationId: 'c', persistent: true };
    channel.sendToQueue(queue, body, sent);
    for (const type of ['leave', 'fail', 'much']) channel.sendToQueue(queue, body, { type });
    await channel.waitForConfirms();
    const [first, ...others] = await Promise.all(
      [1, 2, 3, 4].map(() => channel.get(queue, { noAck: true })),
    );
    if (first === false) throw new Error('nothing was published');
    expect(first.properties).toMatchObject({
      headers: { own: 1, seen: `/,guest,,${queue},${size}` },
      correlationId: 'c',
      messageId: 'new',
      deliveryMode: 2,
    });
    expect(first.content.equals(body)).toBe(true);
    for (const [index, one] of others.entries()) {
      if (one === false) throw new Error('a message is missing');
      expect(one.content.equals(body)).toBe(true);
      const { type, messageId } = one.properties;
      expect([type, messageId]).toEqual([['leave', 'fail', 'much'][index], undefined]);
    }
    // What is returned is what was published.
    const returned = new Promise<Buffer>((resolve) => {
      channel.on('return', ({ properties, content }) => {
        expect(properties.messageId).toBe('new');
        resolve(content);
      });
    });
    channel.publish('', 'nowhere', body, { mandatory: true });
    expect((await returned).equals(body)).toBe(true);
    await client.close();
  });

  test('decides where a headers exchange routes', async () => {
    const client = await connect(broker.url);
    const channel = await client.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'amq.headers', '', { seen: '/,guest,amq.headers,k,1' });
    channel.publish('amq.headers', 'k', Buffer.from('x'));
    channel.publish('amq.headers', 'other', Buffer.from('x'));
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queue)).messageCount).toBe(1);
    await client.close();
  });
});

describe('an auth backend', () => {
  const directoryOfUsers = written(
    'staff.mjs',
    `const FULL = { configure: '.*', write: '.*', read: '.*' };
    export default {
      name: 'staff',
      version: '1',
      authBackends: [{
        name: 'staff',
        async authenticate({ username, password }) {
          if (Buffer.from(password ?? '').toString() !== 'of ' + username) return undefined;
          if (username === 'down') throw new Error('out of order');
          if (username === 'alias') return { username: 'guest', tags: [] };
          const permission = username === 'reader' ? { ...FULL, configure: '', write: '' } : FULL;
          return {
            username,
            tags: username === 'boss' ? ['administrator'] : [],
            access: (vhost) => (vhost === '/' ? { tags: [], permission, topics: new Map() } : undefined),
            refresh: (secret) => Buffer.from(secret).toString() === 'new',
          };
        },
      }],
    };`,
  );
  const broker = useBroker({
    acceptors: 2,
    shards: 2,
    set: {
      'plugins.1': directoryOfUsers,
      'auth_backends.1': 'staff',
      'auth_backends.2': 'internal',
    },
  });

  const url = (user: string, vhost = '%2F', password = `of ${user}`): string =>
    `amqp://${user}:${encodeURIComponent(password)}@${broker.host}:${broker.port}/${vhost}`;

  const request = (user: string, what: string, options: RequestInit = {}) => {
    const login = Buffer.from(`${user}:of ${user}`).toString('base64');
    const headers = { authorization: `Basic ${login}`, 'content-type': 'application/json' };
    return fetch(`${broker.managementUrl}/api/${what}`, { ...options, headers });
  };

  test('lets in whom it knows, and the broker its own users', async () => {
    for (const known of [url('boss'), url('alias'), url('guest', '%2F', 'guest')]) {
      await (await connect(known)).close();
    }
    for (const unknown of [url('boss', '%2F', 'guess'), url('down'), url('guest', '%2F', 'no')]) {
      await expect(connect(unknown)).rejects.toThrow(/ACCESS_REFUSED - Login was refused/u);
    }
  });

  test('says what its users may do', async () => {
    const client = await connect(url('reader'));
    const channel = await client.createChannel();
    channel.on('error', () => {});
    await expect(channel.assertQueue(uniqueName('q'))).rejects.toThrow(
      /403 \(ACCESS-REFUSED\).* configure access .* refused for user 'reader'/u,
    );
    await client.updateSecret(Buffer.from('new'), 'it is time');
    const closed = once(client, 'close');
    void client.updateSecret(Buffer.from('bad'), 'it is time');
    await expect(closed).rejects.toThrow('New secret was refused by one of the backends');
  });

  test('lets its users use the HTTP API, as far as their tags and permissions go', async () => {
    const queue = uniqueName('made');
    const body = JSON.stringify({ durable: true });
    expect((await request('boss', 'whoami')).status).toBe(200);
    expect((await request('reader', 'whoami')).status).toBe(401);
    const made = await request('boss', `queues/%2F/${queue}`, { method: 'PUT', body });
    expect(made.status).toBe(201);
    const vhost = uniqueName('v');
    expect((await request('boss', `vhosts/${vhost}`, { method: 'PUT' })).status).toBe(201);
    // The backend knows nothing of the virtual host, and nobody is asked what else there may be.
    const refused = await request('boss', `queues/${vhost}/q`, { method: 'PUT', body });
    expect([refused.status, await refused.text()]).toEqual([
      401,
      expect.stringContaining('refused for user'),
    ]);
    for (const gone of [`queues/%2F/${queue}`, `vhosts/${vhost}`]) {
      expect((await request('boss', gone, { method: 'DELETE' })).status).toBe(204);
    }
  });

  test('is counted with all other logins', async () => {
    const metrics = await (await fetch(`${broker.managementUrl}/metrics`)).text();
    for (const protocol of ['amqp091', 'http']) {
      const succeeded = `^rabbitmq_auth_attempts_succeeded_total\\{protocol="${protocol}"\\} [1-9]`;
      expect(metrics).toMatch(new RegExp(succeeded, 'mu'));
    }
    expect(metrics).toMatch(/^warrenmq_plugin_failures_total [1-9]/mu);
  });
});

const BROKEN = `export default {
  name: 'broken',
  version: '1',
  exchangeTypes: [{
    name: 'x-broken',
    createRouter: () => ({
      bind(binding) { this.binding = binding; },
      unbind() {},
      route({ routingKey }) {
        if (routingKey === 'bad') throw new Error('no idea');
        return [this.binding];
      },
    }),
  }],
  eventListeners: [{ onEvent() { throw new Error('deaf'); } }],
};`;

test('a plugin that fails harms nobody else, and its exchanges outlive it', async () => {
  const dataDirectory = fs.mkdtempSync(path.join(directory, 'data-'));
  fs.writeFileSync(path.join(dataDirectory, 'broken.mjs'), BROKEN);
  const set = {
    'plugins.1': './broken.mjs',
    'plugins.2': 'warrenmq-plugin-nowhere',
    'plugins.on_error': 'skip',
  };
  const exchange = uniqueName('broken');
  const queue = uniqueName('q');

  const first = new TestBroker();
  await first.start({ dataDirectory, set });
  const client = await connect(first.url);
  const channel = await client.createConfirmChannel();
  await channel.assertExchange(exchange, 'x-broken');
  await channel.assertQueue(queue);
  await channel.bindQueue(queue, exchange, 'k');
  for (const key of ['good', 'bad', 'bad', 'good']) {
    channel.publish(exchange, key, Buffer.from(key), { persistent: true });
  }
  await channel.waitForConfirms();
  expect((await channel.checkQueue(queue)).messageCount).toBe(2);
  const metrics = await (await fetch(`${first.managementUrl}/metrics`)).text();
  expect(metrics).toContain('warrenmq_acceptor_plugin_failures_total{acceptor="0"} 2\n');
  expect(metrics).toMatch(/^warrenmq_plugin_failures_total [1-9]/mu);
  await client.close();
  await first.stop();

  const second = new TestBroker();
  await second.start({ dataDirectory });
  const again = await connect(second.url);
  const other = await again.createConfirmChannel();
  expect((await other.checkQueue(queue)).messageCount).toBe(2);
  await other.checkExchange(exchange);
  const closed = new Promise<string>((resolve) => {
    other.on('error', (error: Error) => resolve(error.message));
  });
  other.publish(exchange, 'good', Buffer.from('x'));
  expect(await closed).toContain('exchange type x-broken not found');
  const last = await again.createChannel();
  await last.deleteExchange(exchange);
  await again.close();
  await second.stop();
}, 60_000);
