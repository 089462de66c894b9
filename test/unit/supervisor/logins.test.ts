// Logins: backends asked in turn, what they say about permissions and secrets, and what is left when
// a connection ends.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type AuthBackend,
  chosenBackends,
  InternalBackend,
  type LoggedIn,
} from '../../../src/auth/backend.ts';
import { defaultUser, Users } from '../../../src/auth/users.ts';
import { Logins } from '../../../src/supervisor/logins.ts';

const HERE = '127.0.0.1';
const THERE = '192.0.2.1';
const FULL = { configure: '.*', write: '.*', read: '.*' };

let users: Users;
let asked: string[];

/** Knows one user; `more` is what it says about it. */
function backend(name: string, user: string, more: Partial<LoggedIn> = {}): AuthBackend {
  return {
    name,
    authenticate: ({ username }) => {
      asked.push(name);
      return username === user ? { username, tags: [name], ...more } : undefined;
    },
  };
}

const logInsWith = (...others: AuthBackend[]) =>
  new Logins(users, [...others, new InternalBackend(users)], ['guest']);
const logIn = (logins: Logins, username: string, password = username, from = HERE, id = 1) =>
  logins.logIn(id, 'PLAIN', { username, password: Buffer.from(password) }, from);

beforeEach(() => {
  asked = [];
  users = new Users();
  users.add(defaultUser('guest', 'guest', '/'));
});

describe('a login', () => {
  it('is taken by the first backend that agrees', async () => {
    const logins = logInsWith(backend('a', 'x'), backend('b', 'x'), backend('c', 'x'));
    expect(await logIn(logins, 'x')).toBe('x');
    expect(asked).toEqual(['a']);
    expect(await logIn(logins, 'guest')).toBe('guest');
    expect(asked).toEqual(['a', 'a', 'b', 'c']);
    await expect(logIn(logins, 'guest', 'wrong')).rejects.toThrow(/Login was refused/);
    expect(logins.counts).toEqual({ attempts: 3, succeeded: 2, failed: 1 });
  });

  it('is not hindered by a backend that fails', async () => {
    const broken: AuthBackend = { name: 'a', authenticate: () => Promise.reject(new Error('x')) };
    expect(await logIn(logInsWith(broken), 'guest')).toBe('guest');
  });

  it('is of the user that the backend names, also where only this machine may be', async () => {
    const logins = logInsWith(backend('a', 'x', { username: 'guest' }));
    expect(await logIn(logins, 'x')).toBe('guest');
    await expect(logIn(logins, 'x', 'x', THERE)).rejects.toThrow(/Login was refused/);
  });

  it('by certificate takes a user that there is', async () => {
    const logins = logInsWith();
    const by = (username: string) =>
      logins.logIn(1, 'EXTERNAL', { username, password: undefined }, HERE);
    expect(await by('guest')).toBe('guest');
    await expect(by('nobody')).rejects.toThrow(/mechanism EXTERNAL/);
  });
});

describe('a login by HTTP', () => {
  const request = (logins: Logins, username: string, from = HERE) =>
    logins.logInRequest({ username, password: Buffer.from(username) }, from);

  it('asks the same backends, and has counts of its own', async () => {
    const logins = logInsWith(backend('a', 'x'));
    expect(await request(logins, 'x')).toMatchObject({ name: 'x', tags: ['a'] });
    expect(await request(logins, 'y')).toBe('refused');
    expect(await request(logins, 'guest', THERE)).toBe('not-from-there');
    expect(asked).toEqual(['a', 'a', 'a']);
    expect(logins.requestCounts).toEqual({ attempts: 3, succeeded: 1, failed: 2 });
    expect(logins.counts).toEqual({ attempts: 0, succeeded: 0, failed: 0 });
  });

  it("has the tags and access of the broker's own user, as they are when asked for", async () => {
    users.add({ ...defaultUser('x', '', '/'), tags: ['management'] });
    const who = await request(logInsWith(backend('a', 'x')), 'x');
    expect(who).toMatchObject({ tags: ['a', 'management'] });
    if (typeof who === 'string') throw new Error(who);
    expect(who.accessTo('/')).toMatchObject({ permission: FULL });
    users.setPermission('x', '/', undefined);
    expect(who.accessTo('/')).toBeUndefined();
  });

  it('has what the backend says, and no tag of a user of that name', async () => {
    const access = (vhost: string) =>
      vhost === 'v' ? { tags: [], permission: FULL, topics: new Map() } : undefined;
    const who = await request(logInsWith(backend('a', 'guest', { access })), 'guest');
    if (typeof who === 'string') throw new Error(who);
    expect(who.tags).toEqual(['a']);
    expect([who.accessTo('/'), who.accessTo('v')?.permission]).toEqual([undefined, FULL]);
  });

  it('is not needed to ask whether a password is right', async () => {
    const logins = logInsWith(backend('a', 'x'));
    const isRight = (username: string) =>
      logins.areValid({ username, password: Buffer.from('guest') });
    expect(await Promise.all(['x', 'guest', 'y'].map(isRight))).toEqual([true, true, false]);
    expect(logins.requestCounts.attempts).toBe(0);
  });
});

