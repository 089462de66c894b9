// Virtual hosts, parameters, policies and operations of the node by HTTP.
import { describe, expect, it } from 'vitest';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker } = management;
const { get, send, statusOf } = management;

describe('virtual hosts', () => {
  it('are made with what is said of them, kept, and deleted', async () => {
    const body = { description: 'd', tags: 'a,b', default_queue_type: 'quorum', tracing: true };
    expect((await send('PUT', '/api/vhosts/v', body)).status).toBe(201);
    const shown = { ...body, tags: ['a', 'b'] };
    expect(await get('/api/vhosts/v')).toMatchObject(shown);
    expect((await send('PUT', '/api/vhosts/v', { tracing: false })).status).toBe(204);
    expect(await get('/api/vhosts/v')).toMatchObject({ ...shown, tracing: false });
    expect(broker.users.find('guest')!.permissions.has('v')).toBe(true);
    expect((await send('DELETE', '/api/vhosts/v')).status).toBe(204);
    expect(await statusOf('/api/vhosts/v')).toBe(404);
    expect((await send('DELETE', '/api/vhosts/v')).status).toBe(404);
    await send('PUT', '/api/vhosts/v');
    expect(await get('/api/vhosts/v')).toMatchObject({ description: '', tags: [] });
    await send('DELETE', '/api/vhosts/v');
  });

  it('are refused', async () => {
    const wrong = { default_queue_type: 'nope' };
    expect((await send('PUT', '/api/vhosts/w', wrong)).status).toBe(400);
    expect((await send('PUT', `/api/vhosts/${'w'.repeat(256)}`)).status).toBe(400);
    expect((await send('PUT', '/api/vhosts/w', {}, 'manager:p')).status).toBe(401);
    expect(broker.topology.hasVhost('w')).toBe(false);
  });
});

describe('parameters', () => {
  it('are set, listed by component and virtual host, and deleted', async () => {
    const path = '/api/parameters/vhost-limits/%2F/my%20s';
    const value = { 'max-queues': 7 };
    expect((await send('PUT', path, { value })).status).toBe(201);
    expect((await send('PUT', path, { value })).status).toBe(204);
    const shown = { vhost: '/', component: 'vhost-limits', name: 'my s', value };
    expect(await get(path)).toEqual(shown);
    for (const list of ['', '/vhost-limits', '/vhost-limits/%2F']) {
      expect(await get(`/api/parameters${list}`)).toEqual([shown]);
    }
    expect(await get('/api/parameters/vhost-limits/other')).toEqual([]);
    expect((await send('PUT', path, {})).reason).toBe('[{key_missing,value}]');
    expect((await send('DELETE', path)).status).toBe(204);
    expect((await send('DELETE', path)).status).toBe(404);
  });

  it('are refused when no component has them, or not in this form', async () => {
    const refusal = async (path: string, value: unknown) => {
      const { status, reason } = await send('PUT', `/api/parameters/${path}`, { value });
      return [status, reason];
    };
    expect(await refusal('shovel/%2F/s', { 'src-uri': 'amqp://' })).toEqual([
      400,
      'Validation failed\n\ncomponent shovel not found (known is vhost-limits)\n',
    ]);
    const limits = 'vhost-limits/%2F/limits';
    expect(await refusal(limits, [1])).toEqual([
      400,
      'Validation failed\n\nlimits not a list [1]\n',
    ]);
    expect(await refusal(limits, { 'max-queues': 1, x: 2 })).toEqual([
      400,
      'Validation failed\n\nUnrecognised terms [x] in limits\n',
    ]);
    expect(await refusal(limits, { 'max-queues': '5' })).toEqual([
      400,
      'Validation failed\n\nmax-queues should be a number, actually was "5"\n',
    ]);
    expect(await get('/api/parameters')).toEqual([]);
    expect((await send('PUT', `/api/parameters/${limits}`, { value: [] })).status).toBe(201);
    expect(await get('/api/vhost-limits/%2F')).toEqual([]);
    expect((await send('DELETE', `/api/parameters/${limits}`)).status).toBe(204);
  });

  it('of our own are neither shown nor touched', async () => {
    await send('PUT', '/api/vhosts/%2F', { description: 'x' });
    expect(await get('/api/parameters')).toEqual([]);
    const own = '/api/parameters/vhost-metadata/%2F/metadata';
    expect(await statusOf(own)).toBe(404);
    expect((await send('PUT', own, { value: {} })).status).toBe(400);
    expect((await send('DELETE', own)).status).toBe(404);
    expect((await send('PUT', '/api/parameters/policy/%2F/p', { value: {} })).status).toBe(400);
  });

  it('may be global, as the name of the cluster is', async () => {
    expect((await send('PUT', '/api/global-parameters/g', { value: [1] })).status).toBe(201);
    expect(await get('/api/global-parameters/g')).toEqual({ name: 'g', value: [1] });
    expect((await send('DELETE', '/api/global-parameters/g')).status).toBe(204);
    expect(await statusOf('/api/global-parameters/g')).toBe(404);
    expect((await send('PUT', '/api/cluster-name', { name: 'c' })).status).toBe(204);
    expect(await get('/api/cluster-name')).toEqual({ name: 'c' });
    expect(await get('/api/overview')).toMatchObject({ cluster_name: 'c' });
    expect((await send('PUT', '/api/cluster-name', { name: 'x' }, 'manager:p')).status).toBe(401);
  });
});

