// Health checks and limits over HTTP, with a broker that has no threads.
import { describe, expect, it } from 'vitest';
import { ask } from './fixture.ts';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker, get, statusOf } = management;

describe('limits of virtual hosts', () => {
  it('are listed where there are any', async () => {
    const limits = [{ vhost: 'other', value: { 'max-connections': 5 } }];
    expect(await get('/api/vhost-limits')).toEqual(limits);
    expect(await get('/api/vhost-limits/other')).toEqual(limits);
    expect(await get('/api/vhost-limits/%2F')).toEqual([]);
    // A user sees those of the virtual hosts that it may see.
    const reply = await ask(management.port, '/api/vhost-limits', { login: 'manager:p' });
    expect(JSON.parse(reply.body)).toEqual([]);
  });
});

describe('health checks', () => {
  it('are ok', async () => {
    expect(await get('/api/health/checks/alarms')).toEqual({ status: 'ok' });
    expect(await get('/api/healthchecks/node')).toEqual({ status: 'ok' });
    for (const known of [5672, management.port]) {
      const path = `/api/health/checks/port-listener/${known}`;
      expect(await get(path)).toEqual({ status: 'ok', port: known });
    }
  });

  it('tell whether one more client would be let in', async () => {
    const path = '/api/health/checks/below-node-connection-limit';
    const info = { user: 'guest', vhost: '/', connectedAtMillis: 0, clientProperties: {} };
    const before = new Map(broker.connections);
    try {
      broker.connections.clear();
      broker.connections.set(1, { id: 1, name: 'a', ...info });
      expect(await get(path)).toEqual({ status: 'ok' });
      broker.connections.set(2, { id: 2, name: 'b', ...info });
      const reply = await ask(management.port, path);
      expect([reply.status, JSON.parse(reply.body)]).toEqual([
        503,
        { status: 'failed', reason: 'node connection limit is reached' },
      ]);
    } finally {
      broker.connections.clear();
      for (const [id, connection] of before) broker.connections.set(id, connection);
    }
  });

  it('fail while the memory alarm is set, and only then', async () => {
    const broken = { resource: 'memory', usedBytes: 1, limitBytes: 1 } as const;
    const calm = broker.memory;
    try {
      broker.memory = { ...broken, alarms: [{ vhost: 'other', ...broken }] };
      expect(await statusOf('/api/health/checks/alarms')).toBe(200);
      expect(await get('/api/vhosts/other')).toMatchObject({ publishers_blocked: true });
      expect(await get('/api/vhosts/%2F')).toMatchObject({ publishers_blocked: false });
      const states = async () => {
        const connections: { state: string }[] = await get('/api/connections');
        return connections.map(({ state }) => state);
      };
      expect(await states()).toEqual(['running', 'blocked']);
      broker.memory = { ...broken, alarms: [{ vhost: undefined, ...broken }] };
      expect(await states()).toEqual(['blocking', 'blocked']);
      expect(await get('/api/nodes')).toMatchObject([{ mem_alarm: true }]);
      for (const [check, where] of [
        ['alarms', 'in the cluster'],
        ['local-alarms', 'on the node'],
      ]) {
        const { status, body } = await ask(management.port, `/api/health/checks/${check}`);
        expect([status, JSON.parse(body)]).toEqual([
          503,
          {
            status: 'failed',
            reason: `There are alarms in effect ${where}`,
            alarms: [{ node: expect.stringMatching(/^rabbit@/u), resource: 'memory' }],
          },
        ]);
      }
    } finally {
      broker.memory = calm;
    }
    expect(await get('/api/health/checks/local-alarms')).toEqual({ status: 'ok' });
  });

  it('name the disk while its alarm is set, and memory beside it', async () => {
    const { memory, disk } = broker;
    const alarm = { resource: 'disk', vhost: undefined, freeBytes: 1, limitBytes: 2000 } as const;
    const resourcesOf = async (check: string) => {
      const { status, body } = await ask(management.port, `/api/health/checks/${check}`);
      const { alarms }: { alarms: { resource: string }[] } = JSON.parse(body);
      return [status, ...alarms.map(({ resource }) => resource)];
    };
    try {
      broker.disk = { ...disk, freeBytes: 1, alarm: { ...alarm, shortLogs: ['shard 1'] } };
      expect(await resourcesOf('alarms')).toEqual([503, 'disk']);
      expect(await get('/api/nodes')).toMatchObject([
        {
          mem_alarm: false,
          disk_free: 1,
          disk_free_limit: 2000,
          disk_free_alarm: true,
          disk_full_logs: ['shard 1'],
        },
      ]);
      expect(await get('/api/vhosts/%2F')).toMatchObject({ publishers_blocked: true });
      expect(await get('/api/connections')).toMatchObject([
        { state: 'blocking' },
        { state: 'blocked' },
      ]);
      const figures = { resource: 'memory', usedBytes: 1, limitBytes: 1 } as const;
      broker.memory = { ...memory, alarms: [{ vhost: undefined, ...figures }] };
      expect(await resourcesOf('local-alarms')).toEqual([503, 'memory', 'disk']);
    } finally {
      broker.memory = memory;
      broker.disk = disk;
    }
    expect(await statusOf('/api/health/checks/alarms')).toBe(200);
  });

  it.each([
    ['certificate-expiration/1/weeks', {}],
    ['virtual-hosts', {}],
    ['node-is-quorum-critical', { reason: 'single node cluster' }],
    ['ready-to-serve-clients', {}],
    ['is-in-service', {}],
    ['protocol-listener/amqp091', { protocol: 'amqp' }],
    ['protocol-listener/AMQP1.0', { protocol: 'amqp' }],
    ['protocol-listener/management', { protocol: 'http' }],
  ])('%s is ok', async (check, more) => {
    expect(await get(`/api/health/checks/${check}`)).toEqual({ status: 'ok', ...more });
  });

  it.each([
    ['mqtts', 'mqtt/ssl'],
    ['amqps', 'amqp/ssl'],
    ['mqtt+tls', 'mqtt/ssl'],
    ['stomp1.2', 'stomp'],
    ['web_stomp', 'http/web-stomp'],
    ['webmqtt/tls', 'https/web-mqtt'],
    ['https', 'https'],
    ['cli', 'clustering'],
    ['gopher', 'gopher'],
  ])('tell that nobody listens for %s', async (asked, missing) => {
    const path = `/api/health/checks/protocol-listener/${encodeURIComponent(asked)}`;
    const { status, body } = await ask(management.port, path);
    const expected = { status: 'failed', reason: 'No active listener', missing };
    expect([status, JSON.parse(body)]).toEqual([503, { ...expected, protocols: ['amqp', 'http'] }]);
  });

  it('fail when no client can connect', async () => {
    broker.control.isListening = false;
    try {
      for (const check of ['ready-to-serve-clients', 'is-in-service', 'protocol-listener/amqp']) {
        expect(await statusOf(`/api/health/checks/${check}`)).toBe(503);
      }
    } finally {
      broker.control.isListening = true;
    }
  });

  it.each([
    ['x/days', 'Invalid expiration value.'],
    ['1/hours', 'Time unit not recognised. Supported units: days, weeks, months, years.'],
  ])('certificate-expiration/%s is refused', async (end, reason) => {
    const path = `/api/health/checks/certificate-expiration/${end}`;
    const { status, body } = await ask(management.port, path);
    expect([status, JSON.parse(body)]).toEqual([400, { error: 'bad_request', reason }]);
  });

  it('tell which port is missing', async () => {
    const reply = await ask(management.port, '/api/health/checks/port-listener/1');
    expect(reply.status).toBe(503);
    expect(JSON.parse(reply.body)).toEqual({
      status: 'failed',
      reason: 'No active listener',
      missing: 1,
      ports: [5672, management.port],
    });
    const invalid = await ask(management.port, '/api/health/checks/port-listener/amqp');
    expect([invalid.status, JSON.parse(invalid.body)]).toEqual([
      400,
      { error: 'bad_request', reason: 'Invalid port' },
    ]);
  });
});
