// Users, permissions, topic permissions and limits by HTTP: what is kept, what is answered, and who
// may.
import { describe, expect, it } from 'vitest';
import { verifyPassword } from '../../../src/auth/password.ts';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker } = management;
const { get, send, statusOf } = management;

describe('users', () => {
  it('are made, changed and deleted', async () => {
    const path = '/api/users/a%2Fb';
    expect((await send('PUT', path, { password: 's', tags: 'management, x' })).status).toBe(201);
    const { passwordHash, hashingAlgorithm } = broker.users.find('a/b')!;
    expect(verifyPassword('s', passwordHash, hashingAlgorithm)).toBe(true);
    expect(await get(path)).toEqual({
      name: 'a/b',
      password_hash: passwordHash,
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: ['management', 'x'],
      limits: {},
    });
    const hash = { password_hash: passwordHash, tags: ['administrator'] };
    expect((await send('PUT', path, hash)).status).toBe(204);
    expect(broker.users.find('a/b')).toMatchObject({ passwordHash, tags: ['administrator'] });
    expect((await send('DELETE', path)).status).toBe(204);
    expect((await send('DELETE', path)).status).toBe(404);
  });

  it('keep hashes of RabbitMQ as they are', async () => {
    const body = { password_hash: 'AAAA', hashing_algorithm: 'rabbit_password_hashing_sha512' };
    await send('PUT', '/api/users/h', { ...body, tags: '' });
    expect(await get('/api/users/h')).toMatchObject({ ...body, tags: [] });
    await send('DELETE', '/api/users/h');
  });

  it('without a password let nobody in', async () => {
    expect((await send('PUT', '/api/users/n', { tags: 'administrator' })).status).toBe(201);
    expect(await statusOf('/api/whoami', 'n:')).toBe(401);
    await send('DELETE', '/api/users/n');
  });

  it.each([
    [{ password: 'x' }, 'tags_not_present'],
    [{ password: 5, tags: '' }, 'password should be a string'],
    [{ password_hash: 'no base64!', tags: '' }, 'password_hash is not base64'],
    [{ password_hash: 'AAAA', hashing_algorithm: 'md5', tags: '' }, 'hashing_algorithm md5'],
    [{ tags: [1] }, 'tags should be a list'],
    ['nope', 'not_json'],
  ])('are refused: %j', async (body, reason) => {
    const { status, reason: said } = await send('PUT', '/api/users/bad', body);
    expect([status, said]).toEqual([400, expect.stringContaining(reason)]);
    expect(broker.users.find('bad')).toBeUndefined();
  });

  it('are deleted many at once, and listed without permissions', async () => {
    for (const name of ['x1', 'x2']) await send('PUT', `/api/users/${name}`, { tags: '' });
    const lonely = (await get('/api/users/without-permissions')) as { name: string }[];
    expect(lonely.map(({ name }) => name)).toEqual(['monitor', 'x1', 'x2']);
    const users = { users: ['x1', 'x2', 'none'] };
    expect((await send('POST', '/api/users/bulk-delete', users)).status).toBe(204);
    expect(broker.users.find('x1') ?? broker.users.find('x2')).toBeUndefined();
  });

  it.each(['monitor:p', 'manager:p', 'nobody:p'])('are not for %s', async (login) => {
    for (const path of ['/api/users', '/api/permissions', '/api/definitions', '/api/users/guest']) {
      expect(await statusOf(path, login)).toBe(401);
    }
    const { status } = await send('PUT', '/api/users/evil', { tags: 'administrator' }, login);
    expect([status, broker.users.find('evil')]).toEqual([401, undefined]);
  });
});