describe('policies', () => {
  const body = { pattern: '^q', definition: { 'max-length': 5 } };

  it.each(['policies', 'operator-policies'])('%s are set, listed and cleared', async (kind) => {
    const path = `/api/${kind}/%2F/p`;
    expect((await send('PUT', path, { ...body, priority: 3 })).status).toBe(201);
    expect((await send('PUT', path, body)).status).toBe(204);
    const shown = { vhost: '/', name: 'p', ...body, 'apply-to': 'all', priority: 0 };
    expect(await get(path)).toEqual(shown);
    expect(await get(`/api/${kind}`)).toEqual([shown]);
    expect(await get(`/api/${kind}/other`)).toEqual([]);
    expect((await send('DELETE', path)).status).toBe(204);
    expect((await send('DELETE', path)).status).toBe(404);
    expect(await statusOf(path)).toBe(404);
  });

  it('are refused', async () => {
    const path = '/api/policies/%2F/bad';
    expect((await send('PUT', path, { pattern: '' })).reason).toBe('[{key_missing,definition}]');
    expect(await send('PUT', path, { ...body, definition: { nope: 1 } })).toMatchObject({
      status: 400,
      reason: expect.stringContaining('are not recognised policy settings'),
    });
    expect((await send('PUT', '/api/policies/none/p', body)).status).toBe(404);
  });

  it('are for policymakers, operator policies for administrators', async () => {
    await send('PUT', '/api/users/maker', { password: 'p', tags: 'policymaker' });
    const all = { configure: '.*', write: '.*', read: '.*' };
    await send('PUT', '/api/permissions/%2F/maker', all);
    const login = 'maker:p';
    expect((await send('PUT', '/api/policies/%2F/m', body, login)).status).toBe(201);
    expect((await send('PUT', '/api/policies/other/m', body, login)).status).toBe(401);
    expect((await send('PUT', '/api/operator-policies/%2F/m', body, login)).status).toBe(401);
    expect(await statusOf('/api/operator-policies/%2F', login)).toBe(200);
    expect((await send('PUT', '/api/policies/%2F/n', body, 'manager:p')).status).toBe(401);
    await send('DELETE', '/api/policies/%2F/m');
  });
});

describe('connections', () => {
  it('are closed by name or pid, with a reason', async () => {
    const [first] = (await get('/api/connections')) as { pid: string }[];
    await send('DELETE', `/api/connections/${encodeURIComponent('z -> s')}`);
    await send('DELETE', `/api/connections/${encodeURIComponent(first.pid)}`);
    await send('DELETE', '/api/connections/username/guest');
    const reason = 'Closed via management plugin';
    expect(broker.control.closed.splice(0)).toEqual([
      { ids: [7], reason },
      { ids: [8], reason },
      { ids: [7], reason },
    ]);
  });

  it('of others are not seen', async () => {
    const path = `/api/connections/${encodeURIComponent('z -> s')}`;
    expect(await statusOf(path)).toBe(200);
    expect(await statusOf(path, 'manager:p')).toBe(404);
    expect((await send('DELETE', path, undefined, 'manager:p')).status).toBe(404);
    expect(broker.control.closed).toEqual([]);
  });
});

