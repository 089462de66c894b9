// Test thread. What the management API changes in a real broker: declared, bound, published and got
// as a client of the user would; connections closed; definitions carried to an empty broker; all of
// it there after a restart. WarrenMQ only.
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerOptions, TestBroker, useBroker } from '../support/broker.ts';

const SHAPE: BrokerOptions = { acceptors: 2, shards: 2 };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: never;
}

async function call(
  broker: TestBroker,
  method: string,
  resource: string,
  body?: unknown,
  headers: Record<string, string> = {},
  login = 'guest:guest',
): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`;
  const reply = await fetch(`${broker.managementUrl}/api/${resource}`, {
    method,
    headers: { authorization, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  const json = (text === '' ? undefined : JSON.parse(text)) as never;
  return { status: reply.status, headers: reply.headers, json };
}

function temporaryDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
}

const dataDirectory = temporaryDirectory();
let broker = new TestBroker();
beforeAll(() => broker.start({ ...SHAPE, dataDirectory }));
afterAll(async () => {
  await broker.stop();
  fs.rmSync(dataDirectory, { recursive: true, force: true });
});

const send = (method: string, resource: string, body?: unknown, login?: string) =>
  call(broker, method, resource, body, {}, login);

describe('topology', () => {
  it('is declared, redeclared, refused and deleted as by a client', async () => {
    const queue = { durable: true, arguments: { 'x-max-length': 10 } };
    expect((await send('PUT', 'queues/%2F/t1', queue)).status).toBe(201);
    expect((await send('PUT', 'queues/%2F/t1', queue)).status).toBe(204);
    const other = await send('PUT', 'queues/%2F/t1', { durable: false });
    expect(other).toMatchObject({
      status: 400,
      json: {
        error: 'bad_request',
        reason: expect.stringMatching(/^406 PRECONDITION_FAILED - ineq/u),
      },
    });
    expect((await send('PUT', 'queues/none/t1', queue)).status).toBe(404);
    expect((await send('PUT', 'queues/%2F/amq.x', queue)).status).toBe(401);
    expect((await send('PUT', 'exchanges/%2F/tx', {})).status).toBe(400);
    expect((await send('PUT', 'exchanges/%2F/tx', { type: 'topic' })).status).toBe(201);
    expect((await send('PUT', 'exchanges/%2F/ty', { type: 'nope' })).status).toBe(400);
    expect((await send('DELETE', 'exchanges/%2F/ty')).status).toBe(404);
    expect((await send('DELETE', 'queues/%2F/none')).status).toBe(404);
  });

  it('is bound and unbound', async () => {
    const between = 'bindings/%2F/e/tx/q/t1';
    const plain = await send('POST', between, { routing_key: 'a.#' });
    const argued = await send('POST', between, { routing_key: 'b', arguments: { n: 1 } });
    expect([plain.status, argued.status]).toEqual([201, 201]);
    expect(await send('GET', between)).toMatchObject({ json: { length: 2 } });
    expect(await send('GET', 'exchanges/%2F/tx/bindings/source')).toMatchObject({
      json: { length: 2 },
    });
    for (const { headers } of [plain, argued]) {
      // Relative to the path that was posted to.
      expect(headers.get('location')).toMatch(/^t1\/[^/]+$/u);
      const location = `bindings/%2F/e/tx/q/${headers.get('location')}`;
      expect(await send('GET', location)).toMatchObject({ status: 200, json: { source: 'tx' } });
      expect((await send('DELETE', location)).status).toBe(204);
      expect((await send('DELETE', location)).status).toBe(404);
    }
    expect((await send('POST', 'bindings/%2F/e/none/q/t1', {})).status).toBe(404);
    await send('PUT', 'exchanges/%2F/inner', { type: 'fanout' });
    expect((await send('POST', 'bindings/%2F/e/tx/e/inner', { routing_key: 'k' })).status).toBe(
      201,
    );
    expect(await send('GET', 'exchanges/%2F/inner/bindings/destination')).toMatchObject({
      json: [{ source: 'tx', routing_key: 'k' }],
    });
    expect((await send('DELETE', 'exchanges/%2F/tx?if-unused=true')).status).toBe(400);
    expect((await send('DELETE', 'exchanges/%2F/tx')).status).toBe(204);
  });

  it('needs the permissions that a client needs', async () => {
    await send('PUT', 'users/weak', { password: 'w', tags: 'management' });
    await send('PUT', 'permissions/%2F/weak', { configure: '^mine', write: '', read: '^t1$' });
    expect((await send('PUT', 'queues/%2F/mine-1', {}, 'weak:w')).status).toBe(201);
    expect(await send('PUT', 'queues/%2F/yours', {}, 'weak:w')).toMatchObject({
      status: 401,
      json: { error: 'not_authorised', reason: expect.stringContaining('ACCESS_REFUSED') },
    });
    const message = { properties: {}, routing_key: 't1', payload: 'x', payload_encoding: 'string' };
    const publish = 'exchanges/%2F/amq.default/publish';
    expect((await send('POST', publish, message, 'weak:w')).status).toBe(401);
    const get = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
    expect((await send('POST', 'queues/%2F/t1/get', get, 'weak:w')).status).toBe(200);
    expect((await send('POST', 'queues/%2F/mine-1/get', get, 'weak:w')).status).toBe(401);
    await send('DELETE', 'queues/%2F/mine-1');
  });
});

describe('messages', () => {
  const publish = 'exchanges/%2F/amq.default/publish';
  const message = (payload: string, rest: object = {}) => ({
    properties: { delivery_mode: 2, headers: { h: [1, 'x'] }, content_type: 'text/plain' },
    routing_key: 'm1',
    payload,
    payload_encoding: 'string',
    ...rest,
  });
  const get = (ackmode: string, rest: object = {}) =>
    send('POST', 'queues/%2F/m1/get', { count: 10, ackmode, encoding: 'auto', ...rest });

  it('are published, and it is said whether to any queue', async () => {
    await send('PUT', 'queues/%2F/m1', {});
    expect((await send('POST', publish, message('one'))).json).toEqual({ routed: true });
    const bytes = message(Buffer.of(0xff, 0).toString('base64'), { payload_encoding: 'base64' });
    expect((await send('POST', publish, bytes)).json).toEqual({ routed: true });
    const lost = message('x', { routing_key: 'nowhere' });
    expect((await send('POST', publish, lost)).json).toEqual({ routed: false });
    expect((await send('POST', 'exchanges/%2F/none/publish', lost)).status).toBe(404);
    expect((await send('POST', publish, { payload: 'x' })).status).toBe(400);
    expect(
      (await send('POST', publish, message('x', { properties: { priority: 'x' } }))).status,
    ).toBe(400);
    const coded = message('not base64 !', { payload_encoding: 'base64' });
    expect((await send('POST', publish, coded)).status).toBe(400);
  });

  it('are got and returned, cut, and taken', async () => {
    expect((await get('ack_requeue_true', { truncate: 2 })).json).toEqual([
      {
        payload_bytes: 3,
        redelivered: false,
        exchange: '',
        routing_key: 'm1',
        message_count: 1,
        properties: { delivery_mode: 2, headers: { h: [1, 'x'] }, content_type: 'text/plain' },
        payload: 'on',
        payload_encoding: 'string',
      },
      expect.objectContaining({ payload: '/wA=', payload_encoding: 'base64', message_count: 0 }),
    ]);
    const again = { redelivered: true };
    expect((await get('reject_requeue_true')).json).toMatchObject([again, again]);
    expect((await get('ack_requeue_false', { count: 1, encoding: 'base64' })).json).toMatchObject([
      { payload: Buffer.from('one').toString('base64') },
    ]);
    expect((await get('reject_requeue_false')).json).toMatchObject([{ payload: '/wA=' }]);
    expect((await get('ack_requeue_true')).json).toEqual([]);
    expect((await get('whatever')).status).toBe(400);
  });

  it('as large as they may be', async () => {
    const payload = 'x'.repeat(5_000_000);
    expect((await send('POST', publish, message(payload))).json).toEqual({ routed: true });
    const [got] = (await get('ack_requeue_true')).json as { payload: string }[];
    expect(got.payload === payload).toBe(true);
    expect((await send('DELETE', 'queues/%2F/m1/contents')).status).toBe(204);
    expect((await get('ack_requeue_true')).json).toEqual([]);
    expect((await send('DELETE', 'queues/%2F/m1?if-empty=true')).status).toBe(204);
  });
});

describe('clients', () => {
  it('are listed with their channels and consumers, and closed with 320', async () => {
    const connection = await connect(broker.url, { clientProperties: { connection_name: 'c1' } });
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('c1');
    await channel.prefetch(7);
    const { consumerTag } = await channel.consume('c1', () => {});
    const [{ name, peer_port: port }] = (await send('GET', 'connections')).json as {
      name: string;
      peer_port: number;
    }[] &
      [{ name: string; peer_port: number }];
    expect(name).toContain(`:${port} -> `);
    expect((await send('GET', 'channels')).json).toMatchObject([
      { name: `${name} (1)`, confirm: true, prefetch_count: 7, consumer_count: 1 },
    ]);
    expect((await send('GET', 'consumers/%2F')).json).toMatchObject([
      { consumer_tag: consumerTag, prefetch_count: 7, ack_required: true, queue: { name: 'c1' } },
    ]);
    const closed = once(connection, 'close');
    const headers = { 'x-reason': 'maintenance' };
    const resource = `connections/${encodeURIComponent(name)}`;
    expect((await call(broker, 'DELETE', resource, undefined, headers)).status).toBe(204);
    const [error] = await closed;
    expect(String(error)).toMatch(/320 .*CONNECTION[-_]FORCED.* maintenance/u);
    await send('DELETE', 'queues/%2F/c1');
  });

  it('are all closed when the broker is told to listen no more', async () => {
    const connection = await connect(broker.url);
    const closed = once(connection, 'close');
    expect((await send('PUT', 'warrenmq/listening', { listening: false })).status).toBe(204);
    expect(String((await closed)[0])).toContain('320');
    await expect(connect(broker.url)).rejects.toThrow('ECONNREFUSED');
    expect((await send('PUT', 'warrenmq/listening', { listening: true })).status).toBe(204);
    await (await connect(broker.url)).close();
  });

  it('are blocked by alarms that are set', async () => {
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const memory = 'warrenmq/memory-limit';
    const alarms = [
      [() => send('PUT', 'warrenmq/alarms/disk'), () => send('DELETE', 'warrenmq/alarms/disk')],
      [() => send('PUT', memory, { relative: 1e-9 }), () => send('PUT', memory, { relative: 0.4 })],
    ] as const;
    for (const [set, clear] of alarms) {
      const blocked = once(connection, 'blocked');
      await set();
      channel.publish('', 'nowhere', Buffer.from('x'));
      await blocked;
      expect((await send('GET', 'health/checks/alarms')).status).toBe(503);
      const unblocked = once(connection, 'unblocked');
      await clear();
      await unblocked;
      expect((await send('GET', 'health/checks/alarms')).status).toBe(200);
    }
    await connection.close();
  });
});

describe('definitions', () => {
  async function populate(): Promise<void> {
    const permission = { configure: '^a', write: '.*', read: '' };
    await send('PUT', 'vhosts/v%20x', {
      description: 'd',
      tags: 'a',
      default_queue_type: 'quorum',
    });
    await send('PUT', 'users/d1', { password: 'p', tags: 'monitoring' });
    await send('PUT', 'permissions/v%20x/d1', permission);
    const topic = { exchange: 'amq.topic', write: '^a', read: '^b' };
    await send('PUT', 'topic-permissions/v%20x/d1', topic);
    await send('PUT', 'user-limits/d1/max-channels', { value: 5 });
    await send('PUT', 'vhost-limits/v%20x/max-queues', { value: 50 });
    await send('PUT', 'global-parameters/g', { value: 'v' });
    const policy = { pattern: '^q', definition: { 'max-length': 5 }, priority: 2 };
    await send('PUT', 'policies/v%20x/p', { ...policy, 'apply-to': 'queues' });
    await send('PUT', 'operator-policies/v%20x/o', policy);
    await send('PUT', 'exchanges/v%20x/x', { type: 'headers', internal: true, auto_delete: false });
    const args = { 'x-max-length': 9, 'x-queue-type': 'classic' };
    const made = await send('PUT', 'queues/v%20x/q', { arguments: args });
    expect(made.status).toBe(201);
    await send('POST', 'bindings/v%20x/e/x/q/q', { routing_key: '', arguments: { h: 1 } });
    await send('POST', 'bindings/v%20x/e/x/e/amq.fanout', { routing_key: 'r' });
  }

  let exported: Record<string, object[]>;

  describe('of everything', () => {
    const second = useBroker();

    it('make an empty broker the same', async () => {
      await populate();
      exported = (await send('GET', 'definitions')).json;
      expect(exported).toMatchObject({
        topic_permissions: [{ exchange: 'amq.topic' }],
        policies: [{ name: 'p', priority: 2 }],
        global_parameters: [{ name: 'internal_cluster_id' }, { name: 'g' }],
      });
      expect(exported['parameters']).toHaveLength(2);
      expect(exported['bindings']).toHaveLength(2);
      expect((await call(second, 'POST', 'definitions', exported)).status).toBe(204);
      expect((await call(second, 'GET', 'definitions')).json).toEqual(exported);
      expect((await call(second, 'POST', 'definitions', exported)).status).toBe(204);
    });
  });

  describe('after a restart', () => {
    beforeAll(async () => {
      await broker.stop();
      broker = new TestBroker();
      await broker.start({ ...SHAPE, dataDirectory });
    });

    it('are what they were', async () => {
      expect((await send('GET', 'definitions')).json).toEqual(exported);
      expect((await send('GET', 'queues/v%20x/q')).json).toMatchObject({
        policy: 'p',
        operator_policy: 'o',
      });
    });
  });

  it('of one virtual host go into another', async () => {
    const inside = (await send('GET', 'definitions/v%20x')).json as Record<string, object[]>;
    expect(inside['queues'][0]).not.toHaveProperty('vhost');
    expect(inside).not.toHaveProperty('users');
    await send('PUT', 'vhosts/copy', {});
    expect((await send('POST', 'definitions/copy', inside)).status).toBe(204);
    const copy = (await send('GET', 'definitions/copy')).json as Record<string, object[]>;
    for (const section of ['queues', 'exchanges', 'bindings', 'policies', 'parameters']) {
      expect([section, copy[section]]).toEqual([section, inside[section]]);
    }
  });

  it('that are wrong are refused, saying where', async () => {
    const wrong = { queues: [{ name: 'q', vhost: 'none', arguments: {} }] };
    expect(await send('POST', 'definitions', wrong)).toMatchObject({
      status: 400,
      json: { reason: 'queues: no such vhost: none' },
    });
    expect((await send('POST', 'definitions', { users: {} })).status).toBe(400);
    expect((await send('POST', 'definitions', { users: [{}] })).status).toBe(400);
    expect((await send('POST', 'definitions/none', {})).status).toBe(404);
  });
});