describe('permissions', () => {
  const path = '/api/permissions/%2F/monitor';
  const permission = { configure: '^a', write: '', read: '.*' };

  it('are set, shown everywhere, and taken away', async () => {
    expect((await send('PUT', path, permission)).status).toBe(201);
    expect((await send('PUT', path, permission)).status).toBe(204);
    const shown = { user: 'monitor', vhost: '/', ...permission };
    expect(await get(path)).toEqual(shown);
    expect(await get('/api/users/monitor/permissions')).toEqual([shown]);
    expect(await get('/api/vhosts/%2F/permissions')).toContainEqual(shown);
    expect(await get('/api/permissions')).toContainEqual(shown);
    expect((await send('DELETE', path)).status).toBe(204);
    expect(await statusOf(path)).toBe(404);
    expect((await send('DELETE', path)).status).toBe(404);
  });

  it('need a user, a virtual host, and patterns', async () => {
    expect((await send('PUT', '/api/permissions/%2F/none', permission)).status).toBe(404);
    expect((await send('PUT', '/api/permissions/none/monitor', permission)).status).toBe(404);
    expect(await send('PUT', path, { configure: '' })).toMatchObject({
      status: 400,
      reason: '[{key_missing,write},{key_missing,read}]',
    });
    expect((await send('PUT', path, { ...permission, read: '(' })).status).toBe(400);
    expect(broker.users.find('monitor')!.permissions.size).toBe(0);
  });
});

describe('topic permissions', () => {
  const path = '/api/topic-permissions/%2F/manager';
  const topic = { exchange: 'amq.topic', write: '^a', read: '^b' };

  it('are set per exchange, and taken away of one or all', async () => {
    expect((await send('PUT', path, topic)).status).toBe(201);
    expect((await send('PUT', path, { ...topic, exchange: 'x' })).status).toBe(201);
    const shown = { user: 'manager', vhost: '/', ...topic };
    expect(await get(`${path}/amq.topic`)).toEqual([shown]);
    expect(await get('/api/topic-permissions')).toHaveLength(2);
    expect(await get('/api/vhosts/%2F/topic-permissions')).toContainEqual(shown);
    expect((await send('DELETE', `${path}/x`)).status).toBe(204);
    expect(await get('/api/users/manager/topic-permissions')).toEqual([shown]);
    expect((await send('DELETE', path)).status).toBe(204);
    expect(await statusOf(path)).toBe(404);
  });

  it('need an exchange', async () => {
    expect((await send('PUT', path, { write: '', read: '' })).status).toBe(400);
    expect((await send('PUT', path, { ...topic, exchange: '' })).status).toBe(400);
  });
});

describe('limits', () => {
  it('of users', async () => {
    const path = '/api/user-limits/guest/max-channels';
    expect((await send('PUT', path, { value: 5 })).status).toBe(204);
    expect(await get('/api/user-limits')).toEqual([
      { user: 'guest', value: { 'max-channels': 5 } },
    ]);
    expect((await send('PUT', path, { value: 'x' })).status).toBe(400);
    expect((await send('PUT', '/api/user-limits/guest/max-x', { value: 5 })).status).toBe(404);
    expect((await send('PUT', path, { value: 1 }, 'monitor:p')).status).toBe(401);
    expect((await send('DELETE', path)).status).toBe(204);
    expect(await get('/api/user-limits/guest')).toEqual([]);
  });

  it('of virtual hosts come before those of the configuration', async () => {
    const path = '/api/vhost-limits/other';
    const before = await get(path);
    expect(before).toEqual([{ vhost: 'other', value: { 'max-connections': 5 } }]);
    await send('PUT', `${path}/max-connections`, { value: 7 });
    await send('PUT', `${path}/max-queues`, { value: -1 });
    const value = { 'max-connections': 7, 'max-queues': -1 };
    expect(await get(path)).toEqual([{ vhost: 'other', value }]);
    expect(await get('/api/parameters/vhost-limits/other/limits')).toMatchObject({ value });
    for (const name of Object.keys(value)) await send('DELETE', `${path}/${name}`);
    expect(await get(path)).toEqual(before);
    expect(await get('/api/parameters')).toEqual([]);
  });
});