describe('channels and consumers', () => {
  it('are those of the connections that may be seen', async () => {
    const channel = {
      number: 1,
      consumerPrefetch: 10,
      channelPrefetch: 0,
      unacked: 3,
      unconfirmed: 2,
      consumers: 1,
      isConfirming: true,
      isTransactional: false,
      uncommittedPublishes: 0,
      uncommittedAcks: 0,
    };
    const consumer = {
      channel: 1,
      tag: 't',
      queue: 'a/b',
      noAck: false,
      isExclusive: true,
      prefetch: 10,
      arguments: {},
    };
    broker.control.clients = {
      channels: [
        { ...channel, connectionId: 7 },
        { ...channel, connectionId: 8, number: 2 },
        { ...channel, connectionId: 99 },
      ],
      consumers: [{ ...consumer, connectionId: 7 }],
    };
    const names = async (path: string, login?: string): Promise<string[]> =>
      ((await get(path, login)) as { name: string }[]).map(({ name }) => name);
    expect(await names('/api/channels')).toEqual(['a -> s (2)', 'z -> s (1)']);
    expect(await names('/api/channels', 'manager:p')).toEqual(['a -> s (2)']);
    expect(await names('/api/vhosts/%2F/channels')).toHaveLength(2);
    const path = encodeURIComponent('z -> s');
    expect(await get(`/api/connections/${path}/channels`)).toMatchObject([
      { confirm: true, prefetch_count: 10, messages_unacknowledged: 3, consumer_count: 1 },
    ]);
    expect(await get(`/api/channels/${path}%20(1)`)).toMatchObject({
      consumer_details: [{ consumer_tag: 't', exclusive: true, ack_required: true }],
    });
    expect(await get('/api/consumers/%2F', 'manager:p')).toMatchObject([
      { queue: { name: 'a/b', vhost: '/' }, channel_details: { name: 'z -> s (1)' } },
    ]);
    expect(await get('/api/consumers/other')).toEqual([]);
    expect(await get(`/api/connections/${path}`)).toMatchObject({ channels: 1 });
  });
});

describe('the node', () => {
  it('listens or does not, and has limits and alarms', async () => {
    const reason = 'maintenance';
    await send('PUT', '/api/warrenmq/listening', { listening: false, reason });
    expect(await get('/api/warrenmq/listening')).toEqual({ listening: false });
    expect(await statusOf('/api/health/checks/port-listener/5672')).toBe(503);
    await send('PUT', '/api/warrenmq/listening', { listening: true });
    await send('PUT', '/api/warrenmq/memory-limit', { relative: 0.5 });
    await send('PUT', '/api/warrenmq/disk-limit', { bytes: 5 });
    await send('PUT', '/api/warrenmq/alarms/disk');
    await send('DELETE', '/api/warrenmq/alarms/memory');
    expect(broker.control.noted).toEqual([
      reason,
      ['memory', { relative: 0.5 }],
      ['disk', { bytes: 5 }],
      ['disk', true],
      ['memory', false],
    ]);
    expect((await send('PUT', '/api/warrenmq/memory-limit', { relative: -1 })).status).toBe(400);
    expect((await send('PUT', '/api/warrenmq/alarms/cpu')).status).toBe(404);
    const asMonitor = await send('PUT', '/api/warrenmq/alarms/disk', {}, 'monitor:p');
    expect(asMonitor.status).toBe(401);
  });

  it('tries passwords', async () => {
    const path = '/api/warrenmq/authenticate';
    const right = { username: 'monitor', password: 'p' };
    expect((await send('POST', path, right)).status).toBe(204);
    expect((await send('POST', path, { ...right, password: 'x' })).status).toBe(401);
  });
});