describe('the access of a login', () => {
  it("is the broker's own user's, with the tags of both", async () => {
    users.add({ ...defaultUser('x', 'x', '/'), tags: ['management'] });
    const logins = logInsWith(backend('a', 'x'));
    await logIn(logins, 'x');
    expect(logins.accessOf(1, 'x', '/')).toMatchObject({
      permission: FULL,
      tags: ['a', 'management'],
    });
    expect(logins.accessOf(1, 'x', 'other')).toBeUndefined();
    expect(logins.followsUser(1)).toBe(true);
  });

  it('is what the backend says, where it says anything', async () => {
    const permission = { ...FULL, write: '^x' };
    const access = (vhost: string) =>
      vhost === 'v' ? { tags: ['t'], permission, topics: new Map() } : undefined;
    const logins = logInsWith(backend('a', 'guest', { access }));
    await logIn(logins, 'guest');
    expect(logins.accessOf(1, 'guest', 'v')).toMatchObject({ permission, tags: ['a', 't'] });
    expect(logins.accessOf(1, 'guest', '/')).toBeUndefined();
    expect(logins.followsUser(1)).toBe(false);
    logins.forget(1);
    expect(logins.accessOf(1, 'guest', '/')).toMatchObject({ permission: FULL });
  });

  it('leaves nothing of a connection that ended meanwhile', async () => {
    const logins = logInsWith(backend('a', 'guest', { access: () => undefined }));
    const login = logIn(logins, 'guest');
    logins.forget(1);
    await login;
    expect(logins.accessOf(1, 'guest', '/')).toBeDefined();
  });
});

describe('a new secret', () => {
  const update = (logins: Logins, secret: string, vhost = '/') =>
    logins.updateSecret(1, 'guest', vhost, Buffer.from(secret));

  it('is taken when the backend has nothing to say', async () => {
    const logins = logInsWith();
    await logIn(logins, 'guest');
    expect(await update(logins, 'any')).toMatchObject({ permission: FULL });
  });

  it('is refused by the backend, or for want of access to the virtual host', async () => {
    const refresh = (secret: Uint8Array) => Buffer.from(secret).toString() === 'good';
    const logins = logInsWith(backend('a', 'guest', { refresh }));
    await logIn(logins, 'guest');
    expect(await update(logins, 'good')).toBeDefined();
    await expect(update(logins, 'bad')).rejects.toThrow(
      'NOT_ALLOWED - New secret was refused by one of the backends',
    );
    await expect(update(logins, 'good', 'v')).rejects.toThrow(
      "NOT_ALLOWED - access to vhost 'v' refused for user 'guest'",
    );
  });
});

it('a backend that nobody provides is an error at start', () => {
  const internal = new InternalBackend(users);
  expect(chosenBackends(['internal'], [internal])).toEqual([internal]);
  expect(() => chosenBackends(['internal', 'ldap'], [internal])).toThrow(
    "auth_backends names 'ldap', which nothing provides (there is: internal)",
  );
});
